import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bookAt,
  centreOf,
  listingOf,
  type MadeBook,
  type Market,
  stepTo,
  tickAt,
} from '../../src/simulator/made-market.ts'

const MARKET: Market = {
  seed: 1,
  products: ['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD'],
  intervalMs: 5_000,
  levels: 10,
  faultShare: 0,
  crossedShare: 0,
}
const FIRST_SLOT = Date.UTC(2026, 10, 20) / 5_000

describe('the products', () => {
  test.each([
    ['BTC-USD', 7_123_456, 2],
    ['ETH-USD', 378_642, 2],
    ['SOL-USD', 17_823, 2],
    ['XRP-USD', 6_123, 4],
  ])('%s begins at its known price in its own tick size', (product, homeTicks, pricePlaces) => {
    expect(listingOf(1, product)).toMatchObject({ homeTicks, pricePlaces })
    const { books } = play({ ...MARKET, products: [product] }, 1)
    expect(centreOfBook(books[0]!)).toBe(homeTicks)
  })

  test('an unknown product has a price from its name, the same for every seed, of at least 1,000 ticks', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z0-9]{1,8}-USD$/), fc.nat(), (product, seed) => {
        const { homeTicks, pricePlaces } = listingOf(seed, product)
        expect(homeTicks).toBe(listingOf(1, product).homeTicks)
        expect(homeTicks).toBeGreaterThanOrEqual(1_000)
        const price = homeTicks / 10 ** pricePlaces
        expect(price).toBeGreaterThanOrEqual(0.01)
        expect(price).toBeLessThan(100_000)
      }),
    )
  })
})

describe('the walk', () => {
  test('stays a market for a month, whatever the seed and the product', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(...MARKET.products, 'DOGE-USD', 'PEPE-USD'), (seed, product) => {
        const market = { ...MARKET, seed, products: [product], intervalMs: 60_000, levels: 1 }
        const { homeTicks } = listingOf(seed, product)
        const centres = play(market, 43_200).states.map(({ centreTicks }) => centreTicks)
        expect(Math.min(...centres)).toBeGreaterThan(homeTicks * 0.8)
        expect(Math.max(...centres)).toBeLessThan(homeTicks * 1.25)
      }),
      { numRuns: 10 },
    )
  })

  test('moves, and in rough weather more than in calm', () => {
    const { states } = play({ ...MARKET, products: ['BTC-USD'] }, 7_200)
    const moves = states.slice(1).map(({ centreTicks }, index) => centreTicks - states[index]!.centreTicks)
    const ten = Array.from({ length: 60 }, (_, index) => moves.slice(index * 120, index * 120 + 120))
    const deviations = ten.map((part) =>
      Math.sqrt(part.reduce((sum, move) => sum + move * move, 0) / part.length),
    )
    expect(Math.max(...deviations) / Math.min(...deviations)).toBeGreaterThan(3)
    expect(moves.filter((move) => move === 0).length).toBeLessThan(moves.length / 20)
  })

  test('another seed is another market', () => {
    const one = play({ ...MARKET, products: ['BTC-USD'] }, 100).states.at(-1)
    const two = play({ ...MARKET, products: ['BTC-USD'], seed: 2 }, 100).states.at(-1)
    expect(one).not.toEqual(two)
  })
})

describe('a book', () => {
  test('is sorted, never crossed or locked, and its spread is at least a tick and at most a few basis points', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(...MARKET.products, 'DOGE-USD'), (seed, product) => {
        const market = { ...MARKET, seed, products: [product] }
        const { homeTicks } = listingOf(seed, product)
        for (const { bids, asks } of play(market, 100).books) {
          expect(bids).toEqual([...bids].sort((a, b) => b[0] - a[0]))
          expect(asks).toEqual([...asks].sort((a, b) => a[0] - b[0]))
          expect(new Set([...bids, ...asks].map(([price]) => price)).size).toBe(20)
          const spread = asks[0]![0] - bids[0]![0]
          expect(spread).toBeGreaterThanOrEqual(1)
          expect(spread).toBeLessThanOrEqual(Math.max(1, homeTicks * 0.0004))
          for (const [price, size, orders] of [...bids, ...asks]) {
            expect(Math.min(price, size)).toBeGreaterThanOrEqual(1)
            expect([1, 2, 3, 4, 5]).toContain(orders)
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  test('holds, crossed or not, the centre of the walk in its middle', () => {
    for (const crossedShare of [0, 1]) {
      const { books, states } = play({ ...MARKET, products: ['XRP-USD'], crossedShare }, 500)
      expect(books.map(centreOfBook)).toEqual(states.map(({ centreTicks }) => centreTicks))
    }
  })

  test('is crossed as often as asked', () => {
    const { books } = play({ ...MARKET, products: ['BTC-USD'], crossedShare: 0.2 }, 2_000)
    const crossed = books.filter(({ bids, asks }) => bids[0]![0] > asks[0]![0]).length
    expect(crossed).toBeGreaterThan(300)
    expect(crossed).toBeLessThan(500)
  })

  test('has fewer bids where a cheap market has no room for more', () => {
    const { books } = play({ ...MARKET, products: ['XRP-USD'], levels: 5_000 }, 3)
    const tooDeep = { ...MARKET, levels: 5_000, products: ['XRP-USD'] }
    const listing = { ...listingOf(1, 'XRP-USD'), homeTicks: 1_000 }
    const shallow = bookAt(tooDeep, tickAt(tooDeep, listing, FIRST_SLOT), { centreTicks: 1_000, sequence: 1 })
    expect([books[0]!.bids.length, shallow.bids.length, shallow.asks.length]).toEqual([5_000, 1_000, 5_000])
    expect(shallow.bids.at(-1)![0]).toBe(1)
  })
})

describe('the times', () => {
  test('each product ticks once a slot, and is received within it, whatever the interval', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 3_600_000 }), fc.nat({ max: 1_000_000 }), (intervalMs, slot) => {
        const market = { ...MARKET, intervalMs }
        const { exchangeTimeMs, receivedAtMs } = tickAt(market, listingOf(1, 'BTC-USD'), slot)
        expect(exchangeTimeMs).toBeGreaterThanOrEqual(slot * intervalMs)
        expect(receivedAtMs).toBeGreaterThan(exchangeTimeMs)
        expect(receivedAtMs).toBeLessThan((slot + 1) * intervalMs)
      }),
    )
  })
})

/** The first product of the market over so many ticks. */
function play(market: Market, ticks: number) {
  const listing = listingOf(market.seed, market.products[0]!)
  const states = []
  const books: MadeBook[] = []
  let state = { centreTicks: listing.homeTicks, sequence: 0 }
  for (let slot = FIRST_SLOT; slot < FIRST_SLOT + ticks; slot++) {
    const tick = tickAt(market, listing, slot)
    state = stepTo(market, tick, state)
    states.push(state)
    books.push(bookAt(market, tick, state))
  }
  return { states, books }
}

function centreOfBook({ bids, asks }: MadeBook): number {
  return centreOf(bids[0]![0], asks[0]![0])
}
