import { describe, expect, test } from 'vitest'
import { add, decimalOf, formatDecimal } from '../../../src/models/decimal.ts'
import { rig } from '../tap.ts'

/** What the venues do beside telling of markets: how they say yes and no, what they put up with, when they hang up. */

describe('Binance', () => {
  test('says yes to streams there are not, and lists what was asked for', () => {
    const { tap } = rig()
    const line = tap('binance/spot/ws')
    line.say({ method: 'SUBSCRIBE', params: ['nosuch@depth@100ms'], id: 1 })
    line.say({ method: 'LIST_SUBSCRIPTIONS', id: 2 })
    line.say({ method: 'DANCE', id: 3 })
    expect(line.json()).toMatchObject([
      { result: null, id: 1 },
      { result: ['nosuch@depth@100ms'], id: 2 },
      { code: 2 },
    ])
  })

  test('ends a connection that says more than five things in a second', () => {
    const { tap } = rig()
    const line = tap('binance/spot/ws')
    for (let id = 1; id <= 6; id++) line.say({ method: 'LIST_SUBSCRIPTIONS', id })
    expect([line.texts.length, line.end?.code]).toEqual([5, 1008])
  })

  test('pings every 20 seconds, and hangs up on who has not answered for a minute', async () => {
    const { timers, tap } = rig()
    const [deaf, lively] = [tap('binance/spot/ws'), tap('binance/spot/ws')]
    for (let second = 0; second < 100; second++) {
      await timers.advanceBy(1_000)
      lively.session.pong()
    }
    expect([deaf.end?.code, lively.end, lively.pings]).toEqual([1008, undefined, 5])
  })

  test('ends every connection after 24 hours', async () => {
    const { timers, tap } = rig()
    const line = tap('binance/futures-books/public/ws')
    for (let hour = 0; hour < 24; hour++) {
      expect(line.end).toBeUndefined()
      for (let pong = 0; pong < 12; pong++) {
        await timers.advanceBy(300_000)
        line.session.pong()
      }
    }
    expect(line.end?.code).toBe(1000)
  })

  test('books of futures are at /public, trades at /market', async () => {
    const { timers, tap } = rig()
    const line = tap('binance/futures-trades/market/stream?streams=btcusdt@depth@100ms/btcusdt@aggTrade')
    await timers.advanceBy(5_000)
    expect(new Set(line.json().map(({ stream }) => stream))).toEqual(new Set(['btcusdt@aggTrade']))
  })

  test('tells of all products that were traded in a second at once', async () => {
    const { timers, tap, simulator } = rig()
    const line = tap('binance/spot/stream?streams=!miniTicker@arr')
    await timers.advanceBy(3_500)
    const spot = simulator.products('binance').filter((product) => !product.endsWith('-PERP'))
    expect(line.json()).toHaveLength(3)
    const rows = line.json().flatMap(({ data }) => data as { s: string; l: string; c: string; h: string }[])
    expect(new Set(rows.map(({ s }) => s))).toEqual(new Set(spot.map((product) => product.replace('-', ''))))
    expect(rows.every(({ l, c, h }) => Number(l) <= Number(c) && Number(c) <= Number(h))).toBe(true)
  })

  test('counts weights, and answers 429 when a minute has no more of them', () => {
    const { get, timers } = rig()
    const depth = 'binance/spot/api/v3/depth?symbol=BTCUSDT&limit=5000'
    const statuses = Array.from({ length: 25 }, () => get(depth).status)
    expect(statuses).toEqual([...Array.from({ length: 24 }, () => 200), 429])
    expect(timers.waiting).toBe(0)
  })

  test('hands out any trade of the past by its id, a thousand at a time', () => {
    const { get } = rig()
    const [last] = get('binance/spot/api/v3/aggTrades?symbol=BTCUSDT&limit=1').body as [{ a: number }]
    const path = `binance/spot/api/v3/aggTrades?symbol=BTCUSDT&fromId=${last.a - 1_500}&limit=5000`
    const page = get(path).body as { a: number; f: number; l: number }[]
    expect(page.map(({ a }) => a)).toEqual(
      Array.from({ length: 1_000 }, (_, index) => last.a - 1_500 + index),
    )
    expect(page.slice(1).every(({ f }, index) => f === page[index]!.l + 1)).toBe(true)
  })
})

