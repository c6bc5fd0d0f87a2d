import { BookSide } from './book-side.ts'
import type { ExchangeListing } from './exchange-listing.ts'
import type { PricePath } from './price-path.ts'
import { draw, keyOf, share, subKey } from './random.ts'
import { FILLS_MEAN, fillsOf, type MadeTrade, TradeTimes } from './trade-times.ts'

/**
 * The market of one product on one venue: a book that changes a little with each step, and trades at its best prices.
 *
 * Everything about a step is decided by the seed and the step's number, and nothing lives for longer than `renewalSteps`:
 * whoever begins a market anywhere, `renewalSteps` before the step that matters, has the very book that a market has
 * which ran for a year. So no market has to run while nobody looks, any process can be stopped and started again, and
 * trades of any past can be told without having been kept.
 *
 * Candidate prices lie one in each cell of `gapUnits`; cells below the mid are bids, the others asks.
 */
export type MarketRates = {
  /** Changes of each book in a second; a venue sends one frame for each. */
  readonly stepsPerSecond: number
  /** Trades of each product in a second, at most `TRADES_A_STEP_MAX` for each step. */
  readonly tradesPerSecond: number
}

export const TRADES_A_STEP_MAX = 20 // each has a number of its own between those of two steps

export type MarketPaths = {
  /** Of the base currency, the same on every venue. */
  readonly reference: PricePath
  /** How this venue differs from it. */
  readonly basis: PricePath
}

/** Each purpose draws its own numbers of a key. */
const DRAW = { phase: 0, sequence: 1, micros: 2, nearSide: 3, nearDepth: 4, bids: 16, asks: 1_048_576 + 16 }

export class ExchangeMarket {
  readonly listing: ExchangeListing
  readonly bids: BookSide
  readonly asks: BookSide
  /** Those of the last step, in their order. */
  readonly trades: MadeTrade[] = []
  lastTrade: MadeTrade | undefined
  /** The number of the last step, and when it was. */
  step = Number.NEGATIVE_INFINITY
  timeMs = 0
  /** The venue's number of the last step and of the one before: increasing, with jumps. */
  sequence = 0
  previousSequence = 0
  /** The distance between two candidate prices. */
  readonly gapUnits: number
  readonly stepMs: number
  /** After so many steps nothing is left of what was. */
  readonly renewalSteps: number
  readonly #paths: MarketPaths
  readonly #key: number
  readonly #tradeTimes: TradeTimes
  readonly #phaseMs: number
  readonly #tradesPerSecond: number
  readonly #sizeLotsMin: number
  readonly #tradeLotsMax: number
  #bestBidCell = 0
  #nextTrade = 0

  constructor(listing: ExchangeListing, seed: number, rates: MarketRates, paths: MarketPaths) {
    this.listing = listing
    this.#paths = paths
    this.#key = keyOf(`${seed}/${listing.venue}/${listing.product}`)
    this.bids = new BookSide(listing.levels)
    this.asks = new BookSide(listing.levels)
    this.stepMs = 1_000 / rates.stepsPerSecond
    this.#tradeTimes = new TradeTimes(this.#key ^ TRADES, rates.tradesPerSecond)
    this.#tradesPerSecond = rates.tradesPerSecond
    this.#phaseMs = share(this.#key, DRAW.phase) * this.stepMs
    this.renewalSteps = 2 ** Math.ceil(Math.log2(listing.levels))
    const { tickUnits } = listing
    this.gapUnits = tickUnits * Math.max(1, Math.round((listing.homeUnits * GAP_SHARE) / tickUnits))
    this.#sizeLotsMin = lotsWorth(listing, LEVEL_WORTH_MIN)
    const tradesBetweenRenewals = (this.renewalSteps * this.stepMs * rates.tradesPerSecond) / 1_000
    this.#tradeLotsMax = Math.max(1, Math.floor(this.#sizeLotsMin / (tradesBetweenRenewals + 2)))
  }

