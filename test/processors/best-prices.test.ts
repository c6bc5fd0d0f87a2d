import { describe, expect, test } from 'vitest'
import { bestPrices } from '../../src/processors/best-prices.ts'
import { anyBook, book, holdsInAnyOrder, merged, START_MS, written } from './play.ts'

const FIVE_MINUTES_MS = 300_000
const processor = bestPrices([FIVE_MINUTES_MS])
const key = [7, FIVE_MINUTES_MS, START_MS]

describe('best-prices', () => {
  test('a window keeps its highest bid and lowest ask, each with the first moment it was reached', () => {
    expect(
      play(`
        14:31:10  100.00 101.00
        14:32:00  100.50 101.20
        14:32:30  100.5  100.90
        14:34:59   99.00 100.900
      `),
    ).toMatchObject({
      highest_bid: '100.5',
      highest_bid_at_ms: at('14:32:00'),
      lowest_ask: '100.9',
      lowest_ask_at_ms: at('14:32:30'),
      books: 4,
      crossed: 0,
    })
  })

  test('the first and last mid are those of the first and last book in time, whatever order they came in', () => {
    expect(
      play(`
        14:32:00  100.50 101.20
        14:34:59   99.00 100.90
        14:31:10  100.00 101.00
      `),
    ).toMatchObject({ first_mid: '100.5', last_mid: '99.95' })
  })

  test('at one time the book with the higher sequence is the later one', () => {
    const books = [
      book({ at: START_MS, bid: '10', ask: '12', sequence: 2, n: 1 }),
      book({ at: START_MS, bid: '20', ask: '22', sequence: 1, n: 2 }),
      book({ at: START_MS, bid: '30', ask: '32', sequence: null, n: 3 }),
    ]
    expect(written(processor, merged(processor, key, books))).toMatchObject({
      first_mid: '31',
      last_mid: '11',
    })
  })

  test('crossed, locked and indicative books are counted and make no prices', () => {
    const books = [
      book({ at: START_MS, bid: '101', ask: '100' }),
      book({ at: START_MS, bid: '100', ask: '100' }),
      book({ at: START_MS, bid: '90', ask: '110', state: 'indicative' }),
    ]
    expect(written(processor, merged(processor, key, books))).toMatchObject({
      highest_bid: null,
      lowest_ask: null,
      first_mid: null,
      last_mid: null,
      books: 3,
      crossed: 1,
      locked: 1,
      indicative: 1,
    })
  })

  test('an extreme of the updates that a book stands for counts, if it fell into this window', () => {
    const since = {
      updates: 9,
      bidMax: '100.7',
      bidMaxAtMs: START_MS + 10,
      askMin: '99.9',
      askMinAtMs: START_MS - 10,
      spreadMax: '1',
      spreadMaxBid: '100',
      spreadMaxAtMs: START_MS + 20,
    }
    const books = [book({ at: START_MS + 100, bid: '100', ask: '101', since })]
    expect(written(processor, merged(processor, key, books))).toMatchObject({
      highest_bid: '100.7',
      highest_bid_at_ms: START_MS + 10,
      lowest_ask: '101',
      lowest_ask_at_ms: START_MS + 100,
    })
  })

  test('every arrival order gives the same row, ties included', () => {
    holdsInAnyOrder(processor, key, anyBook)
  })
})

function at(clock: string): number {
  return Date.parse(`2026-11-20T${clock}Z`)
}

function play(lines: string) {
  const books = lines
    .trim()
    .split('\n')
    .map((line, i) => {
      const [clock, bid, ask] = line.trim().split(/\s+/) as [string, string, string]
      return book({ at: at(clock), bid, ask, n: i + 1, sequence: i + 1 })
    })
  return written(processor, merged(processor, key, books))
}