describe('Coinbase', () => {
  test('echoes level2_batch as level2_50, with everything that is subscribed to', () => {
    const { tap } = rig()
    const line = tap('coinbase/exchange')
    line.say({ type: 'subscribe', product_ids: ['BTC-USD'], channels: ['level2_batch', 'heartbeat'] })
    line.say({ type: 'subscribe', channels: [{ name: 'matches', product_ids: ['ETH-USD'] }] })
    line.say({ type: 'unsubscribe', product_ids: ['BTC-USD'], channels: ['heartbeat'] })
    const acks = line.json().filter(({ type }) => type === 'subscriptions')
    const books = { name: 'level2_50', product_ids: ['BTC-USD'] }
    expect(acks.map(({ channels }) => channels)).toEqual([
      [books, { name: 'heartbeat', product_ids: ['BTC-USD'] }],
      [books, { name: 'matches', product_ids: ['ETH-USD'] }, { name: 'heartbeat', product_ids: ['BTC-USD'] }],
      [books, { name: 'matches', product_ids: ['ETH-USD'] }],
    ])
    expect(line.json().map(({ type }) => type)).toEqual([
      'subscriptions',
      'snapshot',
      'subscriptions',
      'last_match',
      'subscriptions',
    ])
  })

  test.each([
    [['BTC-USD'], ['level2'], /require authentication/],
    [['NO-SUCH'], ['matches'], /NO-SUCH is not a valid product/],
    [['BTC-USD'], ['gossip'], /gossip is not a valid channel/],
  ])('grants nothing of a message with something wrong in it: %s %s', (product_ids, channels, reason) => {
    const { tap } = rig()
    const line = tap('coinbase/exchange')
    line.say({ type: 'subscribe', product_ids, channels: ['ticker', ...channels] })
    expect(line.json()).toEqual([
      { type: 'error', message: 'Failed to subscribe', reason: expect.stringMatching(reason) as string },
    ])
  })

  test('hangs up on who has not subscribed within five seconds', async () => {
    const { timers, tap } = rig()
    const [silent, subscribed] = [tap('coinbase/exchange'), tap('coinbase/exchange')]
    subscribed.say({ type: 'subscribe', product_ids: ['BTC-USD'], channels: ['heartbeat'] })
    await timers.advanceBy(6_000)
    expect([silent.end?.code, subscribed.end]).toEqual([1008, undefined])
  })

  test('a heartbeat a second names the last trade there was', async () => {
    const { timers, tap } = rig()
    const line = tap('coinbase/exchange')
    line.say({ type: 'subscribe', product_ids: ['BTC-USD'], channels: ['heartbeat', 'matches'] })
    await timers.advanceBy(10_000)
    let last: unknown
    let beats = 0
    for (const frame of line.json()) {
      if (frame['type'] === 'match' || frame['type'] === 'last_match') last = frame['trade_id']
      if (frame['type'] !== 'heartbeat') continue
      expect(frame['last_trade_id']).toBe(last)
      beats++
    }
    expect(beats).toBe(10)
  })

  test('the side of a match is the maker’s, of the ticker of the same trade the taker’s', async () => {
    const { timers, tap } = rig()
    const line = tap('coinbase/exchange')
    line.say({ type: 'subscribe', product_ids: ['BTC-USD'], channels: ['ticker', 'matches'] })
    await timers.advanceBy(10_000)
    const of = (type: string) =>
      new Map(
        line.json().flatMap((frame) => (frame['type'] === type ? [[frame['trade_id'], frame['side']]] : [])),
      )
    const [matches, tickers] = [of('match'), of('ticker')]
    expect(matches.size).toBeGreaterThan(15)
    for (const [id, side] of matches) expect(tickers.get(id)).toBe(side === 'buy' ? 'sell' : 'buy')
  })

  test('pages of trades go backwards from `after`', () => {
    const { get } = rig()
    type Page = { trade_id: number }[]
    const newest = get('coinbase/exchange/products/BTC-USD/trades?limit=3').body as Page
    const [, , last] = newest
    const older = get(`coinbase/exchange/products/BTC-USD/trades?limit=2&after=${last!.trade_id}`)
      .body as Page
    expect([...newest, ...older].map(({ trade_id }) => newest[0]!.trade_id - trade_id)).toEqual([
      0, 1, 2, 3, 4,
    ])
  })

  test('Advanced Trade numbers all frames of a connection without a gap', async () => {
    const { timers, tap } = rig()
    const line = tap('coinbase/advanced')
    for (const channel of ['level2', 'market_trades', 'ticker', 'heartbeats']) {
      line.say({ type: 'subscribe', product_ids: ['BTC-USD', 'ETH-USD'], channel })
    }
    await timers.advanceBy(5_000)
    const numbers = line.json().map((frame) => frame['sequence_num'])
    expect(numbers.length).toBeGreaterThan(100)
    expect(numbers).toEqual(numbers.map((_, index) => index))
    expect(new Set(line.json().map(({ channel }) => channel))).toEqual(
      new Set(['l2_data', 'market_trades', 'ticker', 'heartbeats', 'subscriptions']),
    )
  })

  test('Advanced Trade takes thirty books on a connection and no more', () => {
    const { tap, simulator } = rig({ products: 31 })
    const line = tap('coinbase/advanced')
    line.say({ type: 'subscribe', product_ids: simulator.products('coinbase'), channel: 'level2' })
    expect(line.json()).toEqual([
      { type: 'error', message: 'too many L2 streams requested in a single session' },
    ])
  })
})