  /** When a step is. */
  timeOf(step: number): number {
    return Math.floor(step * this.stepMs + this.#phaseMs)
  }

  /** The last step that is not after a moment. */
  stepAt(timeMs: number): number {
    const step = Math.floor((timeMs - this.#phaseMs) / this.stepMs)
    return this.timeOf(step + 1) <= timeMs ? step + 1 : step
  }

  /** Brings the market to the last step that is not after `timeMs`; a market that is ahead of it stays. */
  catchUp(timeMs: number): void {
    const step = this.stepAt(timeMs)
    if (step - this.step > this.renewalSteps) this.#begin(step - this.renewalSteps)
    while (this.step < step) this.advance()
  }

  /** One step on: `bids`, `asks` and `trades` tell what it brought. At least one row is always told. */
  advance(): void {
    const step = this.step + 1
    const timeMs = this.timeOf(step)
    const key = subKey(this.#key, step)
    this.bids.begin()
    this.asks.begin()
    this.#trade(timeMs)
    this.step = step
    this.timeMs = timeMs
    this.#move(this.#bestBidCellAt(timeMs), key)
    this.#renew(this.bids, key, DRAW.bids)
    this.#renew(this.asks, key, DRAW.asks)
    this.#renewNearTop(key)
    this.#fillBest(this.bids, key, DRAW.bids)
    this.#fillBest(this.asks, key, DRAW.asks)
    this.bids.end()
    this.asks.end()
    if (this.bids.rows + this.asks.rows === 0) this.bids.restate()
    this.previousSequence = this.sequence
    this.sequence = sequenceOf(this.#key, step)
  }

  /** Microseconds after `timeMs` of the last step. */
  get micros(): number {
    return draw(subKey(this.#key, this.step), DRAW.micros) % 1_000
  }

  /** The price at a place of a side, in units. */
  bidPrice(place: number): number {
    return this.#candidate(-place)
  }

  askPrice(place: number): number {
    return this.#candidate(place)
  }

  /** At most so many levels of a side, best first: [price, size] in units. */
  top(side: 'bids' | 'asks', levelsMax: number): [priceUnits: number, sizeUnits: number][] {
    const levels: [number, number][] = []
    const { first, levels: places } = this[side]
    for (let place = first; place < first + places && levels.length < levelsMax; place++) {
      const size = this[side].size(place)
      if (size > 0) levels.push([side === 'bids' ? this.bidPrice(place) : this.askPrice(place), size])
    }
    return levels
  }

  /** The number of the last trade that is not after a moment; -1 where there are no trades. */
  lastTradeId(timeMs: number): number {
    return this.#tradeTimes.lastId(timeMs)
  }

  /** Any trade of any time, by its number; undefined where there are no trades. */
  tradeOf(id: number): MadeTrade | undefined {
    if (id < 0 || this.#tradeTimes.areNone) return undefined
    const step = this.stepAt(this.#tradeTimes.timeOf(id) - 1)
    return this.#tradeAt(id, step, this.#bestBidCellAt(this.timeOf(step)))
  }

  /** The mid, in units and not in whole ticks, at any moment. */
  midAt(timeMs: number): number {
    const { reference, basis } = this.#paths
    return this.listing.homeUnits * (1 + reference.at(timeMs)) * (1 + basis.at(timeMs))
  }

  /** What all trades of a day add up to, nearly: in units. */
  get dayVolumeUnits(): number {
    const lotsMean = FILLS_MEAN + (this.#tradeLotsMax - 1) / 2
    return Math.round(this.#tradesPerSecond * SECONDS_A_DAY * lotsMean) * this.listing.lotUnits
  }

  /** Some book of some step, to be forgotten by what follows. */
  #begin(step: number): void {
    this.step = step
    this.timeMs = this.timeOf(step)
    this.sequence = sequenceOf(this.#key, step)
    this.#bestBidCell = this.#bestBidCellAt(this.timeMs)
    this.#nextTrade = this.lastTradeId(this.timeMs) + 1
    this.lastTrade = this.tradeOf(this.#nextTrade - 1)
    for (const [side, first] of [
      [this.bids, -this.#bestBidCell],
      [this.asks, this.#bestBidCell + 1],
    ] as const) {
      side.reset(first)
      for (let place = first; place < first + side.levels; place++) {
        side.begin()
        side.put(place, this.#sizeLotsMin * this.listing.lotUnits)
      }
    }
  }

  #bestBidCellAt(timeMs: number): number {
    const mid = this.midAt(timeMs)
    const cell = Math.floor(mid / this.gapUnits)
    return this.#candidate(cell) < mid ? cell : cell - 1
  }

  #candidate(cell: number): number {
    const { tickUnits } = this.listing
    const ticks = this.gapUnits / tickUnits
    return cell * this.gapUnits + (ticks === 1 ? 0 : (draw(this.#key ^ CANDIDATES, cell) % ticks) * tickUnits)
  }

  #move(bestBidCell: number, key: number): void {
    if (bestBidCell === this.#bestBidCell) return
    this.#bestBidCell = bestBidCell
    this.bids.moveTo(-bestBidCell, (place) => this.#sizeAt(key, DRAW.bids, place))
    this.asks.moveTo(bestBidCell + 1, (place) => this.#sizeAt(key, DRAW.asks, place))
  }

  /** Each place of a window gets a new size once in `renewalSteps`: the one whose turn it is. */
  #renew(side: BookSide, key: number, purpose: number): void {
    const turn = Math.imul(this.step % this.renewalSteps, TURN_STRIDE)
    const place = side.first + ((turn - side.first) & (this.renewalSteps - 1))
    if (place < side.first + side.levels) side.put(place, this.#sizeAt(key, purpose, place))
  }

  /** And near the top, where the trade is, one more of either side. */
  #renewNearTop(key: number): void {
    const isBid = draw(key, DRAW.nearSide) < 0x8000_0000
    const side = isBid ? this.bids : this.asks
    const chance = share(key, DRAW.nearDepth)
    const place = side.first + Math.floor(chance * chance * Math.min(NEAR_TOP_LEVELS, side.levels))
    side.put(place, this.#sizeAt(key, isBid ? DRAW.bids : DRAW.asks, place))
  }

  #fillBest(side: BookSide, key: number, purpose: number): void {
    if (side.size(side.first) > 0) return
    side.put(side.first, this.#sizeAt(key, purpose, side.first) || this.#sizeLotsMin * this.listing.lotUnits)
  }

  /** A new size; one in eight is none. */
  #sizeAt(key: number, purpose: number, place: number): number {
    const drawn = draw(key, purpose + place)
    if ((drawn & 7) === 0) return 0
    const chance = (drawn >>> 3) / 0x2000_0000
    const lots = this.#sizeLotsMin * (1 + (LEVEL_WORTH_RANGE - 1) * chance * chance)
    return Math.floor(lots) * this.listing.lotUnits
  }

  /** All trades since the last step take from its best prices, never the last of what is there. */
  #trade(untilMs: number): void {
    this.trades.length = 0
    while (this.#tradeTimes.timeOf(this.#nextTrade) <= untilMs) {
      const trade = this.#tradeAt(this.#nextTrade++, this.step, this.#bestBidCell)
      const side = trade.taker === 'buy' ? this.asks : this.bids
      side.put(side.first, Math.max(this.listing.lotUnits, side.size(side.first) - trade.sizeUnits))
      this.trades.push(trade)
      this.lastTrade = trade
    }
  }

  /** What a trade is that comes between `step` and the next, where `step` left this best bid. */
  #tradeAt(id: number, step: number, bestBidCell: number): MadeTrade {
    const key = subKey(this.#key ^ TRADES, id)
    const chance = draw(key, 1)
    const taker = chance < 0x8000_0000 ? 'buy' : 'sell'
    const { firstFill, lastFill } = fillsOf(id)
    // At least one for each fill.
    const lots = lastFill - firstFill + 1 + (draw(key, 2) % this.#tradeLotsMax)
    const timeMs = this.#tradeTimes.timeOf(id)
    return {
      id,
      taker,
      priceUnits: this.#candidate(taker === 'buy' ? bestBidCell + 1 : bestBidCell),
      sizeUnits: lots * this.listing.lotUnits,
      timeMs,
      micros: chance % 1_000,
      firstFill,
      lastFill,
      sequence: sequenceOf(this.#key, step) + 1 + id - this.#firstTradeAfter(step),
    }
  }

  #firstTradeAfter(step: number): number {
    return this.lastTradeId(this.timeOf(step)) + 1
  }
}

/** Increasing by at least `SEQUENCE_STRIDE / 2` a step: room for the trades in between. */
function sequenceOf(key: number, step: number): number {
  return step * SEQUENCE_STRIDE + (draw(subKey(key, step), DRAW.sequence) % (SEQUENCE_STRIDE / 2))
}

/** How many of the smallest sizes are worth so much, near the home price; at least one. */
function lotsWorth(
  { type, homeUnits, pricePlaces, sizePlaces, lotUnits, contractValue }: ExchangeListing,
  worth: number,
) {
  const lot = (lotUnits / 10 ** sizePlaces) * contractValue
  const lotWorth = type === 'inverse' ? lot : (lot * homeUnits) / 10 ** pricePlaces
  return Math.max(1, Math.round(worth / lotWorth))
}

const SEQUENCE_STRIDE = 64
const TURN_STRIDE = 0x9e3779b1 // odd, so that every place has its turn; far from one, so that neighbours have not theirs together
const CANDIDATES = 0x2545f491
const TRADES = 0x6c8e9cf5
const GAP_SHARE = 0.00005 // of the price: half a basis point between levels, twice the move of a tenth of a second
const SECONDS_A_DAY = 86_400
const NEAR_TOP_LEVELS = 16
const LEVEL_WORTH_MIN = 20_000 // in the quote
const LEVEL_WORTH_RANGE = 20 // the largest size is so many times the smallest
