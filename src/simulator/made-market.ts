import { bell, draw, keyOf, share, subKey } from './random.ts'

/**
 * A made market: what it quotes at a moment is a pure function of (seed, product, tick) and of one whole number, its
 * centre. The floored middle of every book is the centre, and so the last book published holds all there is to
 * remember: a market goes on from its own words.
 *
 * Prices are counted in the product's tick size and sizes in its smallest size, as whole numbers: nothing here rounds.
 */
export type Market = {
  readonly seed: number
  /** Sorted, each once. */
  readonly products: readonly string[]
  /** Every product ticks once in each slot `[k, k + 1) x intervalMs` of UTC. */
  readonly intervalMs: number
  /** Levels a side. */
  readonly levels: number
  /** Share of ticks, 0..1, whose body is spoiled; the market goes on beneath. */
  readonly faultShare: number
  /** Share of ticks, 0..1, that quote a crossed book. */
  readonly crossedShare: number
}

/** What never changes about a product. */
export type Listing = {
  readonly product: string
  /** What this product draws from, and what all products of the market do. */
  readonly key: number
  readonly marketKey: number
  /** Places of a price: one tick is `10^-pricePlaces`. */
  readonly pricePlaces: number
  /** Places of a size. */
  readonly sizePlaces: number
  /** The price the walk starts at and is drawn back to, in ticks. */
  readonly homeTicks: number
}

/** What changes: the centre in ticks, and how many ticks there have been. A market begins at sequence 0. */
export type MarketState = { readonly centreTicks: number; readonly sequence: number }

export type MadeTick = {
  readonly listing: Listing
  readonly slot: number
  /** Every draw about this tick comes from this key. */
  readonly key: number
  readonly exchangeTimeMs: number
  readonly receivedAtMs: number
}

/** [price in ticks, size in smallest sizes, orders] */
export type MadeLevel = readonly [priceTicks: number, sizeUnits: number, orders: number]

export type MadeBook = {
  readonly bids: readonly MadeLevel[]
  readonly asks: readonly MadeLevel[]
  readonly sequence: number
  /** Microseconds after `exchangeTimeMs`: the venue stamps finer than we keep. */
  readonly exchangeTimeMicros: number
}

export const INTERVAL_MS_MIN = 10 // below it jitter and latency have no room within a slot
export const INTERVAL_MS_MAX = 3_600_000 // beyond it the pull towards home is no longer a small step
export const LEVELS_MAX = 5_000 // a body of 250 KB; beyond it a made book teaches nothing new

/** Each purpose draws its own numbers of a key, so that one more draw here never changes a draw there. */
const DRAW = {
  phase: 0,
  jitter: 1,
  latency: 2,
  micros: 3,
  spread: 4,
  crossed: 5,
  fault: 6,
  step: 8,
  rounding: 7,
}
const FIRST_BID_DRAW = 1_000
const FIRST_ASK_DRAW = FIRST_BID_DRAW + 4 * LEVELS_MAX

const HOME_PRICES: Readonly<Record<string, { ticks: number; places: number }>> = {
  'BTC-USD': { ticks: 7_123_456, places: 2 },
  'ETH-USD': { ticks: 378_642, places: 2 },
  'SOL-USD': { ticks: 17_823, places: 2 },
  'XRP-USD': { ticks: 6_123, places: 4 },
}

/** A product of no known price gets one from its name, between 0.01 and 10,000, with at least 1,000 ticks in it. */
export function listingOf(seed: number, product: string): Listing {
  const home = HOME_PRICES[product] ?? homeFromName(product)
  const price = home.ticks / 10 ** home.places
  return {
    product,
    key: keyOf(`${seed}/${product}`),
    marketKey: keyOf(`${seed}`),
    pricePlaces: home.places,
    // The cheaper the product, the more of it is traded: a level is worth about the same everywhere.
    sizePlaces: price >= 1_000 ? 8 : price >= 10 ? 7 : price >= 1 ? 6 : 5,
    homeTicks: home.ticks,
  }
}

function homeFromName(product: string): { ticks: number; places: number } {
  const key = keyOf(product)
  const digits = 1_000 + (draw(key, 0) % 9_000)
  const magnitude = draw(key, 1) % 6 // 0.01, 0.1, 1, 10, 100, 1,000
  if (magnitude === 0) return { ticks: digits * 10, places: 6 }
  if (magnitude <= 2) return { ticks: digits * 10 ** (magnitude - 1), places: 4 }
  return { ticks: digits * 10 ** (magnitude - 3), places: 2 }
}

/**
 * When a product ticks in a slot: at its own phase, so that products take turns, with a little jitter, and received
 * after a latency all products of the slot share, so that the order of sending is the order of receiving. All within
 * the first nine tenths of the slot.
 */
export function tickAt(market: Market, listing: Listing, slot: number): MadeTick {
  const key = subKey(listing.key, slot)
  const { intervalMs } = market
  const phaseMs = Math.floor(share(listing.key, DRAW.phase) * 0.5 * intervalMs)
  const jitterMs = Math.floor(share(key, DRAW.jitter) * 0.2 * intervalMs)
  const exchangeTimeMs = slot * intervalMs + phaseMs + jitterMs
  const latencyMsMax = Math.min(LATENCY_MS_MAX, 0.2 * intervalMs)
  const latencyMs = 1 + Math.floor(share(subKey(listing.marketKey, slot), DRAW.latency) * latencyMsMax)
  return { listing, slot, key, exchangeTimeMs, receivedAtMs: exchangeTimeMs + latencyMs }
}

