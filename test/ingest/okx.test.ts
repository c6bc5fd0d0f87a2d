import { describe, expect, test } from 'vitest'
import { okx } from '../../src/ingest/okx.ts'
import { type BookDelta, type Following, NO_NUMBER, type Subscription } from '../../src/ingest/venue.ts'
import { venues } from '../../src/ingest/venues.ts'
import { testFixtures } from './wire-fixtures.ts'

const wire = okx.wires[0]!
const books = wire.books!
const backfill = wire.trades!.backfill!

describe('every fixture becomes what is written beside it', () => {
  testFixtures('fixtures/okx', {
    'ws-': (bytes, about) => wire.parseFrame(bytes, about),
    'rest-instruments': (bytes) => wire.parseListing(bytes),
    'rest-books': (bytes, about) => books.snapshot!.parse(bytes, about),
    'rest-trades': (bytes, about) => backfill.parse(bytes, about.symbol),
  })
})

test('it is one of the venues', () => {
  expect(venues.okx).toBe(okx)
})

describe('subscribing', () => {
  const asked: Subscription[] = [
    { kind: 'books', symbol: 'BTC-USDT' },
    { kind: 'trades', symbol: 'BTC-USDT-SWAP' },
    { kind: 'tickers', symbol: 'BTC-USD-261225' },
  ]

  test('is one message for all kinds and products, and so is the way back', () => {
    const args = [
      { channel: 'books', instId: 'BTC-USDT' },
      { channel: 'trades', instId: 'BTC-USDT-SWAP' },
      { channel: 'tickers', instId: 'BTC-USD-261225' },
    ]
    expect(wire.subscribe(asked, 7).map((text) => JSON.parse(text))).toEqual([
      { id: '7', op: 'subscribe', args },
    ])
    expect(wire.unsubscribe(asked, 8).map((text) => JSON.parse(text))).toEqual([
      { id: '8', op: 'unsubscribe', args },
    ])
  })

  test('is answered channel by channel', () => {
    expect(asked.map(wire.channel)).toEqual([
      'books:BTC-USDT',
      'trades:BTC-USDT-SWAP',
      'tickers:BTC-USD-261225',
    ])
  })

  test('needs no more than an address; silence is ended by a ping before the venue cuts the line', () => {
    expect(wire.opening.by === 'address' && wire.opening.url(wire.socketUrl, asked)).toBe(
      'wss://ws.okx.com:8443/ws/v5/public',
    )
    const { everyMs, answerMs, whenIdle, ping } = wire.keepAlive!
    expect([whenIdle, ping(1), everyMs + answerMs < 30_000]).toEqual([true, 'ping', true])
  })
})

test('the lists of products are asked for by what they are', () => {
  expect(wire.listingRequests('https://x').map(({ url }) => url)).toEqual([
    'https://x/api/v5/public/instruments?instType=SPOT',
    'https://x/api/v5/public/instruments?instType=SWAP',
    'https://x/api/v5/public/instruments?instType=FUTURES',
  ])
})

describe('an update with prevSeqId and seqId is, to a book that stands at 541,', () => {
  const cases: [number, number, Following, string][] = [
    [541, 546, 'next', ''],
    [541, 541, 'next', 'a sign of life'],
    [541, 3, 'next', 'the numbers begin anew after maintenance'],
    [301, 541, 'old', 'the same again'],
    [546, 546, 'gap', 'a sign of life of a book that is further on'],
    [546, 909, 'gap', 'one is missing'],
    [1, 3, 'gap', 'the first after maintenance is missing'],
  ]
  test.each(cases)('%d, %d: %s %s', (previous, seqId, following) => {
    expect(books.follows(541, update(previous, seqId))).toBe(following)
  })

  test('next where nothing has a number: then a checksum vouches for it', () => {
    expect(books.follows(NO_NUMBER, update(NO_NUMBER, NO_NUMBER))).toBe('next')
    expect(books.follows(541, update(NO_NUMBER, NO_NUMBER))).toBe('gap')
  })
})

describe('the first update after a snapshot that was asked for, which stands at 541, is', () => {
  const cases: [number, number, Following][] = [
    [301, 540, 'old'],
    [301, 541, 'old'],
    [541, 541, 'old'],
    [541, 546, 'next'],
    [301, 546, 'next'], // begins before it
    [542, 546, 'gap'],
  ]
  test.each(cases)('with prevSeqId %d and seqId %d: %s', (previous, seqId, following) => {
    expect(books.bridges?.(541, update(previous, seqId))).toBe(following)
  })

  test('a snapshot is asked for with as many levels as the stream has', () => {
    expect(books.snapshot?.request('https://x', 'BTC-USDT').url).toBe(
      'https://x/api/v5/market/books?instId=BTC-USDT&sz=400&source=0',
    )
  })
})

describe('trades that were missed', () => {
  test.each([
    [7, 7, 8],
    [7, 106, 107],
    [7, 107, 107], // a page holds a hundred
    [7, 9_000, 107],
  ])('from %d to %d are asked for from their oldest on: those before %d', (fromId, toId, after) => {
    expect(backfill.request('https://x', 'BTC-USDT', { fromId, toId })).toEqual({
      method: 'GET',
      url: `https://x/api/v5/market/history-trades?instId=BTC-USDT&type=1&after=${after}&limit=100`,
      weight: 2,
    })
  })

  test('show by the numbers of their fills', () => {
    expect(wire.trades?.ids).toBe('dense-by-fill')
  })
})

function update(previous: number, last: number): BookDelta {
  return {
    type: 'delta',
    symbol: 'A-B',
    first: NO_NUMBER,
    last,
    previous,
    exchangeTimeMs: null,
    from: 0,
    to: 0,
  }
}
