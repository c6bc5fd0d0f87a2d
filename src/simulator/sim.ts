import { EngineError } from '../models/engine-error.ts'
import { VENUES, type VenueId } from '../models/scalars.ts'
import type { Timers } from '../models/timers.ts'
import type { NoAnswer, SimAnswer } from './exchange.ts'
import type { FaultWish, ScriptedFault } from './exchange-faults.ts'
import { defaultProducts, madeUpProducts, PRODUCTS_MAX } from './exchange-listing.ts'
import { type ExchangeMarket, type MarketRates, TRADES_A_STEP_MAX } from './exchange-market.ts'
import { FeedClock } from './feeds.ts'
import { marketPaths } from './market-paths.ts'
import { padded } from './number-text.ts'
import { placeOf } from './sim-address.ts'
import { type Admission, SimVenue } from './sim-venue.ts'

/**
 * Five venues that are not there: one made market a product, spoken over the venues' own wire. No I/O and no clock of its
 * own: whoever carries it hands in requests, sockets and time.
 *
 * Addresses are `<base>/<venue>/<wire>` and the venue's own path behind it.
 */
export type Simulator = {
  /** Answers a request. */
  http(method: string, url: string): SimAnswer | NoAnswer
  /** What comes of opening a socket at this address. */
  connect(url: string): Admission | SimAnswer | NoAnswer
  /** Makes something go wrong, now. Throws EngineError `usage` for a product that is not listed. */
  fault(wish: FaultWish): void
  /** The same from a script, its times counted from now. */
  play(script: readonly ScriptedFault[]): void
  /** The top of the book a venue has published last: what a perfect listener knows. Prices and sizes are plain decimals. */
  books(venue: VenueId, product: string, levels: number): SimBook
  /** Every trade that happened in a stretch of time, whether anybody listened or not. */
  tape(venue: VenueId, product: string, fromMs: number, toMs: number): SimTrade[]
  /** Canonical names, as they are listed. */
  products(venue: VenueId): string[]
  /** The time of the markets. */
  nowMs(): number
  /** Open connections to a venue. */
  connections(venue: VenueId): number
  /** Ends all connections and all waiting. */
  close(): void
}

export type SimBook = {
  readonly sequence: number
  readonly timeMs: number
  readonly bids: readonly SimLevel[]
  readonly asks: readonly SimLevel[]
}
export type SimLevel = readonly [price: string, size: string]

export type SimTrade = {
  readonly id: number
  readonly lastFill: number
  readonly taker: 'buy' | 'sell'
  readonly price: string
  readonly size: string
  readonly timeMs: number
}

export type SimulatorOptions = {
  readonly seed: number
  readonly timers: Timers
  /** So many a venue, or which; absent: those that each venue lists by itself. */
  readonly products?: number | Partial<Record<VenueId, readonly string[]>>
  readonly rates?: Partial<MarketRates>
  /** Whether the venues' limits on requests, messages and connects are held. */
  readonly limited?: boolean
  /** Whether OKX's books carry the checksum they once had; now it is always 0. */
  readonly checksums?: boolean
}

const RATES: MarketRates = { stepsPerSecond: 10, tradesPerSecond: 2 }
const STEPS_A_SECOND_MAX = 100

