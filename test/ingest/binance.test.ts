import { describe, expect, test } from 'vitest'
import { binanceFuturesBooks, binanceFuturesTrades, binanceSpot } from '../../src/ingest/binance/wires.ts'
import { binance } from '../../src/ingest/binance.ts'
import { Levels } from '../../src/ingest/levels.ts'
import { sourceOf } from '../../src/ingest/source.ts'
import { type BookDelta, NO_NUMBER, type Subscription, type Wire } from '../../src/ingest/venue.ts'
import { venues } from '../../src/ingest/venues.ts'
import { type Readers, testFixtures } from './wire-fixtures.ts'

describe('every fixture becomes what is written beside it', () => {
  const snapshotsOf =
    ({ books }: Wire): Readers[string] =>
    (body, about) =>
      books!.snapshot!.parse(body, about)
  testFixtures('fixtures/binance', {
    'ws-futures-': binanceFuturesBooks.parseFrame,
    'ws-': binanceSpot.parseFrame,
    'rest-depth': snapshotsOf(binanceSpot),
    'rest-futures-depth': snapshotsOf(binanceFuturesBooks),
    'rest-aggTrades': (body, { symbol }) => binanceSpot.trades!.backfill!.parse(body, symbol),
    'rest-exchangeInfo': binanceSpot.parseListing,
    'rest-futures-exchangeInfo': binanceFuturesBooks.parseListing,
  })
})

describe('a spot book at update 100', () => {
  test.each([
    // U    u
    [90, 99, 'old'],
    [90, 100, 'old'],
    [90, 101, 'next'],
    [100, 105, 'next'],
    [101, 101, 'next'],
    [101, 120, 'next'],
    [102, 102, 'gap'],
    [102, 120, 'gap'],
  ])(
    'takes an event of updates %i to %i for %s, whether it is the first after the snapshot or not',
    (U, u, is) => {
      const rules = binanceSpot.books!
      expect(rules.follows(100, delta(U, u))).toBe(is)
      expect(rules.bridges).toBeUndefined()
    },
  )
})

describe("a future's book at update 100", () => {
  test.each([
    // U    u   pu
    [90, 99, 80, 'old', 'old'],
    [90, 100, 80, 'next', 'old'], // ends where the snapshot does: it changes nothing, and the one behind it links to it
    [90, 110, 80, 'next', 'gap'],
    [100, 110, 80, 'next', 'gap'],
    [105, 110, 100, 'next', 'next'], // the one that ends where the snapshot does had gone by already
    [101, 110, 101, 'gap', 'gap'],
    [105, 110, 99, 'gap', 'gap'],
    [105, 110, -1, 'gap', 'gap'],
  ])(
    'takes updates %i to %i with pu %i for %s after a snapshot, for %s after an event',
    (U, u, pu, first, later) => {
      const rules = binanceFuturesBooks.books!
      expect(rules.bridges!(100, delta(U, u, pu))).toBe(first)
      expect(rules.follows(100, delta(U, u, pu))).toBe(later)
    },
  )
})

describe('a book that was asked for', () => {
  const book = (bids: number, asks: number) => {
    const rows = (count: number) =>
      Array.from({ length: count }, (_, i) => [`${i + 1}.00000000`, '1.00000000'])
    const body = JSON.stringify({ lastUpdateId: 1, bids: rows(bids).reverse(), asks: rows(asks) })
    const levels = new Levels()
    return binanceSpot.books!.snapshot!.parse(Buffer.from(body), {
      receivedAtMs: 0,
      levels,
      symbol: 'BTCUSDT',
    })
  }
  test.each([
    [0, 0, true],
    [999, 999, true],
    [1_000, 999, false],
    [3, 1_000, false],
    [100, 100, false],
    [99, 101, true],
    [5_000, 3, false],
  ])('with %i bids and %i asks is all there is: %s', (bids, asks, whole) => {
    expect(book(bids, asks)).toMatchObject({ type: 'snapshot', whole, from: 0, to: bids + asks })
  })
})

