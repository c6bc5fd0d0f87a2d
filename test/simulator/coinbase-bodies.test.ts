import { expect, test } from 'vitest'
import { coinbase } from '../../src/ingest/coinbase.ts'
import { coinbaseBody } from '../../src/simulator/coinbase-bodies.ts'
import { listingOf, type Market, tickAt } from '../../src/simulator/made-market.ts'

const MARKET: Market = {
  seed: 1,
  products: ['BTC-USD'],
  intervalMs: 5_000,
  levels: 2,
  faultShare: 0,
  crossedShare: 0,
}
const TICK = {
  ...tickAt(MARKET, listingOf(1, 'BTC-USD'), 0),
  exchangeTimeMs: Date.UTC(2026, 10, 20, 14, 35),
  receivedAtMs: Date.UTC(2026, 10, 20, 14, 35, 0, 20),
}

const BODY =
  '{"bids":[["71234.56","0.5",3],["71234","12",1]],"asks":[["71235.5","0.00000001",2],["71236.07","1.2000003",5]],' +
  '"sequence":7,"auction_mode":false,"auction":null,"time":"2026-11-20T14:35:00.000042Z"}'

test('a made book reads as Coinbase writes one: its keys in its order, no spaces, no trailing zeros', () => {
  const bids = [[7_123_456, 50_000_000, 3] as const, [7_123_400, 1_200_000_000, 1] as const]
  const asks = [[7_123_550, 1, 2] as const, [7_123_607, 120_000_030, 5] as const]
  expect(coinbaseBody(TICK, { bids, asks, sequence: 7, exchangeTimeMicros: 42 })).toBe(BODY)
})

test("the venue's own parser reads it", () => {
  const about = {
    source: 'mock',
    product: 'BTC-USD',
    receivedAtMs: TICK.receivedAtMs,
    levelsMax: 20,
  } as const
  expect(coinbase.parseBook(Buffer.from(BODY), about)).toMatchObject({
    book: { sequence: 7, exchangeTimeMs: TICK.exchangeTimeMs, state: 'ok', bidLevels: 2, askLevels: 2 },
  })
})