describe('KuCoin', () => {
  test('hands out tokens by POST alone, and each opens one connection', async () => {
    const { timers, tap, get } = rig()
    expect(get('kucoin/spot/api/v1/bullet-public').body).toMatchObject({ code: '405000' })
    const [line, twice] = [1, 2].map(() => tap(`kucoin/spot/?token=${tokenOf(get)}&connectId=x`))
    const again = tap('kucoin/spot/?token=made-up&connectId=y')
    await timers.advanceBy(1)
    expect([line!.json(), twice!.json()]).toEqual([
      [{ id: 'x', type: 'welcome' }],
      [{ id: 'x', type: 'welcome' }],
    ])
    expect(again.json()).toMatchObject([{ type: 'error', code: 401 }])
    expect(again.end?.code).toBe(1000)
  })

  test('says yes where it is asked to, no with the topic, pong with the id of the ping', () => {
    const { tap, get } = rig()
    const line = tap(`kucoin/spot/?token=${tokenOf(get)}&connectId=x`)
    line.say({ id: '1', type: 'subscribe', topic: '/market/level2:BTC-USDT', response: true })
    line.say({ id: '2', type: 'subscribe', topic: '/market/level2:BTC-USDT,NO-SUCH', response: true })
    line.say({ id: '3', type: 'subscribe', topic: '/market/match:BTC-USDT' })
    line.say({ id: '4', type: 'ping' })
    expect(line.json().slice(1)).toMatchObject([
      { id: '1', type: 'ack' },
      { id: '2', type: 'error', code: 404, data: 'topic /market/level2:BTC-USDT,NO-SUCH is not found' },
      { id: '4', type: 'pong' },
    ])
  })

  test('hangs up on who does not ping for a minute', async () => {
    const { timers, tap, get } = rig()
    const [silent, lively] = [1, 2].map(() => tap(`kucoin/spot/?token=${tokenOf(get)}&connectId=x`))
    for (let ping = 0; ping < 5; ping++) {
      await timers.advanceBy(18_000)
      lively!.say({ id: String(ping), type: 'ping' })
    }
    expect([silent!.end?.reason, lively!.end]).toEqual(['ping timeout', undefined])
  })

  test('takes 300 topics a connection: every symbol of books and trades, and all tickers as one', () => {
    const { tap, get, simulator } = rig({ products: 400 })
    const line = tap(`kucoin/spot/?token=${tokenOf(get)}&connectId=x`)
    const symbols = simulator.products('kucoin')
    const topics = [0, 100, 200].map((from) => symbols.slice(from, from + 100).join())
    line.say({ id: '1', type: 'subscribe', topic: '/market/ticker:all', response: true })
    line.say({ id: '2', type: 'subscribe', topic: `/market/level2:${topics[0]}`, response: true })
    line.say({ id: '3', type: 'subscribe', topic: `/market/level2:${topics[1]}`, response: true })
    line.say({ id: '4', type: 'subscribe', topic: `/market/level2:${topics[2]}`, response: true })
    line.say({
      id: '5',
      type: 'subscribe',
      topic: `/market/match:${symbols.slice(0, 99).join()}`,
      response: true,
    })
    expect(line.json().flatMap(({ type, id }) => (type === 'welcome' ? [] : [`${id} ${type}`]))).toEqual([
      '1 ack',
      '2 ack',
      '3 ack',
      '4 error',
      '5 ack',
    ])
  })

  test('names the product of ticker:all in `subject`', async () => {
    const { timers, tap, get, simulator } = rig()
    const line = tap(`kucoin/spot/?token=${tokenOf(get)}&connectId=x`)
    line.say({ id: '1', type: 'subscribe', topic: '/market/ticker:all', response: true })
    await timers.advanceBy(200)
    const subjects = line
      .json()
      .flatMap(({ topic, subject }) => (topic === '/market/ticker:all' ? [subject] : []))
    expect(new Set(subjects)).toEqual(new Set(simulator.products('kucoin')))
  })
})

