import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  encodeBook,
  encodeLevels,
  type Level,
  type ProductBook,
  type Since,
} from '../../../src/models/product-book.ts'
import type { BookTop } from '../../../src/processors/processor.ts'
import { type Decoded, decode, decodeFast, identityOf } from '../../../src/processors/running/decode.ts'

/**
 * The scanner and the schema are held against each other on every text: what the scanner answers is what the schema says,
 * and what it does not answer is left to the schema.
 */
const FEED = identityOf(7, 'book', { venue: 'coinbase', source: 'mock', product: 'BTC-USD' })
const RUNS = { numRuns: 2_000 }

const fast = (text: string) => decodeFast(text, FEED, 3) as BookTop | undefined
const slow = (text: string): ReturnType<typeof decode> => decode(text, 'books', 3, () => FEED)

/** The scanner's answer, which must be the schema's; undefined where it left the text to the schema. */
function agreed(text: string): BookTop | undefined {
  const book = fast(text)
  if (book === undefined) return undefined
  const decoded = slow(text)
  if (decoded.type !== 'book') throw new Error(`the schema refuses what the scanner took: ${text}`)
  expect(book).toEqual((decoded as Extract<Decoded, { type: 'book' }>).record)
  return book
}

const TIME_MS = Date.UTC(2026, 10, 20, 14, 30)
const digits = (max: number) =>
  fc.tuple(
    fc.integer({ min: 1, max: 9 }),
    fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: max - 1 }),
  )
const anyDecimal: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(
      fc.constant('0'),
      digits(20).map(([first, rest]) => first + rest),
    ),
    fc.option(fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 18 })),
  )
  .map(([whole, places]) => (places === null ? whole : `${whole}.${places}`))
  .filter((text) => /[1-9]/.test(text))
const anyCount = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 999_999_999_999_999 }))
const anySide: fc.Arbitrary<Level[]> = fc.array(fc.tuple(anyDecimal, anyDecimal, fc.option(anyCount)), {
  minLength: 1,
  maxLength: 5,
})
const anyTime = fc.integer({ min: TIME_MS - 1e9, max: TIME_MS })
const anySince: fc.Arbitrary<Since> = fc.record({
  updates: anyCount,
  bidMax: anyDecimal,
  bidMaxAtMs: anyTime,
  askMin: anyDecimal,
  askMinAtMs: anyTime,
  spreadMax: anyDecimal,
  spreadMaxBid: anyDecimal,
  spreadMaxAtMs: anyTime,
})
const anyBookInBase: fc.Arbitrary<ProductBook> = fc.record({
  type: fc.constant('book' as const),
  venue: fc.constant('coinbase' as const),
  source: fc.constant('mock' as const),
  product: fc.constant('BTC-USD'),
  sequence: fc.option(fc.oneof(fc.nat(), fc.integer({ min: 0, max: 999_999_999_999_999 }))),
  exchangeTimeMs: fc.option(anyTime),
  receivedAtMs: fc.integer({ min: TIME_MS, max: TIME_MS + 1e9 }),
  state: fc.constantFrom('ok' as const, 'crossed' as const, 'locked' as const, 'indicative' as const),
  bids: anySide,
  asks: anySide,
  bidLevels: anyCount,
  askLevels: anyCount,
  since: fc.option(anySince),
})
const anyBook: fc.Arbitrary<ProductBook> = fc
  .tuple(anyBookInBase, fc.option(fc.constantFrom('1 USD', '0.01 BTC', '10000000000000000000 X')))
  .map(([book, unit]) => (unit === null ? book : { ...book, unit }))

function textOf(book: ProductBook): string {
  return encodeBook({ ...book, bids: encodeLevels(book.bids), asks: encodeLevels(book.asks) })
}

