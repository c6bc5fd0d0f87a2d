import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { coinbaseExchange } from '../../../src/ingest/coinbase/exchange.ts'
import { coinbase } from '../../../src/ingest/coinbase.ts'
import { Levels } from '../../../src/ingest/levels.ts'
import { NO_NUMBER } from '../../../src/ingest/venue.ts'
import { parseIsoTime } from '../../../src/models/time.ts'
import { said } from './said.ts'

const FIXTURES = 'fixtures/coinbase'
const receivedAtMs = parseIsoTime('2026-11-20T14:31:11Z')!

describe('every frame becomes what is written beside it', () => {
  const names = readdirSync(FIXTURES).filter((name) => /^ws-(?!advanced)(?!.*expected)/.test(name))
  test.each(names)('%s', async (name) => {
    const expected = `../../../${FIXTURES}/${name.replace('.json', '.expected.json')}`
    const events = said(coinbaseExchange, readFileSync(`${FIXTURES}/${name}`), receivedAtMs)
    await expect(`${JSON.stringify(events, null, 2)}\n`).toMatchFileSnapshot(expected)
  })
})

describe('what is asked for', () => {
  test('books come with the ticker they are held against, and everything with its heartbeat', () => {
    expect(subscribed(['books'])).toEqual(['level2_batch', 'ticker', 'heartbeat'])
    expect(subscribed(['trades'])).toEqual(['matches', 'heartbeat'])
    expect(subscribed(['tickers'])).toEqual(['ticker', 'heartbeat'])
    expect(subscribed(['books', 'trades', 'tickers'])).toEqual([
      'level2_batch',
      'ticker',
      'heartbeat',
      'matches',
    ])
  })

  test('each product has a message of its own: one that the venue does not know spoils no other', () => {
    const subscriptions = ['BTC-USD', 'ETH-USD'].map((symbol) => ({ kind: 'trades', symbol }) as const)
    expect(coinbaseExchange.subscribe(subscriptions, 1)).toEqual([
      '{"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches","heartbeat"]}',
      '{"type":"subscribe","product_ids":["ETH-USD"],"channels":["matches","heartbeat"]}',
    ])
  })

  test('what is given up is the own channel alone', () => {
    expect(coinbaseExchange.unsubscribe([{ kind: 'books', symbol: 'BTC-USD' }], 1)).toEqual([
      '{"type":"unsubscribe","product_ids":["BTC-USD"],"channels":["level2_batch"]}',
    ])
  })

  test.each([
    ['books', 'level2_50:BTC-USD'],
    ['trades', 'matches:BTC-USD'],
    ['tickers', 'ticker:BTC-USD'],
  ] as const)('%s are acked as %s', (kind, name) => {
    expect(coinbaseExchange.channel({ kind, symbol: 'BTC-USD' })).toBe(name)
    const channel = { books: 'level2_batch', trades: 'matches', tickers: 'ticker' }[kind]
    const ack = `{"type":"subscriptions","channels":[{"name":"${channel}","product_ids":["BTC-USD"]}]}`
    expect(said(coinbaseExchange, Buffer.from(ack), receivedAtMs)).toEqual([
      { type: 'accepted', channels: [name] },
    ])
  })

  test('books are carried by this wire unless another is chosen', () => {
    expect(coinbase.wires.find(({ kinds }) => kinds.includes('books'))).toBe(coinbaseExchange)
    expect(coinbase.wires.map(({ name }) => name)).toEqual(['exchange', 'advanced'])
  })
})

test.each([
  ['sell', 'buy'],
  ['buy', 'sell'],
])('a match whose maker did %s is a trade whose taker did %s, live and back-filled', (maker, taker) => {
  const match = `"trade_id":7,"side":"${maker}","size":"1","price":"2","time":"2026-11-20T14:31:10Z"`
  const frame = Buffer.from(`{"type":"match","product_id":"BTC-USD",${match}}`)
  expect(said(coinbaseExchange, frame, receivedAtMs)).toMatchObject([{ id: '7', side: taker }])
  expect(backfill.parse(Buffer.from(`[{${match}}]`), 'BTC-USD')).toMatchObject({
    trades: [{ id: '7', side: taker }],
  })
})