describe('OKX', () => {
  test('tells of all fills of an order at one price as one trade, and lists them one by one', async () => {
    const { timers, tap, get } = rig()
    const line = tap('okx/public/ws/v5/public')
    line.say({ id: 'a1', op: 'subscribe', args: [{ channel: 'trades', instId: 'BTC-USDT' }] })
    await timers.advanceBy(10_000)
    type Row = { tradeId: string; px: string; sz: string; side: string; ts: string; count: string }
    const told = line.json().flatMap(({ data }) => (data ?? []) as Row[])
    const { body } = get('okx/public/api/v5/market/history-trades?instId=BTC-USDT&type=1&limit=500')
    const fills = new Map((body as { data: Row[] }).data.map((fill) => [Number(fill.tradeId), fill]))
    expect(new Set(told.map(({ count }) => count))).toEqual(new Set(['1', '2', '3']))
    for (const { tradeId, px, sz, side, ts, count } of told.slice(1)) {
      const ids = Array.from({ length: Number(count) }, (_, back) => Number(tradeId) - back)
      const parts = ids.map((id) => fills.get(id)!)
      for (const part of parts) expect(part).toMatchObject({ px, side, ts })
      expect(formatDecimal(parts.map((part) => decimalOf(part.sz)).reduce(add))).toBe(sz)
      expect(parts.every((part) => Number(part.sz) > 0)).toBe(true)
    }
    const page = get('okx/public/api/v5/market/history-trades?instId=BTC-USDT&type=1&limit=3&after=1000007')
    expect((page.body as { data: Row[] }).data.map((fill) => fill.tradeId)).toEqual([
      '1000006',
      '1000005',
      '1000004',
    ])
  })

  test('says yes for each, and of what there is not, no', () => {
    const { tap } = rig()
    const line = tap('okx/public/ws/v5/public')
    const args = [
      { channel: 'trades', instId: 'BTC-USDT' },
      { channel: 'books', instId: 'NO-SUCH' },
    ]
    line.say({ id: 'a1', op: 'subscribe', args })
    line.say('ping')
    expect(line.texts.at(-1)).toBe('pong')
    const [ack, trade, error] = line.texts.slice(0, 3).map((text) => JSON.parse(text) as unknown)
    expect(ack).toMatchObject({ id: 'a1', event: 'subscribe', arg: args[0] })
    expect(trade).toMatchObject({ arg: args[0], data: [{ instId: 'BTC-USDT' }] })
    expect(error).toMatchObject({ id: 'a1', event: 'error', code: '60018' })
  })

  test('hangs up on who neither says nor is told anything for half a minute', async () => {
    const { timers, tap } = rig()
    const [silent, lively, listening] = ['', '', ''].map(() => tap('okx/public/ws/v5/public'))
    listening!.say({ op: 'subscribe', args: [{ channel: 'books', instId: 'BTC-USDT' }] })
    for (let ping = 0; ping < 3; ping++) {
      await timers.advanceBy(20_000)
      lively!.say('ping')
    }
    expect([silent!.end?.code, lively!.end, listening!.end]).toEqual([4004, undefined, undefined])
  })

  test('says once a minute that a book is still there, with the number it had', async () => {
    const { timers, tap } = rig()
    const line = tap('okx/public/ws/v5/public')
    line.say({ op: 'subscribe', args: [{ channel: 'books', instId: 'BTC-USDT' }] })
    await timers.advanceBy(119_000)
    const rows = line
      .json()
      .flatMap(({ data }) => (data ?? []) as { seqId: number; prevSeqId: number; asks: [] }[])
    const still = rows.filter(({ seqId, prevSeqId }) => seqId === prevSeqId)
    expect(still.length).toBeGreaterThanOrEqual(1)
    expect(rows.slice(1).every(({ prevSeqId }, index) => prevSeqId === rows[index]!.seqId)).toBe(true)
  })
})

