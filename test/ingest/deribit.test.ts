import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isInverse, productOf } from '../../src/ingest/deribit/names.ts'
import { deribit } from '../../src/ingest/deribit.ts'
import { Levels } from '../../src/ingest/levels.ts'
import { sourceOf } from '../../src/ingest/source.ts'
import { type BookDelta, NO_NUMBER, type Subscription } from '../../src/ingest/venue.ts'
import { venues } from '../../src/ingest/venues.ts'
import { damage, spoiled } from './spoiled.ts'
import { RECEIVED_AT_MS, testFixtures } from './wire-fixtures.ts'

const FIXTURES = 'fixtures/deribit'
const wire = deribit.wires[0]!

describe('every fixture becomes what is written beside it', () => {
  testFixtures(FIXTURES, {
    'ws-': wire.parseFrame,
    'rest-instruments': wire.parseListing,
    'rest-trades': (body, { symbol }) => wire.trades!.backfill!.parse(body, symbol),
  })
})

test.each([
  ['BTC_USDC', 'BTC-USDC', false],
  ['BTC_USDC-PERPETUAL', 'BTC-USDC-PERP', false],
  ['BTC-PERPETUAL', 'BTC-USD-PERP', true],
  ['BTC-24SEP21', 'BTC-USD-24SEP21', true],
  ['BTC-6AUG21', 'BTC-USD-6AUG21', true],
  ['BTC-24SEP21-8000-P', 'BTC-USD-24SEP21-8000-P', false],
  ['ETH_USDC-24SEP27-2500-C', 'ETH-USDC-24SEP27-2500-C', false],
  ['XRP_USDC-30JUN27-0d625-C', 'XRP-USDC-30JUN27-0.625-C', false],
  ['BTC_USDC_X-PERPETUAL', undefined, false],
  ['BTC-FS-25DEC26_PERP', undefined, false],
  ['', undefined, false],
])('%s is %s; its sizes are dollars: %s', (symbol, product, inverse) => {
  expect([productOf(symbol), isInverse(symbol)]).toEqual([product, inverse])
})

test.each([
  // prev_change_id, change_id
  [90, 95, 'old'],
  [90, 100, 'old'],
  [100, 107, 'next'],
  [101, 107, 'gap'],
  [99, 107, 'gap'],
])('a book at change 100 takes change %i -> %i for %s', (previous, last, following) => {
  expect(wire.books!.follows(100, delta(previous, last))).toBe(following)
})

describe('what is asked of the venue', () => {
  const subscriptions: Subscription[] = [
    { kind: 'books', symbol: 'BTC-PERPETUAL' },
    { kind: 'trades', symbol: 'BTC-PERPETUAL' },
    { kind: 'tickers', symbol: 'BTC_USDC' },
  ]
  const params = {
    channels: ['book.BTC-PERPETUAL.100ms', 'trades.BTC-PERPETUAL.100ms', 'ticker.BTC_USDC.100ms'],
  }

  test('channels come every 100 ms, which needs no keys', () => {
    expect(subscriptions.map(wire.channel)).toEqual(params.channels)
  })

  test.each([
    ['hello', wire.hello!(1), 'public/set_heartbeat', { interval: 10 }, 1],
    ['subscribe', wire.subscribe(subscriptions, 2), 'public/subscribe', params, 2],
    ['unsubscribe', wire.unsubscribe(subscriptions, 3), 'public/unsubscribe', params, -3],
    ['ping', [wire.keepAlive!.ping(4)], 'public/test', {}, 4],
  ])('%s is one call', (_, texts, method, wanted, id) => {
    const calls = texts.map((text) => JSON.parse(text) as Record<string, unknown>)
    expect(calls).toEqual([{ jsonrpc: '2.0', id, method, params: wanted }])
  })

  test('a socket is opened and instruments of every currency are listed at its one host', () => {
    const { opening, socketUrl, restUrl } = wire
    expect(opening.by === 'address' && opening.url(socketUrl, [])).toBe('wss://www.deribit.com/ws/api/v2')
    expect(wire.listingRequests(restUrl).map(({ url }) => url)).toEqual([
      'https://www.deribit.com/api/v2/public/get_instruments?currency=any&expired=false',
    ])
    expect([sourceOf(deribit, restUrl), sourceOf(venues.deribit, socketUrl)]).toEqual(['deribit', 'deribit'])
  })

  test('trades that were missed are asked for by their numbers, oldest first', () => {
    const { url } = wire.trades!.backfill!.request('https://x', 'BTC_USDC', { fromId: 7, toId: 5_000 })
    expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
      instrument_name: 'BTC_USDC',
      start_seq: '7',
      end_seq: '5000',
      count: '1000',
      sorting: 'asc',
    })
  })
})

test('whatever a frame is spoiled to, it is read or rejected, never thrown, and rejected rows leave nothing behind', () => {
  const names = readdirSync(FIXTURES).filter((name) => name.startsWith('ws-') && !name.includes('.expected.'))
  const fixtures = names.map((name) => readFileSync(`${FIXTURES}/${name}`))
  fc.assert(
    fc.property(fc.constantFrom(...fixtures), fc.array(damage, { maxLength: 3 }), (frame, all) => {
      const levels = new Levels()
      const bytes = all.reduce<Uint8Array>(spoiled, frame)
      const events = wire.parseFrame(bytes, { receivedAtMs: RECEIVED_AT_MS, levels })
      const rows = events.map((event) => ('to' in event ? event.to - event.from : 0))
      expect(levels.length).toBe(rows.reduce((sum, count) => sum + count, 0))
      expect(events.filter(({ type }) => type === 'rejected').length).toBeLessThanOrEqual(1)
    }),
    { numRuns: 5_000 },
  )
})

function delta(previous: number, last: number): BookDelta {
  const numbers = { first: NO_NUMBER, last, previous, exchangeTimeMs: null }
  return { type: 'delta', symbol: 'BTC-PERPETUAL', ...numbers, from: 0, to: 0 }
}
