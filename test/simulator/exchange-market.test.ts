import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { VenueId } from '../../src/models/scalars.ts'
import { exchangeListing } from '../../src/simulator/exchange-listing.ts'
import { ExchangeMarket, type MarketRates } from '../../src/simulator/exchange-market.ts'
import { marketPaths } from '../../src/simulator/market-paths.ts'
import type { MadeTrade } from '../../src/simulator/trade-times.ts'

const BEGIN_MS = Date.UTC(2026, 10, 20, 12)
const RATES: MarketRates = { stepsPerSecond: 10, tradesPerSecond: 3 }
const LISTINGS: [VenueId, string][] = [
  ['coinbase', 'BTC-USD'],
  ['binance', 'XRP-USDT'],
  ['kucoin', 'M0007-USDT'],
  ['okx', 'BTC-USD-PERP'],
  ['deribit', 'ETH-USD-PERP'],
]

describe.each(LISTINGS)('%s %s', (venue, product) => {
  test('a book is never crossed, never empty at its best, and its sizes are whole lots', () => {
    fc.assert(
      fc.property(fc.nat(), rates(), (seed, rate) => {
        const market = begun(venue, product, seed, rate)
        const wrong: string[] = []
        for (let step = 0; step < 300; step++) {
          market.advance()
          wrong.push(...faultsOf(market))
        }
        expect(wrong).toEqual([])
      }),
      { numRuns: 10 },
    )
  })

  test('its changes, applied one step after the other, make the very book it has', () => {
    const market = begun(venue, product)
    const copy = mapsOf(market)
    for (let step = 0; step < 2_000; step++) {
      market.advance()
      const { bids, asks } = market
      expect(bids.rows + asks.rows).toBeGreaterThan(0)
      for (let row = 0; row < bids.rows; row++) {
        applied(copy.bids, market.bidPrice(bids.rowPlace[row]!), bids.rowBefore[row]!, bids.rowSize[row]!)
      }
      for (let row = 0; row < asks.rows; row++) {
        applied(copy.asks, market.askPrice(asks.rowPlace[row]!), asks.rowBefore[row]!, asks.rowSize[row]!)
      }
    }
    expect(copy).toEqual(mapsOf(market))
  })

  test('whoever begins later, anywhere, has the same book, numbers and trades', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 4_000 }), rates(), (seed, steps, rate) => {
        const old = begun(venue, product, seed, rate)
        for (let step = 0; step < steps; step++) old.advance()
        const young = marketOf(venue, product, seed, rate)
        young.catchUp(old.timeMs)
        expect(stateOf(young)).toEqual(stateOf(old))
      }),
      { numRuns: 8 },
    )
  })

  test('trades are at the best price of the book before them, in order, numbered without a gap', () => {
    const market = begun(venue, product, 3, { stepsPerSecond: 10, tradesPerSecond: 30 })
    const trades: MadeTrade[] = []
    for (let step = 0; step < 500; step++) {
      const [bid, ask] = [market.bidPrice(market.bids.first), market.askPrice(market.asks.first)]
      const [fromMs, fromSequence] = [market.timeMs, market.sequence]
      market.advance()
      for (const trade of market.trades) {
        expect(trade.priceUnits).toBe(trade.taker === 'buy' ? ask : bid)
        expect(trade.timeMs).toBeGreaterThan(fromMs)
        expect(trade.timeMs).toBeLessThanOrEqual(market.timeMs)
        expect(trade.sequence).toBeGreaterThan(fromSequence)
        expect(trade.sequence).toBeLessThan(market.sequence)
        expect(trade).toEqual(market.tradeOf(trade.id))
        trades.push(trade)
      }
    }
    expect(trades.length).toBeGreaterThan(1_400)
    trades.slice(1).forEach((trade, index) => {
      expect(trade.id).toBe(trades[index]!.id + 1)
      expect(trade.firstFill).toBe(trades[index]!.lastFill + 1)
      expect(trade.sequence).toBeGreaterThan(trades[index]!.sequence)
    })
  })
})

test('a trade takes its size from the level it hits', () => {
  const market = begun('coinbase', 'BTC-USD', 5, { stepsPerSecond: 10, tradesPerSecond: 2 })
  let seen = 0
  for (let step = 0; step < 1_000; step++) {
    const before = { bid: best(market.bids), ask: best(market.asks) }
    market.advance()
    if (market.trades.length !== 1) continue
    const trade = market.trades[0]!
    const [side, was] = trade.taker === 'buy' ? [market.asks, before.ask] : [market.bids, before.bid]
    // Where the mid moved or the level was renewed in the same step nothing can be told.
    if (side.first !== was.place || side.size(side.first) > was.size) continue
    if (side.size(side.first) === was.size - trade.sizeUnits) seen++
  }
  expect(seen).toBeGreaterThan(30)
})

