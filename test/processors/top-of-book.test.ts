import { describe, expect, test } from 'vitest'
import { decimalOf } from '../../src/models/decimal.ts'
import type { BookTop } from '../../src/processors/processor.ts'
import { topOfBook } from '../../src/processors/top-of-book.ts'
import { anyBook, book, holdsInAnyOrder, merged, START_MS, written } from './play.ts'

const key = [7]

describe('top-of-book', () => {
  test('the example book: mid 71235.065, spread 1.01, and what its sizes say', () => {
    const example = book({
      at: START_MS,
      bid: '71234.56',
      ask: '71235.57',
      bidSize: '3',
      askSize: '1',
    })
    expect(written(topOfBook, merged(topOfBook, key, [example]))).toMatchObject({
      state: 'ok',
      spread: '1.01',
      mid: '71235.065',
      spread_bps: '0.141784105903',
      imbalance: '0.5',
      microprice: '71235.3175',
    })
  })

  test('the latest book stays, by time, then sequence, then number', () => {
    const books = [
      book({ at: START_MS + 1, bid: '1', ask: '2', sequence: 5, n: 1 }),
      book({ at: START_MS + 1, bid: '3', ask: '4', sequence: 5, n: 2 }),
      book({ at: START_MS + 1, bid: '5', ask: '6', sequence: null, n: 3 }),
      book({ at: START_MS, bid: '7', ask: '8', sequence: 9, n: 4 }),
    ]
    expect(written(topOfBook, merged(topOfBook, key, books))).toMatchObject({ bid: '3', ask: '4' })
  })

  test('a crossed book has a negative spread, and no mid, bps, imbalance or microprice', () => {
    const books = [book({ at: START_MS, bid: '102', ask: '100.5' })]
    expect(written(topOfBook, merged(topOfBook, key, books))).toMatchObject({
      state: 'crossed',
      spread: '-1.5',
      mid: null,
      spread_bps: null,
      imbalance: null,
      microprice: null,
    })
  })

  test('of two runs’ books in the same place, the same one stays whichever came first', () => {
    const base = book({ at: START_MS, bid: '100', ask: '102' })
    const others: Partial<BookTop>[] = [
      { state: 'indicative' },
      { bidSize: decimalOf('2') },
      { askSize: decimalOf('2') },
      { bidLevels: 6 },
      { askLevels: 6 },
      { exchangeTimeMs: null },
      { receivedAtMs: START_MS + 1 },
      { unit: '1 USD' },
    ]
    for (const other of others) {
      const [a, b] = [base, { ...base, ...other }]
      const row = written(topOfBook, merged(topOfBook, key, [a, b]))
      expect(row).toEqual(written(topOfBook, merged(topOfBook, key, [b, a])))
    }
  })

  test('an older book leaves the row as it is', () => {
    const row = merged(topOfBook, key, [book({ at: START_MS + 1, bid: '1', ask: '2' })])
    expect(topOfBook.merge(row, book({ at: START_MS, bid: '3', ask: '4' }), key)).toBe(row)
  })

  test('every arrival order gives the same row, ties included', () => {
    holdsInAnyOrder(topOfBook, key, anyBook)
  })
})
