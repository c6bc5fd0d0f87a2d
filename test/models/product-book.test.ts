import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  BOOK_LEVELS_MAX,
  BOOK_STATES,
  bookHead,
  encodeBook,
  encodeLevels,
  type Level,
  ProductBook,
} from '../../src/models/product-book.ts'
import { TIME_MS_MAX, TIME_MS_MIN } from '../../src/models/scalars.ts'

const example: ProductBook = {
  type: 'book',
  venue: 'coinbase',
  source: 'mock',
  product: 'BTC-USD',
  sequence: 42,
  exchangeTimeMs: Date.UTC(2026, 10, 20, 14, 31, 10),
  receivedAtMs: Date.UTC(2026, 10, 20, 14, 31, 11),
  state: 'ok',
  bids: [['71234.56', '1.2', 3]],
  asks: [['71235.57', '0.9', null]],
  bidLevels: 18_376,
  askLevels: 27_017,
  since: null,
}

test('a book travels as this text, its fields always in this order', () => {
  expect(encoded(example)).toBe(
    '{"type":"book","venue":"coinbase","source":"mock","product":"BTC-USD","sequence":42,' +
      '"exchangeTimeMs":1795185070000,"receivedAtMs":1795185071000,"state":"ok",' +
      '"bids":[["71234.56","1.2",3]],"asks":[["71235.57","0.9",null]],"bidLevels":18376,"askLevels":27017,"since":null}',
  )
})

test('every book begins with the head of its feed', () => {
  expect(encoded(example).startsWith(bookHead('coinbase', 'mock', 'BTC-USD'))).toBe(true)
})

test('what is written is the book again, and a valid one', () => {
  fc.assert(
    fc.property(book, (value) => {
      expect(ProductBook.parse(JSON.parse(encoded(value)))).toEqual(value)
    }),
  )
})

describe('a book is refused', () => {
  test.each<[string, Partial<Record<keyof ProductBook, unknown>>]>([
    ['without bids', { bids: [] }],
    ['without asks', { asks: [] }],
    ['with more levels than may travel', { bids: Array(BOOK_LEVELS_MAX + 1).fill(['1', '1', 1]) }],
    ['with a size of zero', { asks: [['1', '0', 1]] }],
    ['with a float for a price', { bids: [[71234.56, '1', 1]] }],
    ['with no orders at a level', { bids: [['1', '1', 0]] }],
    ['in a state of its own', { state: 'open' }],
    ['from a venue nobody knows', { venue: 'mtgox' }],
    ['with a sequence below zero', { sequence: -1 }],
    ['with a time in seconds', { receivedAtMs: 1_795_185_071 }],
    ['with a side of no levels', { bidLevels: 0 }],
  ])('%s', (_, wrong) => {
    expect(ProductBook.safeParse({ ...example, ...wrong }).success).toBe(false)
  })
})

function encoded(value: ProductBook): string {
  return encodeBook({ ...value, bids: encodeLevels(value.bids), asks: encodeLevels(value.asks) })
}

const price = fc.tuple(fc.nat(999_999), fc.nat(99)).map(([whole, cents]) => `${whole}.${cents + 1}`)
const level: fc.Arbitrary<Level> = fc.tuple(price, price, fc.option(fc.integer({ min: 1 })))
const levels = fc.array(level, { minLength: 1, maxLength: 5 })
const timeMs = fc.integer({ min: TIME_MS_MIN, max: TIME_MS_MAX })
const count = fc.integer({ min: 1 })
const since = fc.record({
  updates: count,
  bidMax: price,
  bidMaxAtMs: timeMs,
  askMin: price,
  askMinAtMs: timeMs,
  spreadMax: price,
  spreadMaxBid: price,
  spreadMaxAtMs: timeMs,
})
const book: fc.Arbitrary<ProductBook> = fc.record({
  type: fc.constant('book' as const),
  venue: fc.constant('coinbase' as const),
  source: fc.constantFrom('coinbase' as const, 'mock' as const, 'simulator' as const),
  product: fc.constantFrom('BTC-USD', '1INCH-USDT'),
  sequence: fc.option(fc.maxSafeNat()),
  exchangeTimeMs: fc.option(timeMs),
  receivedAtMs: timeMs,
  state: fc.constantFrom(...BOOK_STATES),
  bids: levels,
  asks: levels,
  bidLevels: count,
  askLevels: count,
  since: fc.option(since),
})
