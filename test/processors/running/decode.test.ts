import { describe, expect, test } from 'vitest'
import { bookHead } from '../../../src/models/product-book.ts'
import {
  decode,
  decodeFast,
  FUTURE_MS_MAX,
  identityOf,
  type Named,
} from '../../../src/processors/running/decode.ts'
import { at, bookText, play, rejection } from './played-log.ts'
import { START_MS } from './rig.ts'

const asked: string[] = []
const feedOf = (named: Named) => {
  asked.push(`${named.venue} ${named.source} ${named.product}`)
  return identityOf(7, 'book', named)
}
const BOOK = bookText({ atMs: START_MS, bid: '71234.56', ask: '71235.57', source: 'mock' })

describe('a record is decoded into what its readers need', () => {
  test('a book: its best prices exact, and its feed', () => {
    asked.length = 0
    expect(decode(BOOK, 'books', 3, feedOf)).toMatchObject({
      type: 'book',
      record: {
        feed: 7,
        n: 3,
        timeMs: START_MS,
        spread: { units: 101, scale: 2 },
        mid: { units: 71_235_065, scale: 3 },
      },
    })
    expect(asked).toEqual(['coinbase mock BTC-USD'])
  })

  test('a book without the venue’s time stands where it was received', () => {
    const value = bookText({ atMs: START_MS, bid: '1', ask: '2', exchangeTimeMs: null })
    expect(decode(value, 'books', 1, feedOf)).toMatchObject({
      record: { timeMs: START_MS, exchangeTimeMs: null },
    })
  })

  test.each([
    ['14:30:00  up BTC-USD', 'books', 'up', { feed: 7, atMs: START_MS }],
    ['14:30:00  hole BTC-USD h1', 'books', 'hole', { feed: 7, id: 'h1', fromMs: START_MS }],
    ['14:30:05  end BTC-USD h1', 'books', 'hole', { feed: 7, toMs: at('14:30:05') }],
    ['14:30:05  mark', 'books', 'mark', { run: 'r1', upToMs: at('14:30:05'), bye: false }],
    ['14:30:05  bye', 'books', 'mark', { bye: true }],
    ['14:30:00  reject', 'rejections', 'rejection', { kind: 'wrong-shape' }],
  ] as const)('%s on %s is a %s', (line, kind, type, record) => {
    expect(decode(play(line)[0]!.value, kind, 1, feedOf)).toMatchObject({ type, record })
  })

  test('the word that a rejection was sent again is read by those who read rejections', () => {
    const value = JSON.stringify({ type: 'resent', id: 'bad-1', atMs: START_MS })
    expect(decode(value, 'rejections', 1, feedOf)).toMatchObject({
      type: 'rejection',
      record: { id: 'bad-1' },
    })
  })
})

describe('what belongs elsewhere is foreign, and why is said', () => {
  test.each([
    ['a rejection among books', JSON.stringify(rejection(START_MS)), 'books', 'type'],
    ['a book among rejections', BOOK, 'rejections', 'type'],
    ['a book among insights', BOOK, 'insights', 'type'],
    ['nothing', '', 'books', ''],
    ['a list', '[]', 'books', ''],
    ['null', 'null', 'books', ''],
    ['a book with a bad level', BOOK.replace('"71234.56"', '"0"'), 'books', 'bids.0.0'],
    ['a book of a venue unknown', BOOK.replace('coinbase', 'nowhere'), 'books', 'venue'],
    ['a product in small letters', BOOK.replace('BTC-USD', 'btc-usd'), 'books', 'product'],
  ] as const)('%s', (_, value, kind, path) => {
    const decoded = decode(value, kind, 1, feedOf)
    expect(decoded).toMatchObject({ type: 'foreign', path })
    expect('message' in decoded && decoded.message).toBeTruthy()
  })

  test('a value that names __proto__ changes no object but itself', () => {
    decode(BOOK.replace('{"type"', '{"__proto__":{"polluted":1},"type"'), 'books', 1, feedOf)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

describe('books of the future', () => {
  const stamped = (aheadMs: number) =>
    bookText({ atMs: START_MS + aheadMs, receivedAtMs: START_MS, bid: '1', ask: '2' })
  const feed = identityOf(7, 'book', { venue: 'coinbase', source: 'coinbase', product: 'BTC-USD' })

  test.each([
    [FUTURE_MS_MAX, true],
    [FUTURE_MS_MAX + 1, false],
  ])('%i ms ahead of their arrival: a book is %s, either way', (aheadMs, isBook) => {
    expect(decode(stamped(aheadMs), 'books', 1, feedOf).type).toBe(isBook ? 'book' : 'foreign')
    expect(decodeFast(stamped(aheadMs), feed, 1) !== undefined).toBe(isBook)
  })
})

test('the head of a feed is how its books begin, and no other feed’s', () => {
  const { head } = identityOf(7, 'book', { venue: 'coinbase', source: 'mock', product: 'BTC-USD' })
  expect(head).toBe(bookHead('coinbase', 'mock', 'BTC-USD'))
  expect(
    decodeFast(BOOK, identityOf(8, 'book', { venue: 'coinbase', source: 'coinbase', product: 'BTC-USD' }), 1),
  ).toBeUndefined()
  expect(
    decodeFast(BOOK, identityOf(7, 'book', { venue: 'coinbase', source: 'mock', product: 'BTC-USD' }), 1),
  ).toBeDefined()
})