test('venues quote the same currency within a few basis points of each other', () => {
  const mids = (['coinbase', 'binance', 'kucoin', 'okx'] as const).map((venue) => {
    const market = marketOf(venue, venue === 'coinbase' ? 'SOL-USD' : 'SOL-USDT')
    return market.midAt(BEGIN_MS) / 10 ** market.listing.pricePlaces
  })
  const apartBps = ((Math.max(...mids) - Math.min(...mids)) / Math.min(...mids)) * 10_000
  expect(apartBps).toBeGreaterThan(0.01)
  expect(apartBps).toBeLessThan(20)
})

test('another seed is another market', () => {
  expect(bookOf(begun('okx', 'BTC-USDT', 1))).not.toEqual(bookOf(begun('okx', 'BTC-USDT', 2)))
})

test('a market without trades has none, and one that is asked for the past answers of it', () => {
  const still = begun('okx', 'BTC-USDT', 1, { stepsPerSecond: 1, tradesPerSecond: 0 })
  for (let step = 0; step < 100; step++) still.advance()
  expect(still.lastTrade).toBeUndefined()
  expect(still.lastTradeId(BEGIN_MS)).toBe(-1)
  const busy = begun('okx', 'BTC-USDT')
  const id = busy.lastTradeId(BEGIN_MS - 86_400_000)
  expect(busy.tradeOf(id)!.timeMs).toBeLessThanOrEqual(BEGIN_MS - 86_400_000)
  expect(busy.tradeOf(id + 1)!.timeMs).toBeGreaterThan(BEGIN_MS - 86_400_000)
})

function rates() {
  return fc.record({
    stepsPerSecond: fc.constantFrom(1, 3, 10, 20),
    tradesPerSecond: fc.constantFrom(0.2, 2, 7, 20),
  })
}

function marketOf(venue: VenueId, product: string, seed = 1, rate = RATES): ExchangeMarket {
  const listing = exchangeListing(venue, product)
  return new ExchangeMarket(listing, seed, rate, marketPaths(seed).of(listing))
}

function begun(venue: VenueId, product: string, seed = 1, rate = RATES): ExchangeMarket {
  const market = marketOf(venue, product, seed, rate)
  market.catchUp(BEGIN_MS)
  return market
}

/** What no book may be. */
function faultsOf(market: ExchangeMarket): string[] {
  const { bids, asks } = bookOf(market)
  const { tickUnits, lotUnits } = market.listing
  const bad = [...bids, ...asks].filter(
    ([price, size]) => price <= 0 || price % tickUnits !== 0 || size <= 0 || size % lotUnits !== 0,
  )
  const isEmpty = best(market.bids).size === 0 || best(market.asks).size === 0
  const isSorted = ascending(asks) && ascending(bids.toReversed())
  return [
    ...bad.map(([price, size]) => `${size} at ${price}`),
    ...(isEmpty ? ['empty'] : []),
    ...(isSorted ? [] : ['not sorted']),
    ...(bids[0]![0] < asks[0]![0] ? [] : ['crossed']),
  ]
}

function ascending(levels: readonly (readonly [number, number])[]): boolean {
  return levels.every(([price], index) => index === 0 || price > levels[index - 1]![0])
}

function best(side: ExchangeMarket['bids']) {
  return { place: side.first, size: side.size(side.first) }
}

function bookOf(market: ExchangeMarket) {
  return {
    bids: market.top('bids', Number.POSITIVE_INFINITY),
    asks: market.top('asks', Number.POSITIVE_INFINITY),
  }
}

function mapsOf(market: ExchangeMarket) {
  const { bids, asks } = bookOf(market)
  return { bids: new Map(bids), asks: new Map(asks) }
}

function applied(side: Map<number, number>, price: number, before: number, size: number): void {
  expect(side.get(price) ?? 0).toBe(before)
  if (size === 0) side.delete(price)
  else side.set(price, size)
}

function stateOf(market: ExchangeMarket) {
  const { step, timeMs, sequence, previousSequence, lastTrade, micros } = market
  return { step, timeMs, sequence, previousSequence, lastTrade, micros, ...bookOf(market) }
}