const BOOK: ProductBook = {
  type: 'book',
  venue: 'coinbase',
  source: 'mock',
  product: 'BTC-USD',
  sequence: 42,
  exchangeTimeMs: TIME_MS,
  receivedAtMs: TIME_MS + 80,
  state: 'ok',
  bids: [
    ['71234.56', '1.5', 3],
    ['71234.55', '0.25', null],
  ],
  asks: [['71235.57', '2', 1]],
  bidLevels: 50,
  askLevels: 51,
  since: null,
}
const GOOD = textOf(BOOK)
const SINCE: Since = {
  updates: 3,
  bidMax: '71300',
  bidMaxAtMs: TIME_MS,
  askMin: '71200.5',
  askMinAtMs: TIME_MS - 10,
  spreadMax: '2',
  spreadMaxBid: '71234',
  spreadMaxAtMs: TIME_MS - 20,
}
/** A book that stands for several updates and is not counted in its base: all that a book may say. */
const FULL = textOf({ ...BOOK, since: SINCE, unit: '0.01 BTC' })

describe('the scanner and the schema', () => {
  test('agree on every book in our own writing, and the scanner takes it', () => {
    fc.assert(
      fc.property(anyBook, (book) => {
        expect(agreed(textOf(book))).toBeDefined()
      }),
      RUNS,
    )
  })

  test('agree on every text that one slip of the hand makes of a book', () => {
    const anyGlyph = fc.constantFrom(...'0123456789.,-+eE"[]{}:\\ nul\t\n\u0000é')
    const anySlip = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      cut: fc.nat(3),
      put: fc.array(anyGlyph, { maxLength: 3 }),
    })
    let taken = 0
    fc.assert(
      fc.property(anyBook, fc.array(anySlip, { minLength: 1, maxLength: 2 }), (book, slips) => {
        let text = textOf(book)
        for (const { at, cut, put } of slips) {
          const place = FEED.head.length + Math.floor(at * (text.length - FEED.head.length))
          text = text.slice(0, place) + put.join('') + text.slice(place + cut)
        }
        if (agreed(text) !== undefined) taken++
      }),
      RUNS,
    )
    // A changed digit is still a book: the property must have seen such, or it says nothing.
    expect(taken).toBeGreaterThan(50)
  })

  test.each([
    ['the shortest', GOOD],
    ['the fullest', FULL],
  ])('agree wherever a text is cut off: only the whole is a book, %s', (_, text) => {
    for (let length = 0; length < text.length; length++) expect(agreed(text.slice(0, length))).toBeUndefined()
    expect(agreed(text)).toBeDefined()
  })

  test('agree whatever single character is exchanged', () => {
    for (let at = 0; at < FULL.length; at++) {
      for (const glyph of '0 9.-,"[]{}eB') agreed(FULL.slice(0, at) + glyph + FULL.slice(at + 1))
    }
  })

  test('agree on products whose names are not Latin', () => {
    const product = '币安人生-USDT'
    const feed = identityOf(7, 'book', { venue: 'binance', source: 'binance', product })
    const text = textOf({
      ...BOOK,
      venue: 'binance',
      source: 'binance',
      product,
      since: SINCE,
      unit: '1 USD',
    })
    const decoded = decode(text, 'books', 3, () => feed)
    expect(decodeFast(text, feed, 3)).toEqual((decoded as Extract<Decoded, { type: 'book' }>).record)
    // Beyond the head a letter of more than one byte would move every number from its place.
    expect(decodeFast(text.replace('1 USD', '1 ÜSD'), feed, 3)).toBeUndefined()
    const long = text.replace('"71234.56"', '"71234.560000000000001"')
    expect(decodeFast(long, feed, 3)).toMatchObject({
      bid: { units: 71_234_560_000_000_000_001n, scale: 15 },
    })
  })
})

