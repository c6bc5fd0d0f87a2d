import { expect, test } from 'vitest'
import { topOfBook } from '../../src/insights/top-of-book.ts'
import { ABOUT, at, openTables } from './tables.ts'

test('the latest book with what its prices and sizes say, and its age', async () => {
  const { db, put } = openTables()
  put('top_of_book', {})
  const [answer] = await topOfBook.answer(db, ABOUT)
  expect(answer!.result).toEqual({
    state: 'ok',
    bid: '71234.56',
    bidSize: '3',
    ask: '71235.57',
    askSize: '1',
    spread: '1.01',
    spreadBps: '0.141784105903',
    mid: '71235.065',
    imbalance: '0.5',
    microprice: '71235.3175',
    sequence: 42,
    exchangeTime: '2026-11-20T14:37:05.000Z',
    receivedAt: '2026-11-20T14:37:05.100Z',
    ageMs: 6_900,
    isStale: false,
    bidLevels: 50,
    askLevels: 50,
  })
  expect(answer!.sentence).toBe('BTC-USD (mock): bid is 71234.56 and ask is 71235.57 at 14:37:05.100')
  expect(answer!.rows[0]![0]!.slice(-2)).toEqual(['6.9 s', ''])
})

test('a book that is more than a minute old is stale', async () => {
  const { db, put } = openTables()
  put(
    'top_of_book',
    { received_at_ms: at('14:36:12') },
    { product: 'ETH-USD', received_at_ms: at('14:36:11') },
  )
  const answers = await topOfBook.answer(db, ABOUT)
  expect(answers.map(({ result }) => result['isStale'])).toEqual([false, true])
  expect(answers.map(({ rows }) => rows[0]![0]!.at(-1))).toEqual(['', 'stale'])
})

test('a crossed book is shown as what it is', async () => {
  const { db, put } = openTables()
  put('top_of_book', { state: 'crossed', bid: '102', ask: '100' })
  const [answer] = await topOfBook.answer(db, ABOUT)
  expect(answer!.result).toMatchObject({ state: 'crossed', spread: '-2', mid: null, imbalance: null })
  expect(answer!.rows[0]![0]!.at(-1)).toBe('crossed')
})
