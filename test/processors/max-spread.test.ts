import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { maxSpread } from '../../src/processors/max-spread.ts'
import { anyBook, book, holdsInAnyOrder, merged, START_MS, written } from './play.ts'

const FIVE_MINUTES_MS = 300_000
const processor = maxSpread([FIVE_MINUTES_MS])
const key = [7, FIVE_MINUTES_MS, START_MS]

describe('max-spread', () => {
  test('the widest spread is exact, with its first moment and in basis points of its own mid', () => {
    const books = [
      book({ at: START_MS + 1, bid: '71234.56', ask: '71235.57' }),
      book({ at: START_MS + 2, bid: '71234.50', ask: '71235.51' }),
      book({ at: START_MS + 3, bid: '71234.56', ask: '71234.57' }),
    ]
    expect(written(processor, merged(processor, key, books))).toMatchObject({
      max_spread: '1.01',
      max_spread_at_ms: START_MS + 1,
      max_spread_bps: '0.141784105903',
      crossed_max: null,
      books: 3,
    })
  })

  test('19 of 19 books crossed: the widest by 139.6902 at 06:02:21.205, and no spread', () => {
    const fixture = new URL('../../fixtures/golden/nineteen-crossed-books.json', import.meta.url)
    const { rows } = JSON.parse(readFileSync(fixture, 'utf8')) as {
      rows: { highestBid: string; lowestAsk: string; at: string }[]
    }
    const books = rows.map((row) =>
      book({ at: `${row.at.replace(' ', 'T').slice(0, 23)}Z`, bid: row.highestBid, ask: row.lowestAsk }),
    )
    const window = [7, FIVE_MINUTES_MS, Date.parse('2024-11-28T06:00:00Z')]
    expect(written(processor, merged(processor, window, books))).toMatchObject({
      max_spread: null,
      max_spread_bps: null,
      crossed_max: '139.6902',
      crossed_max_at_ms: Date.parse('2024-11-28T06:02:21.205Z'),
      books: 19,
      crossed: 19,
    })
  })

  test('the widest moment of the updates that a book stands for counts, with that moment’s mid', () => {
    const since = {
      updates: 9,
      bidMax: '100',
      bidMaxAtMs: START_MS,
      askMin: '101',
      askMinAtMs: START_MS,
      spreadMax: '4',
      spreadMaxBid: '98',
      spreadMaxAtMs: START_MS + 20,
    }
    const books = [book({ at: START_MS + 100, bid: '100', ask: '101', since })]
    expect(written(processor, merged(processor, key, books))).toMatchObject({
      max_spread: '4',
      max_spread_at_ms: START_MS + 20,
      max_spread_bps: '400',
    })
  })

  test('an indicative book has no spread, however wide', () => {
    const books = [book({ at: START_MS, bid: '1', ask: '100', state: 'indicative' })]
    expect(written(processor, merged(processor, key, books))).toMatchObject({
      max_spread: null,
      indicative: 1,
    })
  })

  test('every arrival order gives the same row, ties included', () => {
    holdsInAnyOrder(processor, key, anyBook)
  })
})
