import type { VenueId } from '../models/scalars.ts'
import type { Best, Comparison, JudgedLeg, LeftOut, SourceKind } from './consolidated-best.ts'
import type { Feed, TextColumn, TextRow, TextTable } from './insight.ts'
import { age, clock, NOTHING, notes, rounded } from './words.ts'

/** How people read the best bid and ask over venues. */

const PRICES: readonly TextColumn[] = [
  ['best bid', 'point'],
  ['size', 'point'],
  ['at', 'left'],
  ['best ask', 'point'],
  ['size', 'point'],
  ['at', 'left'],
  ['edge', 'point'],
  ['bps', 'point'],
  ['ages', 'left'],
  ['', 'left'],
]

export const SAME_QUOTE: TextTable = {
  title: 'Best bid and ask over venues',
  says: 'edge = best bid - best ask in the quote currency, before fees; above zero the venues are crossed',
  columns: [['product', 'left'], ...PRICES],
}

export const ACROSS_QUOTES: TextTable = {
  title: 'Across quotes, taken as equal',
  says: 'USD, USDT and USDC are not worth the same: an edge here may be no more than what one costs in another',
  columns: [['base', 'left'], ...PRICES],
}

export const UNCOMPARED: TextTable = { title: 'Best bid and ask over venues', says: '', columns: [] }

export function comparisonRow(comparison: Comparison, nowMs: number): TextRow {
  const { name, legs, bid, ask, edge } = comparison
  const compared = legs.filter(({ leftOut }) => leftOut.length === 0)
  return [
    name,
    ...bestCells(bid, 'bidSize', comparison),
    ...bestCells(ask, 'askSize', comparison),
    edge?.edge ?? NOTHING,
    rounded(edge?.edgeBps ?? null, 4),
    compared.map((leg) => `${legName(leg, comparison)} ${age(leg.ageMs)}`).join(', ') || NOTHING,
    notes(edgeNote(comparison), leftOutNote(comparison, nowMs)),
  ]
}

/** `BTC-USDT (live): best bid is 100.2 at okx and best ask is 100.1 at binance: edge 0.1 (9.9850 bps); crossed over venues` */
export function comparisonSentence(comparison: Comparison, nowMs: number): string {
  const { name, kind, source, bid, ask, edge } = comparison
  const about = `${name}${kind === 'same-quote' ? '' : ' across quotes'} (${source})`
  const best = (side: Best) => `${side.price} at ${side.at.map((leg) => legName(leg, comparison)).join(', ')}`
  const found =
    bid === null || ask === null || edge === null
      ? ''
      : `best bid is ${best(bid)} and best ask is ${best(ask)}: edge ${edge.edge} (${rounded(edge.edgeBps, 4)} bps)`
  return `${about}: ${notes(found, edgeNote(comparison), leftOutNote(comparison, nowMs))}`
}

/** What there is nothing to compare with: so many feeds of one kind of source, the first of them by name. */
export type Uncompared = {
  readonly kind: SourceKind
  /** All that have books of the kind. */
  readonly venues: readonly VenueId[]
  readonly count: number
  readonly named: readonly Pick<Feed, 'venue' | 'product'>[]
}

export function uncomparedText({ kind, venues, count, named }: Uncompared): string {
  if (venues.length === 1) return `nothing to compare: ${venues[0]} is the only venue with ${kind} books`
  const names = named.map(({ venue, product }) => `${product} of ${venue}`).join(', ')
  const more = count > named.length ? ` and ${count - named.length} more` : ''
  return `nothing to compare with ${names}${more}`
}

function bestCells(best: Best | null, side: 'bidSize' | 'askSize', comparison: Comparison): string[] {
  if (best === null) return [NOTHING, NOTHING, NOTHING]
  const sizes = best.size ?? best.at.map((leg) => sizeText(leg[side], leg.unit)).join(', ')
  return [best.price, sizes, best.at.map((leg) => legName(leg, comparison)).join(', ')]
}

/** `5 x 0.01 BTC` where sizes are not in the base. */
function sizeText(size: string, unit: string | null): string {
  return unit === null ? size : `${size} x ${unit}`
}

/** `okx`; `okx USDT` where quotes differ. */
function legName({ venue, product }: JudgedLeg, { kind }: Comparison): string {
  return kind === 'same-quote' ? venue : `${venue} ${product.split('-')[1]}`
}

function edgeNote({ edge, kind }: Comparison): string {
  if (edge === null) {
    return kind === 'same-quote'
      ? 'fewer than two venues to compare'
      : 'fewer than two venues and quotes to compare'
  }
  if (edge.edge === '0') return 'locked over venues'
  return edge.edge.startsWith('-') ? '' : 'crossed over venues'
}

function leftOutNote(comparison: Comparison, nowMs: number): string {
  const left = comparison.legs.filter(({ leftOut }) => leftOut.length > 0)
  if (left.length === 0) return ''
  const why = (leg: JudgedLeg) => leg.leftOut.map((reason) => reasonText(reason, leg, nowMs)).join(', ')
  return `left out: ${left.map((leg) => `${legName(leg, comparison)} (${why(leg)})`).join(', ')}`
}

function reasonText(reason: LeftOut, { ageMs, holeFromMs }: JudgedLeg, nowMs: number): string {
  if (reason === 'stale') return `${age(ageMs)} old`
  if (reason === 'ahead') return `${age(-ageMs)} ahead of our clock`
  return reason === 'hole' ? `in a hole since ${clock(holeFromMs!, nowMs)}` : reason
}
