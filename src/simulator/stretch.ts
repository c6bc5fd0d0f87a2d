import { createHash } from 'node:crypto'
import {
  centreOf,
  type Listing,
  listingOf,
  type Market,
  type MarketState,
  stepTo,
  tickAt,
} from './made-market.ts'
import { type Memory, MOCK_RUN_PREFIX, type RememberedBook, type RememberedMark } from './market-memory.ts'

/** Which stretch of time a caller wishes to be made. */
export type StretchWish = {
  /** How much of the past to make, counted back from `untilMs`, or from now. */
  readonly historyMs: number
  /** The stretch ends here. */
  readonly untilMs?: number
  /** The stretch ends so many ticks of each product after its wished beginning. */
  readonly count?: number
  /** The stretch ends now; otherwise it goes on live. */
  readonly exit: boolean
}

/** The stretch that will be made: ticks received after `fromMs`, of slots from `firstSlot` on, up to `endMs`. */
export type Stretch = {
  readonly run: string
  /** True where an earlier process of this very run was killed and is continued. */
  readonly resumed: boolean
  readonly fromMs: number
  readonly firstSlot: number
  /** Infinity: until somebody stops it. */
  readonly endMs: number
  /** Each product as it stood at `fromMs`. */
  readonly states: ReadonlyMap<string, MarketState>
}

/**
 * Where to go on. A killed run of the same market is continued as if it had never been killed: same run, next n. A run
 * that said goodbye, another market, or a pause between is followed by a new run, which takes each product's price and
 * sequence from its last book. Made time never runs back.
 */
export function planStretch(market: Market, wish: StretchWish, memory: Memory, nowMs: number): Stretch {
  const { intervalMs } = market
  const nowSlot = Math.floor((wish.untilMs ?? nowMs) / intervalMs)
  const wishedSlot = nowSlot - Math.ceil(wish.historyMs / intervalMs)
  const end = endSlot(wish, wishedSlot, nowSlot)
  const endMs = end * intervalMs
  const mark = unfinishedMark(market, memory)
  if (mark !== undefined && mark.upToMs + intervalMs >= wishedSlot * intervalMs) {
    const fromMs = mark.upToMs
    const states = statesOf(market, (listing) => stateAtMark(market, listing, memory, mark))
    return { run: mark.run, resumed: true, fromMs, firstSlot: Math.floor(fromMs / intervalMs), endMs, states }
  }
  const madeUpToMs = [...memory.marks.values()].map((mark) => mark.upToMs)
  const fromMs = Math.max(wishedSlot * intervalMs, ...madeUpToMs)
  const run = `${MOCK_RUN_PREFIX}${fingerprintOf(market)}-${fromMs}`
  const states = statesOf(market, (listing) => stateOfBook(listing, memory.books.get(listing.product)))
  return { run, resumed: false, fromMs, firstSlot: Math.ceil(fromMs / intervalMs), endMs, states }
}

function endSlot(wish: StretchWish, wishedSlot: number, nowSlot: number): number {
  const counted = wish.count === undefined ? Infinity : wishedSlot + wish.count
  return Math.min(counted, wish.untilMs !== undefined || wish.exit ? nowSlot : Infinity)
}

/** The mark all partitions agree on, where it is of this market and its run never said goodbye. */
function unfinishedMark(market: Market, memory: Memory): RememberedMark | undefined {
  const marks = [...memory.marks.values()]
  const mark = marks[0]
  if (mark === undefined || mark.bye || parseRun(mark.run)?.fingerprint !== fingerprintOf(market))
    return undefined
  return marks.every(({ run, upToMs }) => run === mark.run && upToMs === mark.upToMs) ? mark : undefined
}

/** Eight bytes of everything a market's ticks depend on. */
export function fingerprintOf(market: Market): string {
  const { seed, products, intervalMs, levels, faultShare, crossedShare } = market
  const text = JSON.stringify([seed, products, intervalMs, levels, faultShare, crossedShare])
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function parseRun(run: string): { fingerprint: string; fromMs: number } | undefined {
  const parts = /^mock-([0-9a-f]{16})-(\d{13})$/.exec(run)
  return parts === null ? undefined : { fingerprint: parts[1]!, fromMs: Number(parts[2]) }
}

function statesOf(market: Market, stateOf: (listing: Listing) => MarketState): Map<string, MarketState> {
  return new Map(market.products.map((product) => [product, stateOf(listingOf(market.seed, product))]))
}

function stateOfBook(listing: Listing, book: RememberedBook | undefined): MarketState {
  if (book === undefined) return { centreTicks: listing.homeTicks, sequence: 0 }
  const ticks = (price: string) => Math.round(Number(price) * 10 ** listing.pricePlaces)
  return { centreTicks: centreOf(ticks(book.bestBid), ticks(book.bestAsk)), sequence: book.sequence }
}

/** From the last good book through the spoiled ticks after it: their books were never seen, but the market moved. */
function stateAtMark(market: Market, listing: Listing, memory: Memory, mark: RememberedMark): MarketState {
  const { intervalMs } = market
  const book = memory.books.get(listing.product)
  const runSlot = Math.ceil(parseRun(mark.run)!.fromMs / intervalMs)
  const bookSlot = book === undefined ? -1 : Math.floor(book.exchangeTimeMs / intervalMs)
  let state = stateOfBook(listing, book)
  for (let slot = Math.max(runSlot, bookSlot + 1); ; slot++) {
    const tick = tickAt(market, listing, slot)
    if (tick.receivedAtMs > mark.upToMs) return state
    state = stepTo(market, tick, state)
  }
}
