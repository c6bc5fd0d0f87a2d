import { describe, expect, test } from 'vitest'
import { midPrice } from '../../src/processors/mid-price.ts'
import { anyBook, book, holdsInAnyOrder, merged, START_MS, written } from './play.ts'

const key = [START_MS, 7]

describe('mid-price', () => {
  test('the sample of a second is the exact mid of its last ok book', () => {
    const books = [
      book({ at: START_MS + 900, bid: '71234.56', ask: '71235.57' }),
      book({ at: START_MS + 100, bid: '100', ask: '102' }),
      book({ at: START_MS + 950, bid: '103', ask: '102' }),
    ]
    expect(written(midPrice, merged(midPrice, key, books))).toEqual({
      start_ms: START_MS,
      feed: 7,
      mid: '71235.065',
      at_ms: START_MS + 900,
      sequence: 1,
      n: 1,
    })
  })

  test('a second without an ok book has no row', () => {
    const books = [
      book({ at: START_MS, bid: '103', ask: '102' }),
      book({ at: START_MS, bid: '102', ask: '102' }),
      book({ at: START_MS, bid: '101', ask: '102', state: 'indicative' }),
    ]
    expect(merged(midPrice, key, books)).toBeUndefined()
  })

  test('an earlier book leaves the row as it is', () => {
    const row = merged(midPrice, key, [book({ at: START_MS + 900, bid: '100', ask: '102' })])
    expect(midPrice.merge(row, book({ at: START_MS + 100, bid: '1', ask: '2' }), key)).toBe(row)
  })

  test('every arrival order gives the same row, ties included', () => {
    holdsInAnyOrder(midPrice, key, anyBook)
  })
})