describe('trades that were missed', () => {
  test.each([
    [{ fromId: 101, toId: 103 }, 'limit=3&after=104'],
    [{ fromId: 101, toId: 101 }, 'limit=1&after=102'],
    [{ fromId: 1, toId: 5_000 }, 'limit=1000&after=5001'],
  ])('%j are asked for from their newest back', (missing, query) => {
    expect(backfill.request('https://api.exchange.coinbase.com', 'BTC-USD', missing)).toEqual({
      method: 'GET',
      url: `https://api.exchange.coinbase.com/products/BTC-USD/trades?${query}`,
      weight: 1,
    })
  })

  test('come oldest first', () => {
    const read = backfill.parse(readFileSync(`${FIXTURES}/rest-trades.btc-usd.json`), 'BTC-USD')
    expect('trades' in read && read.trades.map(({ id, side }) => [id, side])).toEqual([
      ['995098700', 'buy'],
      ['995098701', 'buy'],
      ['995098702', 'sell'],
    ])
  })

  test('are refused as a whole where the answer is another', () => {
    expect(backfill.parse(readFileSync(`${FIXTURES}/rest-trades.not-found.json`), 'X')).toMatchObject(
      wrong(''),
    )
    expect(backfill.parse(Buffer.from('[{"trade_id":1}]'), 'X')).toMatchObject(wrong('[0].side'))
    expect(backfill.parse(Buffer.from('[}'), 'X')).toMatchObject({ refusal: { kind: 'malformed-json' } })
  })
})

describe('the list of products', () => {
  test('says what is traded now; rows that name no product are left out', () => {
    expect(coinbaseExchange.listingRequests('https://host')).toEqual([
      { method: 'GET', url: 'https://host/products', weight: 1 },
    ])
    expect(coinbaseExchange.parseListing(readFileSync(`${FIXTURES}/rest-products.exchange.json`))).toEqual({
      listings: [
        { symbol: 'BTC-USD', product: 'BTC-USD', trading: true },
        { symbol: 'NEW-USD', product: 'NEW-USD', trading: false }, // in an auction
        { symbol: 'OFF-USD', product: 'OFF-USD', trading: false },
        { symbol: 'OLD-USD', product: 'OLD-USD', trading: false },
      ],
    })
  })

  test('is refused where it is none', () => {
    expect(coinbaseExchange.parseListing(Buffer.from('{"message":"no"}'))).toMatchObject(wrong(''))
    expect(coinbaseExchange.parseListing(Buffer.from(''))).toMatchObject({
      refusal: { kind: 'malformed-json' },
    })
  })
})

test('books have no numbers, so every change is the next one, and the ticker is what they are held against', () => {
  const { books } = coinbaseExchange
  const delta = { type: 'delta', symbol: 'X', from: 0, to: 0, exchangeTimeMs: null } as const
  const numbers = { first: NO_NUMBER, last: NO_NUMBER, previous: NO_NUMBER }
  expect(books!.follows(NO_NUMBER, { ...delta, ...numbers })).toBe('next')
  expect(books).toMatchObject({ continuity: 'unproven', inBand: true, tickerChecks: true })
})

test('a frame that is refused leaves no level behind', () => {
  const levels = new Levels()
  levels.add('bid', '1', '1')
  for (const name of ['update-no-side', 'update-negative-size', 'update-future-time', 'update-cut-off']) {
    coinbaseExchange.parseFrame(readFileSync(`${FIXTURES}/ws-level2.${name}.json`), { receivedAtMs, levels })
    expect(levels.length).toBe(1)
  }
})

const backfill = coinbaseExchange.trades!.backfill!

function subscribed(kinds: readonly ('books' | 'trades' | 'tickers')[]): string[] {
  const texts = coinbaseExchange.subscribe(
    kinds.map((kind) => ({ kind, symbol: 'BTC-USD' })),
    1,
  )
  return texts.flatMap((text) => (JSON.parse(text) as { channels: string[] }).channels)
}

function wrong(path: string): object {
  return { refusal: { kind: 'wrong-shape', path } }
}