describe('numbers', () => {
  const prices: [string, boolean][] = [
    ['1', true],
    ['0.1', true],
    ['0.000000000000000001', true],
    ['99999999999999999999.999999999999999999', true],
    ['9007199254740991', true],
    ['9007199254740993', true],
    ['0.9007199254740993', true],
    ['100.00', true],
    ['0', false],
    ['0.0', false],
    ['01', false],
    ['00.1', false],
    ['.5', false],
    ['5.', false],
    ['-1', false],
    ['-0', false],
    ['+1', false],
    ['1e3', false],
    ['1e999', false],
    ['NaN', false],
    ['1,5', false],
    ['0x10', false],
    ['', false],
    [' 1', false],
    ['1 ', false],
    ['1.1.1', false],
    ['123456789012345678901', false],
    ['1.1234567890123456789', false],
    ['１', false],
  ]
  test.each(prices)('"%s" is a price: %s', (price, isPrice) => {
    for (const text of [GOOD.replace('71234.56', price), GOOD.replace('"1.5"', `"${price}"`)]) {
      expect(agreed(text) !== undefined).toBe(isPrice)
      expect(slow(text).type).toBe(isPrice ? 'book' : 'foreign')
    }
  })

  const whole: [string, string, boolean][] = [
    ['"sequence":42', '"sequence":0', true],
    ['"sequence":42', '"sequence":999999999999999', true],
    ['"sequence":42', '"sequence":9007199254740991', true],
    ['"sequence":42', '"sequence":9007199254740993', false],
    ['"sequence":42', '"sequence":null', true],
    ['"sequence":42', '"sequence":-1', false],
    ['"sequence":42', '"sequence":042', false],
    ['"sequence":42', '"sequence":4.2', false],
    ['"sequence":42', '"sequence":42.0', true],
    ['"sequence":42', '"sequence":4e1', true],
    ['"sequence":42', '"sequence":1e999', false],
    ['"sequence":42', '"sequence":"42"', false],
    ['"sequence":42', '"sequence":', false],
    [`"exchangeTimeMs":${TIME_MS}`, '"exchangeTimeMs":null', true],
    [`"exchangeTimeMs":${TIME_MS}`, '"exchangeTimeMs":0', false],
    [`"exchangeTimeMs":${TIME_MS}`, `"exchangeTimeMs":${Date.UTC(2010, 0, 1)}`, true],
    [`"exchangeTimeMs":${TIME_MS}`, `"exchangeTimeMs":${Date.UTC(2010, 0, 1) - 1}`, false],
    [`"exchangeTimeMs":${TIME_MS}`, `"exchangeTimeMs":${TIME_MS}000`, false],
    [`"receivedAtMs":${TIME_MS + 80}`, '"receivedAtMs":null', false],
    [`"receivedAtMs":${TIME_MS + 80}`, `"receivedAtMs":${Date.UTC(2100, 0, 1)}`, true],
    [`"receivedAtMs":${TIME_MS + 80}`, `"receivedAtMs":${Date.UTC(2100, 0, 1) + 1}`, false],
    ['"bidLevels":50', '"bidLevels":0', false],
    ['"bidLevels":50', '"bidLevels":null', false],
    ['"askLevels":51', '"askLevels":-51', false],
    [',3]', ',0]', false],
    [',3]', ',-3]', false],
    [',3]', ',3.5]', false],
    [',3]', ',999999999999999]', true],
    [',3]', ',9007199254740993]', false],
    [',3]', ',null]', true],
    [',3]', ',"3"]', false],
    [',3]', ']', false],
    [',3]', ',3,4]', false],
    ['"updates":3', '"updates":0', false],
    ['"updates":3', '"updates":1.5', false],
    ['"bidMax":"71300"', '"bidMax":"0"', false],
    ['"bidMax":"71300"', '"bidMax":71300', false],
    ['"askMin":"71200.5"', '"askMin":"-1"', false],
    ['"spreadMax":"2"', '"spreadMax":"0.0"', false],
    ['"spreadMaxBid":"71234"', '"spreadMaxBid":"71234.123456789012345678"', true],
    [`"bidMaxAtMs":${TIME_MS}`, '"bidMaxAtMs":0', false],
    [`"askMinAtMs":${TIME_MS - 10}`, '"askMinAtMs":null', false],
    [`,"spreadMaxAtMs":${TIME_MS - 20}`, '', false],
    ['"unit":"0.01 BTC"', '"unit":"BTC"', false],
    ['"unit":"0.01 BTC"', '"unit":"0.01  BTC"', false],
    ['"unit":"0.01 BTC"', '"unit":"1 USD"', true],
    ['"unit":"0.01 BTC"', '"unit":""', false],
    ['"unit":"0.01 BTC"', '"unit":null', false],
  ]
  test.each(whole)('%s may be %s: %s', (written, instead, isBook) => {
    const text = FULL.replace(written, instead)
    expect(text).not.toBe(FULL)
    agreed(text)
    expect(slow(text).type).toBe(isBook ? 'book' : 'foreign')
  })
})