describe('what is asked of the venue', () => {
  const btc: Subscription[] = [
    { kind: 'books', symbol: 'BTCUSDT' },
    { kind: 'trades', symbol: 'BTCUSDT' },
    { kind: 'tickers', symbol: 'BTCUSDT' },
    { kind: 'tickers', symbol: 'ETHUSDT' },
  ]

  test('streams are named in small letters, and one ticker stream stands for every product', () => {
    expect(btc.map(binanceSpot.channel)).toEqual([
      'btcusdt@depth@100ms',
      'btcusdt@aggTrade',
      '!miniTicker@arr',
      '!miniTicker@arr',
    ])
  })

  test('a message names each stream once', () => {
    const params = ['btcusdt@depth@100ms', 'btcusdt@aggTrade', '!miniTicker@arr']
    expect(binanceSpot.subscribe(btc, 7).map((text) => JSON.parse(text))).toEqual([
      { method: 'SUBSCRIBE', params, id: 7 },
    ])
    expect(binanceSpot.unsubscribe(btc, 8).map((text) => JSON.parse(text))).toEqual([
      { method: 'UNSUBSCRIBE', params, id: 8 },
    ])
  })

  test.each([
    [binanceSpot, 'wss://data-stream.binance.vision/stream'],
    [binanceFuturesBooks, 'wss://fstream.binance.com/public/stream'],
    [binanceFuturesTrades, 'wss://fstream.binance.com/market/stream'],
  ])('$name connects to the address of several streams', ({ opening, socketUrl }, url) => {
    expect(opening.by === 'address' && opening.url(socketUrl, btc)).toBe(url)
  })

  test.each([
    [binanceSpot, undefined, 'https://data-api.binance.vision/api/v3/depth?symbol=BTCUSDT&limit=1000', 50],
    [binanceSpot, 100, 'https://data-api.binance.vision/api/v3/depth?symbol=BTCUSDT&limit=100', 5],
    [binanceSpot, 101, 'https://data-api.binance.vision/api/v3/depth?symbol=BTCUSDT&limit=500', 25],
    [binanceSpot, 9_999, 'https://data-api.binance.vision/api/v3/depth?symbol=BTCUSDT&limit=5000', 250],
    [binanceFuturesBooks, undefined, 'https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000', 20],
    [binanceFuturesBooks, 40, 'https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=100', 5],
    [binanceFuturesBooks, 9_999, 'https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000', 20],
  ])(
    '$name asks for a book of %s levels a side, for no more weight than that takes',
    ({ books, restUrl }, levels, url, weight) => {
      expect(books!.snapshot!.request(restUrl, 'BTCUSDT', levels)).toEqual({ method: 'GET', url, weight })
    },
  )

  test.each([
    [
      binanceSpot,
      41,
      50,
      'https://data-api.binance.vision/api/v3/aggTrades?symbol=BTCUSDT&fromId=41&limit=10',
      4,
    ],
    [
      binanceSpot,
      0,
      5_000,
      'https://data-api.binance.vision/api/v3/aggTrades?symbol=BTCUSDT&fromId=0&limit=1000',
      4,
    ],
    [
      binanceFuturesTrades,
      9,
      9,
      'https://fapi.binance.com/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=9&limit=1',
      20,
    ],
  ])(
    '$name asks for the trades %i to %i that were missed, a page at a time',
    ({ trades, restUrl }, fromId, toId, url, weight) => {
      const missing = { fromId, toId }
      expect(trades!.backfill!.request(restUrl, 'BTCUSDT', missing)).toEqual({ method: 'GET', url, weight })
    },
  )

  test('a name that is not Latin is written as addresses need it', () => {
    const { url } = binanceSpot.books!.snapshot!.request('https://x', '币安人生USDT')
    expect(new URL(url).searchParams.get('symbol')).toBe('币安人生USDT')
  })
})

test('messages, attempts to connect and weights stay below what the venue allows in any window', () => {
  for (const { limits } of binance.wires) {
    const most = ({ perSecond, burst }: { perSecond: number; burst: number }, seconds: number) =>
      burst + perSecond * seconds
    expect(most(limits.messages, 1)).toBeLessThanOrEqual(4) // five, one of them a pong
    expect(most(limits.connects, 300)).toBeLessThanOrEqual(300)
  }
  const weight = ({ limits }: typeof binanceSpot) => limits.requests.burst + limits.requests.perSecond * 60
  expect(weight(binanceSpot)).toBeLessThanOrEqual(6_000)
  expect(weight(binanceFuturesBooks) + weight(binanceFuturesTrades)).toBeLessThanOrEqual(2_400)
})

test("every wire's home is a host of the venue's own", () => {
  expect(venues.binance).toBe(binance)
  for (const { restUrl, socketUrl } of binance.wires) {
    expect([sourceOf(binance, restUrl), sourceOf(binance, socketUrl)]).toEqual(['binance', 'binance'])
  }
})

function delta(first: number, last: number, previous = NO_NUMBER): BookDelta {
  return { type: 'delta', symbol: 'BTCUSDT', first, last, previous, exchangeTimeMs: null, from: 0, to: 0 }
}
