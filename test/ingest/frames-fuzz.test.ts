import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { binanceSpot } from '../../src/ingest/binance/wires.ts'
import { coinbaseAdvanced } from '../../src/ingest/coinbase/advanced.ts'
import { coinbaseExchange } from '../../src/ingest/coinbase/exchange.ts'
import { deribit } from '../../src/ingest/deribit.ts'
import { kucoin } from '../../src/ingest/kucoin.ts'
import { Levels } from '../../src/ingest/levels.ts'
import { okx } from '../../src/ingest/okx.ts'
import type { Wire, WireEvent } from '../../src/ingest/venue.ts'
import { TIME_MS_MIN, VENUES } from '../../src/models/scalars.ts'
import { fuzzReaders } from './fuzz-corpus.ts'
import { fuzz } from './fuzz-run.ts'
import { RECEIVED_AT_MS } from './wire-fixtures.ts'

const FRAMES = 100_000

const kucoinSpot = kucoin.wires[0]!
const okxPublic = okx.wires[0]!
const deribitMain = deribit.wires[0]!

const readers = await fuzzReaders()

describe('whatever comes, it is read or rejected', () => {
  test('true bytes of every wire of every venue are there to be spoiled', () => {
    const frames = readers.filter(({ reads }) => reads === 'frame')
    expect([...new Set(frames.map(({ venue }) => venue))]).toEqual(VENUES)
    for (const { name, groups } of frames) expect([name, groups.flat().length > 100]).toEqual([name, true])
    const bodies = new Set(readers.map(({ reads }) => reads))
    expect([...bodies].sort()).toEqual(['book', 'frame', 'listing', 'opening', 'snapshot', 'trades'])
  })

  test(`${FRAMES / 1_000} thousand spoiled frames and bodies break no promise, and none changes how the next is read`, () => {
    expect(fuzz(readers, FRAMES)).toEqual([])
  }, 120_000)
})

describe('where our clock is years behind', () => {
  const receivedAtMs = TIME_MS_MIN

  test('no news of any wire is used, of whatever kind, and of no book rows are left', () => {
    const kinds = new Map<string, Set<string>>()
    for (const { venue, reads, groups, read } of readers) {
      if (reads !== 'frame') continue
      for (const frame of groups.flat()) {
        const levels = new Levels()
        const events = read(frame, { receivedAtMs, levels }) as readonly WireEvent[]
        const news = events.filter((event) => 'exchangeTimeMs' in event && event.exchangeTimeMs !== null)
        const isBook = events.some(({ type }) => type === 'delta' || type === 'snapshot')
        expect([news, isBook || levels.length === 0]).toEqual([[], true])
        for (const event of events) {
          if (event.type !== 'rejected' || event.refusal.kind !== 'future-time') continue
          kinds.set(venue, (kinds.get(venue) ?? new Set()).add(`${event.kind}`))
        }
      }
    }
    const all = VENUES.map((venue) => [venue, ['books', 'tickers', 'trades']])
    expect([...kinds].map(([venue, rejected]) => [venue, [...rejected].sort()])).toEqual(all)
  })
})

describe('what nobody in their senses sends', () => {
  test.each(['constructor', '__proto__:BTC-USDT', 'toString', ':'])(
    'a topic called %s is none of ours',
    (topic) => {
      expect(said(kucoinSpot, { type: 'message', topic, subject: 'trade.l2update', data: {} })).toEqual([
        { type: 'alive' },
      ])
    },
  )

  test('a refusal in other words than text, however deep they are, is a refusal', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    expect(read(kucoinSpot, `{"id":"7","type":"error","code":404,"data":${deep}}`)).toEqual([
      { type: 'refused', id: 7, message: '404: nothing more' },
    ])
  })

  test('a number of a million digits is none, and is not looked at for long', () => {
    const number = `1.${'0'.repeat(1_000_000)}1e1`
    const frame = readFileSync('fixtures/deribit/ws-trades.option.json', 'utf8')
    const spoiled = frame.replace(/"price":[\d.e-]+/, `"price":${number}`)
    expect(read(deribitMain, spoiled)).toMatchObject([{ type: 'rejected', refusal: { kind: 'wrong-shape' } }])
  })

  test('more fills than can be counted are no trade', () => {
    const trade = { e: 'aggTrade', E: 1, s: 'BTCUSDT', a: 1, p: '1', q: '1', T: RECEIVED_AT_MS, m: true }
    const fills = (l: number) => said(binanceSpot, { ...trade, f: 0, l })
    expect(fills(Number.MAX_SAFE_INTEGER - 1)).toMatchObject([{ fills: Number.MAX_SAFE_INTEGER }])
    expect(fills(Number.MAX_SAFE_INTEGER)).toMatchObject([{ type: 'rejected' }])
  })

  test('more rows than any book has are no book', () => {
    const rows = '["buy","1","1"],'.repeat(1_000_001).slice(0, -1)
    const frame = `{"type":"l2update","product_id":"BTC-USD","changes":[${rows}]}`
    expect(read(coinbaseExchange, frame)).toEqual([
      {
        type: 'rejected',
        refusal: { kind: 'wrong-shape', path: '', message: 'more levels than any book has' },
        kind: 'books',
        symbol: 'BTC-USD',
      },
    ])
  })

  test('a token that fits into no address is no token', () => {
    const server = { endpoint: 'wss://ws-api-spot.kucoin.com/', pingInterval: 18_000 }
    const body = JSON.stringify({ code: '200000', data: { token: '\ud800', instanceServers: [server] } })
    const { opening, socketUrl } = kucoinSpot
    expect(
      opening.by === 'request' && opening.parse(Buffer.from(body), { connectId: 'c', socketUrl }),
    ).toMatchObject({
      refusal: { path: 'data.token' },
    })
  })

  test.each(['\ud800', 'BTC\u0000USDT', 'BTC\u202eUSDT', '\n'])(
    'a name like %j cannot be asked for, and is not listed',
    (symbol) => {
      const row = { symbol, status: 'TRADING', baseAsset: 'BTC', quoteAsset: 'USDT' }
      const named = (name: string) =>
        binanceSpot.parseListing(Buffer.from(JSON.stringify({ symbols: [{ ...row, symbol: name }] })))
      expect(named('BTCUSDT')).toMatchObject({ listings: [{ symbol: 'BTCUSDT', product: 'BTC-USDT' }] })
      expect(named(symbol)).toEqual({ listings: [] })
    },
  )

  test('a trade of the year 9999 is not one that was missed', () => {
    const page = (time: string) =>
      coinbaseExchange.trades!.backfill!.parse(
        Buffer.from(JSON.stringify([{ trade_id: 1, side: 'buy', price: '1', size: '1', time }])),
        'BTC-USD',
      )
    expect(page('2026-11-20T14:31:10Z')).toMatchObject({ trades: [{ id: '1' }] })
    expect(page('9999-12-31T23:59:59Z')).toMatchObject({ refusal: { path: '[0].time' } })
  })
})