describe('forms', () => {
  const level = '["1","1",1]'
  const levels = (count: number) => `[${Array.from({ length: count }, () => level).join(',')}]`
  const asks = '"asks":[["71235.57","2",1]]'
  const forms: [string, string, boolean, boolean][] = [
    ['our own', GOOD, true, true],
    ['1,000 levels', GOOD.replace(asks, `"asks":${levels(1_000)}`), true, true],
    ['1,001 levels', GOOD.replace(asks, `"asks":${levels(1_001)}`), false, false],
    ['an empty side', GOOD.replace(asks, '"asks":[]'), false, false],
    ['a side of nothing', GOOD.replace(asks, '"asks":null'), false, false],
    ['a missing side', GOOD.replace(`${asks},`, ''), false, false],
    ['an unknown state', GOOD.replace('"ok"', '"okay"'), false, false],
    ['a state cut short', GOOD.replace('"ok"', '"o"'), false, false],
    ['another key order', swapped('"bidLevels":50', '"askLevels":51'), false, true],
    ['an extra key at the end', GOOD.replace('"since":null}', '"since":null,"more":1}'), false, true],
    ['an extra key inside', GOOD.replace('"state"', '"more":{"bids":[]},"state"'), false, true],
    ['a key twice', GOOD.replace('"bidLevels":50', '"bidLevels":50,"bidLevels":60'), false, true],
    ['spaces', GOOD.replaceAll(',', ', '), false, true],
    ['a line break behind it', `${GOOD}\n`, false, true],
    ['something behind it', `${GOOD}x`, false, false],
    ['two books', GOOD + GOOD, false, false],
    ['an escaped letter', GOOD.replace('"ok"', '"\\u006fk"'), false, true],
    ['a trailing comma', GOOD.replace(',1]],', ',1],],'), false, false],
    ['another product under the same head', GOOD.replace('BTC-USD', 'ETH-USD'), false, true],
    ['updates since the last book', textOf({ ...BOOK, since: SINCE }), true, true],
    ['sizes that are not in the base', textOf({ ...BOOK, unit: '1 USD' }), true, true],
    ['a unit twice', FULL.replace('}', '},"unit":"1 USD"'), false, true],
    ['an extra key among the updates', FULL.replace('"bidMax"', '"more":1,"bidMax"'), false, true],
  ]
  test.each(forms)('%s', (_, text, isScanned, isBook) => {
    expect(agreed(text) !== undefined).toBe(isScanned)
    expect(slow(text).type).toBe(isBook ? 'book' : 'foreign')
  })

  function swapped(a: string, b: string): string {
    return GOOD.replace(a, '#').replace(b, a).replace('#', b)
  }
})

test('one scanner for all leaves nothing of one text in the answer to the next', () => {
  const broken = GOOD.replace('"71235.57"', '"0"')
  const other = GOOD.replace('71234.56', '99')
  expect(fast(broken)).toBeUndefined()
  expect(fast(other)?.bid).toEqual({ units: 99, scale: 0 })
  expect(fast(GOOD)?.bid).toEqual({ units: 7_123_456, scale: 2 })
})