const LATENCY_MS_MAX = 40 // what a venue on the same continent needs to answer

export function isFaulty(market: Market, tick: MadeTick): boolean {
  return share(tick.key, DRAW.fault) < market.faultShare
}

/**
 * The walk: one step of a bell curve, wider or narrower with the weather of the ten minutes, a drift with it, and a
 * weak pull home, so that a market left alone for a year is still a market. Step sizes do not depend on how finely time is cut.
 */
export function stepTo(market: Market, tick: MadeTick, state: MarketState): MarketState {
  const { homeTicks } = tick.listing
  const sequence = state.sequence + 1
  if (state.sequence === 0) return { centreTicks: state.centreTicks, sequence }
  const seconds = market.intervalMs / 1_000
  const { volatility, driftPerSecond } = weatherOf(tick)
  const noise = VOLATILITY_PER_ROOT_SECOND * volatility * Math.sqrt(seconds) * bell(tick.key, DRAW.step)
  const move = state.centreTicks * (noise + driftPerSecond * seconds)
  const pull = (homeTicks - state.centreTicks) * PULL_PER_SECOND * seconds
  // Rounding by chance: always rounding down would be a drift.
  const centreTicks = Math.floor(state.centreTicks + move + pull + share(tick.key, DRAW.rounding))
  return { centreTicks: Math.max(centreTicks, Math.ceil(homeTicks / 10)), sequence }
}

const VOLATILITY_PER_ROOT_SECOND = 0.00009 // 50 % a year, what bitcoin does
const PULL_PER_SECOND = 1 / 43_200 // half a day's memory
const WEATHER_MS = 600_000

/** Calm most of the time, rough now and then; the drift is at most 1 % an hour. */
function weatherOf(tick: MadeTick): { volatility: number; driftPerSecond: number } {
  const key = subKey(tick.listing.key ^ 0x5ca1ab1e, Math.floor(tick.exchangeTimeMs / WEATHER_MS))
  const volatility = VOLATILITIES[draw(key, 0) % VOLATILITIES.length]!
  return { volatility, driftPerSecond: (share(key, 1) - 0.5) * (0.02 / 3_600) }
}

const VOLATILITIES = [0.4, 0.6, 0.8, 0.8, 1, 1, 1.2, 1.8, 3]

/** The centre that a book with this best bid and ask has: the inverse of `bookAt`, crossed books included. */
export function centreOf(bestBidTicks: number, bestAskTicks: number): number {
  return Math.floor((bestBidTicks + bestAskTicks) / 2)
}

/** The book of a tick. A very cheap market has fewer bids than asked for: no price is below one tick. */
export function bookAt(market: Market, tick: MadeTick, state: MarketState): MadeBook {
  const spreadTicks = spreadAt(tick)
  const below = Math.floor(spreadTicks / 2)
  const above = spreadTicks - below
  const crossed = share(tick.key, DRAW.crossed) < market.crossedShare
  const bestBid = state.centreTicks + (crossed ? above : -below)
  const bestAsk = state.centreTicks + (crossed ? -below : above)
  return {
    bids: ladder(market, tick, bestBid, -1, FIRST_BID_DRAW),
    asks: ladder(market, tick, bestAsk, 1, FIRST_ASK_DRAW),
    sequence: state.sequence,
    exchangeTimeMicros: draw(tick.key, DRAW.micros) % 1_000,
  }
}

/** At least one tick; mostly near a fifth of a basis point, now and then up to three, wider in rough weather. */
function spreadAt(tick: MadeTick): number {
  const chance = share(tick.key, DRAW.spread)
  const basisPoints = (0.1 + 0.9 * chance * chance * chance) * weatherOf(tick).volatility
  return Math.max(1, Math.round((tick.listing.homeTicks * basisPoints) / 10_000))
}

function ladder(market: Market, tick: MadeTick, bestTicks: number, direction: 1 | -1, firstDraw: number) {
  const gapTicksMax = 1 + Math.round(tick.listing.homeTicks * GAP_SHARE)
  const levels: MadeLevel[] = []
  let priceTicks = bestTicks
  for (let index = 0; index < market.levels && priceTicks >= 1; index++) {
    const size = SIZE_UNITS_MIN + share(tick.key, firstDraw + 2 * index) * SIZE_UNITS_RANGE
    const chance = draw(tick.key, firstDraw + 2 * index + 1)
    levels.push([priceTicks, Math.ceil(size / (index + 1)), 1 + (chance % ORDERS_MAX)])
    priceTicks += direction * (1 + ((chance >>> 8) % gapTicksMax))
  }
  return levels
}

const GAP_SHARE = 0.00002 // of the price: a fifth of a basis point between levels
const SIZE_UNITS_MIN = 10_000_000 // 0.1 of a product with eight places
const SIZE_UNITS_RANGE = 990_000_000 // up to 10 of it; the n-th level holds an n-th of that
const ORDERS_MAX = 5
