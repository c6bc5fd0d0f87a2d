import { describe, expect, test } from 'vitest'
import { kucoin } from '../../src/ingest/kucoin.ts'
import { type BookDelta, type Following, NO_NUMBER, type Subscription } from '../../src/ingest/venue.ts'
import { venues } from '../../src/ingest/venues.ts'
import { testFixtures } from './wire-fixtures.ts'

const spot = kucoin.wires[0]!
const opening = spot.opening.by === 'request' ? spot.opening : undefined
const HOME = { connectId: 'c0ffee', socketUrl: spot.socketUrl }

describe('every fixture becomes what is written beside it', () => {
  testFixtures('fixtures/kucoin', {
    'ws-': (bytes, about) => spot.parseFrame(bytes, about),
    'rest-bullet': (bytes) => opening?.parse(bytes, HOME),
    'rest-level2': (bytes, about) => spot.books!.snapshot!.parse(bytes, about),
    'rest-symbols': (bytes) => spot.parseListing(bytes),
  })
})

test('it is one of the venues', () => {
  expect(venues.kucoin).toBe(kucoin)
})

describe('the address of a socket', () => {
  const bullet = (endpoint: string) =>
    Buffer.from(
      JSON.stringify({
        code: '200000',
        data: { token: 'a==.b', instanceServers: [{ endpoint, pingInterval: 15_000 }] },
      }),
    )

  test('is asked for by POST at every connect', () => {
    expect(opening?.request('https://api.kucoin.com')).toEqual({
      method: 'POST',
      url: 'https://api.kucoin.com/api/v1/bullet-public',
      weight: 10,
    })
  })

  test('is where the venue says it is today, with the token and our id; how often to ping comes with it', () => {
    expect(opening?.parse(bullet('wss://ws-api-spot.kucoin.com/'), HOME)).toEqual({
      url: 'wss://ws-api-spot.kucoin.com/?token=a%3D%3D.b&connectId=c0ffee',
      pingMs: 15_000,
    })
  })

  test('is that of whoever stands in for the venue, if we are told to go there', () => {
    const socketUrl = 'ws://127.0.0.1:7300/kucoin/spot'
    expect(opening?.parse(bullet('wss://ws-api-spot.kucoin.com/'), { ...HOME, socketUrl })).toMatchObject({
      url: 'ws://127.0.0.1:7300/kucoin/spot/?token=a%3D%3D.b&connectId=c0ffee',
    })
  })
})

describe('subscribing', () => {
  const of = (kind: Subscription['kind'], symbol: string): Subscription => ({ kind, symbol })

  test('to a ticker is to all of them, in one message', () => {
    expect(spot.subscribe([of('tickers', 'BTC-USDT'), of('tickers', 'ETH-USDT')], 1)).toEqual([
      '{"id":"1","type":"subscribe","topic":"/market/ticker:all","response":true}',
    ])
    expect(spot.channel(of('tickers', 'BTC-USDT'))).toBe(spot.channel(of('tickers', 'ETH-USDT')))
  })

  test('to several topics is one message each, of which the last has the id that stands for all', () => {
    const asked = [of('tickers', 'A-B'), of('books', 'A-B'), of('trades', 'A-B'), of('books', 'C-D')]
    expect(spot.subscribe(asked, 7).map((text) => JSON.parse(text))).toEqual([
      { id: '7.level2', type: 'subscribe', topic: '/market/level2:A-B,C-D', response: true },
      { id: '7.match', type: 'subscribe', topic: '/market/match:A-B', response: true },
      { id: '7', type: 'subscribe', topic: '/market/ticker:all', response: true },
    ])
    expect(asked.slice(1).map(spot.channel)).toEqual([
      '/market/level2:A-B',
      '/market/match:A-B',
      '/market/level2:C-D',
    ])
  })

  test('and back', () => {
    expect(spot.unsubscribe([of('books', 'A-B')], 8)).toEqual([
      '{"id":"8","type":"unsubscribe","topic":"/market/level2:A-B","response":true}',
    ])
  })

  test('waits for the welcome, and pings go on whatever else is said', () => {
    expect(spot.waitsForWelcome).toBe(true)
    expect(spot.keepAlive).toMatchObject({ everyMs: 18_000, whenIdle: false })
    expect(spot.keepAlive?.ping(9)).toBe('{"id":"9","type":"ping"}')
  })
})

test('the best 100 levels of a book and the list of products are asked for without a key', () => {
  expect(spot.books?.snapshot?.request('https://x', 'BTC-USDT').url).toBe(
    'https://x/api/v1/market/orderbook/level2_100?symbol=BTC-USDT',
  )
  expect(spot.listingRequests('https://x').map(({ url }) => url)).toEqual(['https://x/api/v2/symbols'])
})

test('trades that were missed cannot be asked for', () => {
  expect(spot.trades).toEqual({ ids: 'opaque' })
})

describe('a change from sequenceStart to sequenceEnd is, to a book that stands at 100,', () => {
  const cases: [number, number, Following][] = [
    [101, 101, 'next'],
    [101, 140, 'next'],
    [100, 101, 'next'], // overlaps by one
    [60, 101, 'next'],
    [100, 100, 'old'], // once more
    [60, 99, 'old'],
    [102, 102, 'gap'], // one is missing
    [102, 140, 'gap'],
  ]
  test.each(cases)('%d to %d: %s', (first, last, following) => {
    expect(spot.books?.follows(100, change(first, last))).toBe(following)
  })

  test('and the first one after a snapshot goes by the same rule', () => {
    expect(spot.books?.bridges).toBeUndefined()
  })
})

function change(first: number, last: number): BookDelta {
  return {
    type: 'delta',
    symbol: 'A-B',
    first,
    last,
    previous: NO_NUMBER,
    exchangeTimeMs: null,
    from: 0,
    to: 0,
  }
}
