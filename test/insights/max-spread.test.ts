import { expect, test } from 'vitest'
import { maxSpread } from '../../src/insights/max-spread.ts'
import { ABOUT, at, openTables } from './tables.ts'

test('the widest spread of all time and of the latest windows, each with its time and in bps', async () => {
  const { db, put } = openTables()
  put('top_of_book', {})
  put('max_spread', {}, { start_ms: at('14:35:00'), max_spread: '0.5', complete: 0, coverage: 0.4 })
  put('max_spread_all_time', {
    max_spread: '4.24',
    max_spread_at_ms: at('14:07:01.5'),
    max_spread_bps: '0.594',
  })
  const [answer] = await maxSpread.answer(db, ABOUT)
  expect(answer!.sentence).toBe(
    'BTC-USD (mock) since 14:05:00.000: max spread is 4.24 at 14:07:01.500 (0.594 bps)',
  )
  expect(answer!.result).toMatchObject({
    allTime: [
      { window: '5m', maxSpread: '4.24', maxSpreadAt: '2026-11-20T14:07:01.500Z', maxSpreadBps: '0.594' },
    ],
    windows: [
      { maxSpread: '1.01', maxSpreadBps: '0.141784105903', complete: true },
      { maxSpread: '0.5', complete: false, coverage: 0.4 },
    ],
  })
  expect(answer!.rows[0]!.map((row) => row[2])).toEqual(['all, since 14:05', '14:30-14:35', '14:35-14:40'])
  expect(answer!.rows[0]![2]!.at(-1)).toBe('partial')
})

test('crossed books are said, with how far and when, and that there was no other mid', async () => {
  const { db, put } = openTables()
  put('top_of_book', {})
  const crossed = {
    max_spread: null,
    max_spread_bps: null,
    max_spread_at_ms: null,
    crossed_max: '139.6902',
    crossed_max_at_ms: at('06:02:21.205'),
    books: 19,
    crossed: 19,
  }
  put('max_spread', crossed)
  put('max_spread_all_time', crossed)
  const [answer] = await maxSpread.answer(db, ABOUT)
  const note = '19 of 19 books crossed, widest by 139.6902 at 06:02:21.205; no uncrossed mid'
  expect(answer!.rows[0]!.map((row) => row.at(-1))).toEqual([note, note])
  expect(answer!.sentence).toBe(`BTC-USD (mock) since 14:05:00.000: ${note}`)
  expect(answer!.result['allTime']).toMatchObject([
    { maxSpread: null, crossedMax: '139.6902', crossedMaxAt: '2026-11-20T06:02:21.205Z', crossed: 19 },
  ])
})

test('a few crossed, locked and indicative books stand beside the spread of the others', async () => {
  const { db, put } = openTables()
  put('top_of_book', {})
  put('max_spread_all_time', {
    crossed_max: '0.5',
    crossed_max_at_ms: at('14:31:00'),
    crossed: 2,
    locked: 1,
    indicative: 3,
  })
  const [answer] = await maxSpread.answer(db, ABOUT)
  expect(answer!.rows[0]![0]!.at(-1)).toBe(
    '2 of 60 books crossed, widest by 0.5 at 14:31:00.000, 1 of 60 books locked, 3 of 60 books indicative',
  )
})

test('a feed without a window yet has no answer', async () => {
  const { db, put } = openTables()
  put('top_of_book', {})
  expect(await maxSpread.answer(db, ABOUT)).toEqual([])
})