export function openSimulator(options: SimulatorOptions): Simulator {
  const { seed, timers } = options
  const rates = { ...RATES, ...options.rates }
  checkOptions(rates, options.products)
  const { after, cancelAll } = endable(timers)
  const clock = new FeedClock(timers, (feed) => venues[feed.listing.venue].publish(feed))
  const limited = options.limited ?? true
  const checksums = options.checksums ?? false
  const about = { seed, rates, paths: marketPaths(seed), clock, after, limited, checksums }
  const venues = Object.fromEntries(
    VENUES.map((venue) => [venue, new SimVenue(venue, productsOf(venue, options.products), about)]),
  ) as Record<VenueId, SimVenue>

  function fault({ venue, ...wish }: FaultWish): void {
    venues[venue].fault({ venue, ...wish })
  }

  return {
    http(method, url) {
      const place = placeOf(method, url)
      return place === undefined ? NO_VENUE : venues[place.venue].http(place.request)
    },
    connect(url) {
      const place = placeOf('GET', url)
      return place === undefined ? NO_VENUE : venues[place.venue].connect(place.request)
    },
    fault,
    play(script) {
      for (const { atMs, ...wish } of script) after(atMs, () => fault(wish))
    },
    books: (venue, product, levels) => bookOf(clock.marketOf(venues[venue].feedOf(product)), levels),
    tape: (venue, product, fromMs, toMs) => tapeOf(venues[venue].feedOf(product).market, fromMs, toMs),
    products: (venue) => venues[venue].products,
    nowMs: clock.nowMs,
    connections: (venue) => venues[venue].connections,
    close() {
      clock.stop()
      cancelAll()
      for (const venue of Object.values(venues)) venue.close()
    },
  }
}

const NO_VENUE: SimAnswer = { status: 404, body: '{"message":"no such venue"}' }

/** `timers.after`, all of it to be ended at once. */
function endable(timers: Timers): { readonly after: Timers['after']; cancelAll(): void } {
  const waiting = new Set<() => void>()
  return {
    after(ms, call) {
      const cancel = timers.after(ms, () => {
        waiting.delete(cancel)
        call()
      })
      waiting.add(cancel)
      return () => {
        waiting.delete(cancel)
        cancel()
      }
    },
    cancelAll() {
      for (const cancel of waiting) cancel()
      waiting.clear()
    },
  }
}

function productsOf(venue: VenueId, products: SimulatorOptions['products']): readonly string[] {
  if (products === undefined) return defaultProducts(venue)
  return typeof products === 'number' ? madeUpProducts(venue, products) : (products[venue] ?? [])
}

function bookOf(market: ExchangeMarket, levels: number): SimBook {
  return {
    sequence: market.sequence,
    timeMs: market.timeMs,
    bids: market.top('bids', levels).map((level) => levelTexts(market, level)),
    asks: market.top('asks', levels).map((level) => levelTexts(market, level)),
  }
}

function tapeOf(market: ExchangeMarket, fromMs: number, toMs: number): SimTrade[] {
  const trades: SimTrade[] = []
  for (let id = market.lastTradeId(fromMs - 1) + 1; id <= market.lastTradeId(toMs); id++) {
    const { priceUnits, sizeUnits, taker, timeMs, lastFill } = market.tradeOf(id)!
    const [price, size] = levelTexts(market, [priceUnits, sizeUnits])
    trades.push({ id, lastFill, taker, price, size, timeMs })
  }
  return trades
}

function levelTexts({ listing }: ExchangeMarket, [price, size]: readonly [number, number]): SimLevel {
  return [padded(price, listing.pricePlaces), padded(size, listing.sizePlaces)]
}

function checkOptions(rates: MarketRates, products: SimulatorOptions['products']): void {
  const { stepsPerSecond, tradesPerSecond } = rates
  const problem =
    typeof products === 'number' && !(Number.isInteger(products) && products >= 1 && products <= PRODUCTS_MAX)
      ? `products: ${products}, expected a whole number from 1 to ${PRODUCTS_MAX}`
      : !(stepsPerSecond > 0 && stepsPerSecond <= STEPS_A_SECOND_MAX)
        ? `stepsPerSecond: ${stepsPerSecond}, expected more than 0 and at most ${STEPS_A_SECOND_MAX}`
        : !(tradesPerSecond >= 0 && tradesPerSecond <= TRADES_A_STEP_MAX * stepsPerSecond)
          ? `tradesPerSecond: ${tradesPerSecond}, expected at most ${TRADES_A_STEP_MAX} for each change of a book`
          : undefined
  if (problem !== undefined) throw new EngineError('usage', `the simulator cannot be opened with ${problem}`)
}