describe('Deribit', () => {
  const subscribe = (...channels: string[]) => ({
    jsonrpc: '2.0',
    id: 5,
    method: 'public/subscribe',
    params: { channels },
  })

  test('leaves out what there is not, without a word', () => {
    const { tap } = rig()
    const line = tap('deribit/main/ws/api/v2')
    line.say(subscribe('trades.BTC-PERPETUAL.100ms', 'book.NO-SUCH.100ms'))
    expect(line.json()).toMatchObject([{ jsonrpc: '2.0', id: 5, result: ['trades.BTC-PERPETUAL.100ms'] }])
  })

  test('wants a key for raw channels and private methods, and knows no others', () => {
    const { tap } = rig()
    const line = tap('deribit/main/ws/api/v2')
    line.say(subscribe('book.BTC-PERPETUAL.raw'))
    line.say({ jsonrpc: '2.0', id: 6, method: 'private/buy', params: {} })
    line.say({ jsonrpc: '2.0', id: 7, method: 'public/dance', params: {} })
    expect(line.json()).toMatchObject([
      { id: 5, error: { code: 13778 } },
      { id: 6, error: { code: 13009 } },
      { id: 7, error: { code: -32601 } },
    ])
  })

  test('beats as often as it was asked to, and hangs up on who does not answer a test request', async () => {
    const { timers, tap } = rig()
    const [deaf, lively] = [tap('deribit/main'), tap('deribit/main')]
    for (const line of [deaf, lively]) {
      line.say({ jsonrpc: '2.0', id: 1, method: 'public/set_heartbeat', params: { interval: 10 } })
    }
    for (let second = 0; second < 60; second++) {
      await timers.advanceBy(1_000)
      const last = lively.json().at(-1) as { params?: { type: string } }
      if (last.params?.type === 'test_request')
        lively.say({ jsonrpc: '2.0', id: 2, method: 'public/test', params: {} })
    }
    const beats = lively.json().filter(({ method }) => method === 'heartbeat')
    expect([deaf.end?.code, lively.end, beats.length]).toEqual([1000, undefined, 6])
  })

  test('has thirty thousand credits for who subscribes, and hangs up when they are spent', () => {
    const { tap } = rig()
    const line = tap('deribit/main')
    for (let message = 0; message < 11; message++) line.say(subscribe())
    expect(line.json().at(-1)).toMatchObject({ error: { code: 10028 } })
    expect(line.end?.code).toBe(1000)
  })

  test('hands out trades by their numbers, oldest or newest first', () => {
    const { get } = rig()
    const path = 'deribit/main/api/v2/public/get_last_trades_by_instrument?instrument_name=BTC-PERPETUAL'
    type Answer = { result: { trades: { trade_seq: number }[]; has_more: boolean } }
    const newest = (get(`${path}&count=3`).body as Answer).result
    const last = newest.trades[0]!.trade_seq
    expect(newest.trades.map(({ trade_seq }) => last - trade_seq)).toEqual([0, 1, 2])
    const range = `&start_seq=${last - 9}&end_seq=${last - 5}&sorting=asc`
    const page = (get(`${path}${range}&count=4`).body as Answer).result
    expect(page.trades.map(({ trade_seq }) => last - trade_seq)).toEqual([9, 8, 7, 6])
    expect(page.has_more).toBe(true)
    expect((get(`${path}${range}&count=9`).body as Answer).result.has_more).toBe(false)
  })
})

function tokenOf(get: ReturnType<typeof rig>['get']): string {
  const { data } = get('kucoin/spot/api/v1/bullet-public', 'POST').body as { data: { token: string } }
  return data.token
}
