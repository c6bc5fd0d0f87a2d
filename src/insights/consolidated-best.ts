import {
  add,
  compare,
  type Decimal,
  decimalOf,
  divide,
  formatDecimal,
  half,
  multiply,
  subtract,
} from '../models/decimal.ts'
import type { BookState } from '../models/product-book.ts'
import { SECOND_MS } from '../models/time.ts'
import type { Feed } from './insight.ts'

/**
 * The best bid and ask over venues, from the latest book of each feed. Pure.
 *
 * Compared are books of one product (BASE-QUOTE and, for a derivative, the whole of its name) and of one kind of source. A
 * second sort of comparison puts products of one base whose quotes are all dollars of some kind beside each other, as if
 * those were worth the same: it says so, and nothing of it is in the first.
 */

/** A book older than this is not compared: two polls of five seconds; a busy stream tells its book many times in it. */
export const LEG_AGE_MS_MAX = 10 * SECOND_MS

/** Quotes that an across-quotes comparison takes as equal. They are not: each has a price in the others. */
export const ALIKE_QUOTES: readonly string[] = ['USD', 'USDT', 'USDC']

/** Kinds of source that are never compared with each other: all venues' own words, and what each generator made. */
export type SourceKind = 'live' | 'mock' | 'simulator'

/** The latest book of one feed, as it was stored. */
export type Leg = Feed & {
  readonly state: BookState
  readonly bid: string
  readonly bidSize: string
  readonly ask: string
  readonly askSize: string
  /** What one unit of size stands for; null: sizes are in the base. */
  readonly unit: string | null
  readonly exchangeTimeMs: number | null
  readonly receivedAtMs: number
  /** Since when nobody vouches for the feed's books; null: they are vouched for. */
  readonly holeFromMs: number | null
}

/**
 * Why a leg is not compared: its book is too old, stamped that far ahead of our clock, in an open hole, or no book that
 * one can trade at.
 */
export type LeftOut = 'stale' | 'ahead' | 'hole' | Exclude<BookState, 'ok'>

export type JudgedLeg = Leg & { readonly ageMs: number; readonly leftOut: readonly LeftOut[] }

/** The best price of one side, and everybody who has it. */
export type Best = {
  readonly price: string
  /** All there is at that price, in the base; null where somebody's size is in another unit: unlike sizes are not added. */
  readonly size: string | null
  readonly at: readonly JudgedLeg[]
}

/** `edge` is best bid - best ask, in the quote: above zero the venues are crossed. Null where there are not two to compare. */
export type Edge = { readonly mid: string; readonly edge: string; readonly edgeBps: string }

export type Comparison = {
  /** The product, or the base of products across quotes. */
  readonly name: string
  readonly kind: 'same-quote' | 'across-quotes'
  readonly source: SourceKind
  /** All that have such a book, those left out too. */
  readonly legs: readonly JudgedLeg[]
  readonly bid: Best | null
  readonly ask: Best | null
  readonly edge: Edge | null
}

/** Everything that can be compared: products that several venues have first, then bases across quotes, each by name. */
export function comparisonsOf(legs: readonly Leg[], nowMs: number): Comparison[] {
  const judged = legs.map((leg) => judgedAt(leg, nowMs))
  const compared = (kind: Comparison['kind'], nameOf: (leg: Leg) => string | undefined) =>
    grouped(judged, nameOf).flatMap(([name, group]) =>
      isComparable(group, kind) ? [comparisonOf(name, kind, group)] : [],
    )
  return [...compared('same-quote', ({ product }) => product), ...compared('across-quotes', alikeBaseOf)]
}

export function sourceKindOf({ source }: Feed): SourceKind {
  return source === 'mock' || source === 'simulator' ? source : 'live'
}

/** The age is that of what the book says, and so by the earlier of the venue's clock and ours. */
function judgedAt(leg: Leg, nowMs: number): JudgedLeg {
  const { exchangeTimeMs, receivedAtMs } = leg
  const ageMs = nowMs - Math.min(exchangeTimeMs ?? receivedAtMs, receivedAtMs)
  const leftOut: LeftOut[] = []
  if (ageMs > LEG_AGE_MS_MAX) leftOut.push('stale')
  if (ageMs < -LEG_AGE_MS_MAX) leftOut.push('ahead')
  if (leg.holeFromMs !== null) leftOut.push('hole')
  if (leg.state !== 'ok') leftOut.push(leg.state)
  return { ...leg, ageMs, leftOut }
}

/** `BTC` of `BTC-USDT`; undefined for other quotes, and for derivatives, which are compared by their whole names only. */
function alikeBaseOf({ product }: Feed): string | undefined {
  const [base, quote, ...more] = product.split('-')
  return more.length === 0 && ALIKE_QUOTES.includes(quote!) ? base : undefined
}

/** Legs of one kind of source and one name, by both. */
function grouped(
  legs: readonly JudgedLeg[],
  nameOf: (leg: Leg) => string | undefined,
): [name: string, legs: JudgedLeg[]][] {
  const groups = new Map<string, [name: string, legs: JudgedLeg[]]>()
  for (const leg of legs) {
    const name = nameOf(leg)
    if (name === undefined) continue
    const key = `${sourceKindOf(leg)} ${name}`
    const known = groups.get(key)
    if (known === undefined) groups.set(key, [name, [leg]])
    else known[1].push(leg)
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
}

/** Two venues at least, and for an across-quotes comparison two quotes. */
function isComparable(legs: readonly JudgedLeg[], kind: Comparison['kind']): boolean {
  const several = (values: readonly string[]) => new Set(values).size > 1
  const venues = several(legs.map(({ venue }) => venue))
  return venues && (kind === 'same-quote' || several(legs.map(({ product }) => product)))
}

function comparisonOf(name: string, kind: Comparison['kind'], legs: readonly JudgedLeg[]): Comparison {
  const usable = legs.filter(({ leftOut }) => leftOut.length === 0)
  const bid = bestOf(usable, 'bid')
  const ask = bestOf(usable, 'ask')
  const comparable = bid !== null && ask !== null && isComparable(usable, kind)
  const edge = comparable ? edgeOf(decimalOf(bid.price), decimalOf(ask.price)) : null
  return { name, kind, source: sourceKindOf(legs[0]!), legs, bid, ask, edge }
}

const SIZES = { bid: 'bidSize', ask: 'askSize' } as const

function bestOf(legs: readonly JudgedLeg[], side: 'bid' | 'ask'): Best | null {
  const better = (order: number) => (side === 'bid' ? order > 0 : order < 0)
  let best: Decimal | undefined
  let at: JudgedLeg[] = []
  for (const leg of legs) {
    const price = decimalOf(leg[side])
    const order = best === undefined ? undefined : compare(price, best)
    if (order === 0) at.push(leg)
    else if (order === undefined || better(order)) [best, at] = [price, [leg]]
  }
  if (best === undefined) return null
  const sizes = at.map((leg) => decimalOf(leg[SIZES[side]]))
  const inBase = at.every(({ unit }) => unit === null)
  return { price: formatDecimal(best), size: inBase ? formatDecimal(sizes.reduce(add)) : null, at }
}

const TEN_THOUSAND = decimalOf('10000')

function edgeOf(bid: Decimal, ask: Decimal): Edge {
  const edge = subtract(bid, ask)
  const mid = half(add(bid, ask))
  const edgeBps = divide(multiply(edge, TEN_THOUSAND), mid)
  return { mid: formatDecimal(mid), edge: formatDecimal(edge), edgeBps: formatDecimal(edgeBps) }
}