describe('a frame is rejected once, however much is wrong with it', () => {
  const many = Array.from({ length: 10_000 }, (_, i) => i)

  test.each<[string, Wire, object]>([
    ['Binance', binanceSpot, { stream: '!miniTicker@arr', data: many }],
    ['OKX', okxPublic, { arg: { channel: 'trades', instId: 'BTC-USDT' }, data: many }],
    [
      'Deribit',
      deribitMain,
      { method: 'subscription', params: { channel: 'trades.BTC_USDC.100ms', data: many } },
    ],
  ])('%s: a list of ten thousand trades or tickers that are none', (_, wire, frame) => {
    expect(said(wire, frame).map(({ type }) => type)).toEqual(['rejected'])
  })

  test('Coinbase Advanced: where nobody can say whose books it was about, all of them begin anew', () => {
    expect(advanced(many)).toEqual(['numbered', 'rejected', 'resync'])
    expect(advanced([bookOf('A-USD'), {}, bookOf('B-USD')])).toEqual([
      'numbered',
      'delta',
      'rejected',
      'resync',
    ])
  })

  test('Coinbase Advanced: a book of which something cannot be used is named, up to as many as a connection carries', () => {
    const spoiled = (symbol: string) => ({ ...bookOf(symbol), updates: [1] })
    expect(advanced([spoiled('A-USD'), bookOf('B-USD'), spoiled('C-USD')])).toEqual([
      'numbered',
      'rejected',
      'delta',
      'rejected',
    ])
    const all = advanced(many.map((i) => spoiled(`A${i}-USD`)))
    expect([all.filter((type) => type === 'rejected').length, all.at(-1)]).toEqual([30, 'resync'])
  })

  test('Coinbase Advanced: so it is of acks', () => {
    const frame = { channel: 'subscriptions', timestamp: '', sequence_num: 5, events: many }
    expect(said(coinbaseAdvanced, frame).map(({ type }) => type)).toEqual(['numbered', 'rejected'])
  })

  function advanced(events: readonly unknown[]): string[] {
    const frame = { channel: 'l2_data', timestamp: '2026-11-20T14:31:10Z', sequence_num: 5, events }
    return said(coinbaseAdvanced, frame).map(({ type }) => type)
  }

  function bookOf(product_id: string) {
    const update = { side: 'bid', event_time: '2026-11-20T14:31:10Z', price_level: '1', new_quantity: '1' }
    return { type: 'update', product_id, updates: [update] }
  }
})

test.each([
  ['OKX', okxPublic, 'fixtures/okx/ws-books.future-time.json'],
  ['KuCoin', kucoinSpot, 'fixtures/kucoin/ws-level2.future-time.json'],
])('%s: a book ahead of our clock leaves no rows behind', (_, wire, path) => {
  const levels = new Levels()
  const events = wire.parseFrame(readFileSync(path), { receivedAtMs: RECEIVED_AT_MS, levels })
  expect([events.map(({ type }) => type), levels.length]).toEqual([['rejected'], 0])
})

function said(wire: Wire, frame: object): readonly WireEvent[] {
  return read(wire, JSON.stringify(frame))
}

function read(wire: Wire, text: string): readonly WireEvent[] {
  return wire.parseFrame(Buffer.from(text), { receivedAtMs: RECEIVED_AT_MS, levels: new Levels() })
}
