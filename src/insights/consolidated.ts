import { type Kysely, sql } from 'kysely'
import type { InsightResult } from '../models/insight.ts'
import type { Views } from '../store/views.ts'
import {
  ALIKE_QUOTES,
  type Best,
  type Comparison,
  comparisonsOf,
  type JudgedLeg,
  LEG_AGE_MS_MAX,
  type Leg,
  type SourceKind,
  sourceKindOf,
} from './consolidated-best.ts'
import {
  ACROSS_QUOTES,
  comparisonRow,
  comparisonSentence,
  SAME_QUOTE,
  UNCOMPARED,
  type Uncompared,
  uncomparedText,
} from './consolidated-text.ts'
import { feedName, isAskedAbout } from './feeds.ts'
import type { Feed, Insight, InsightAbout, InsightAnswer } from './insight.ts'

/** Products named of those that there is nothing to compare with; the others are counted. */
const NAMED_MAX = 6

/**
 * The best bid and ask over venues, and the edge between them. Asked about a venue, a source or a product it answers with
 * the comparisons that this takes part in.
 */
export const consolidated: Insight = {
  name: 'consolidated',
  tables: [SAME_QUOTE, ACROSS_QUOTES, UNCOMPARED],
  async answer(db, about) {
    const legs = await legsOf(db, about.nowMs)
    const comparisons = comparisonsOf(legs, about.nowMs)
    const kinds = [...new Set(legs.map(sourceKindOf))].sort()
    return kinds.flatMap((kind) => [
      ...comparisons
        .filter((comparison) => comparison.source === kind && isAsked(comparison, about))
        .map((comparison) => answerOf(comparison, about.nowMs)),
      ...uncomparedAnswer(kind, legs, comparisons, about),
    ])
  },
}

/** The latest book of every feed, with the start of the open hole it stands in. */
async function legsOf(db: Kysely<Views>, nowMs: number): Promise<Leg[]> {
  const books = db
    .selectFrom('top_of_book')
    .select(['venue', 'source', 'product', 'state', 'bid', 'ask', 'unit'])
    .select(['bid_size as bidSize', 'ask_size as askSize'])
    .select(['exchange_time_ms as exchangeTimeMs', 'received_at_ms as receivedAtMs'])
    .orderBy('source')
    .orderBy('venue')
    .orderBy('product')
  const [tops, holes] = await Promise.all([books.execute(), unvouchedFeeds(db, nowMs)])
  const fromMs = new Map(holes.map((hole) => [feedName(hole), hole.fromMs]))
  return tops.map((top) => ({ ...top, holeFromMs: fromMs.get(feedName(top)) ?? null }))
}

/**
 * The feeds whose books are in an open hole. A run that died in a hole leaves it open for ever, and two runs may watch one
 * product: so it counts only where no run that has marked of late watches the feed without one.
 */
async function unvouchedFeeds(db: Kysely<Views>, nowMs: number): Promise<(Feed & { fromMs: number })[]> {
  const isOpen = (name: string) =>
    sql`${sql.ref(`${name}.to_ms`)} IS NULL AND ${sql.ref(`${name}.from_ms`)} IS NOT NULL`
  const { rows } = await sql<Feed & { fromMs: number }>`
    SELECT h.venue, h.source, h.product, min(h.from_ms) AS "fromMs" FROM holes h
    WHERE ${isOpen('h')} AND h.kind = 'books' AND NOT EXISTS (
      SELECT 1 FROM watches w
      WHERE (w.venue, w.source, w.product, w.kind) = (h.venue, h.source, h.product, h.kind)
      AND w.bye = 0 AND w.to_ms >= ${nowMs - LEG_AGE_MS_MAX} AND NOT EXISTS (
        SELECT 1 FROM holes o
        WHERE (o.venue, o.source, o.product, o.kind, o.run) = (w.venue, w.source, w.product, w.kind, w.run)
        AND ${isOpen('o')}
      )
    )
    GROUP BY h.venue, h.source, h.product`.execute(db)
  return rows
}

/** A comparison goes by its own name too: `BTC` is the one across quotes. */
function isAsked({ name, legs }: Comparison, about: InsightAbout): boolean {
  const product = about.product === name ? undefined : about.product
  return legs.some((leg) => isAskedAbout(leg, { ...about, product }))
}

function answerOf(comparison: Comparison, nowMs: number): InsightAnswer {
  const { name, kind, source, legs } = comparison
  const times = legs.filter(({ leftOut }) => leftOut.length === 0).map(({ receivedAtMs }) => receivedAtMs)
  const row = comparisonRow(comparison, nowMs)
  return {
    venue: 'all',
    source,
    product: name,
    fromMs: times.length === 0 ? null : Math.min(...times),
    toMs: times.length === 0 ? null : Math.max(...times),
    result: resultOf(comparison),
    sentence: comparisonSentence(comparison, nowMs),
    rows: kind === 'same-quote' ? [[row]] : [[], [row]],
  }
}

function resultOf({ kind, legs, bid, ask, edge }: Comparison): InsightResult['result'] {
  return {
    comparison: kind,
    takenAsEqual: kind === 'same-quote' ? [] : [...ALIKE_QUOTES],
    bestBid: bid === null ? null : bestResult(bid, 'bidSize'),
    bestAsk: ask === null ? null : bestResult(ask, 'askSize'),
    mid: edge?.mid ?? null,
    edge: edge?.edge ?? null,
    edgeBps: edge?.edgeBps ?? null,
    legs: legs.map(legResult),
  }
}

function bestResult({ price, size, at }: Best, side: 'bidSize' | 'askSize') {
  return {
    price,
    size,
    at: at.map((leg) => ({ venue: leg.venue, product: leg.product, size: leg[side], unit: leg.unit })),
  }
}

function legResult(leg: JudgedLeg) {
  const { venue, source, product, state, bid, bidSize, ask, askSize, unit, ageMs, leftOut } = leg
  return { venue, source, product, state, bid, bidSize, ask, askSize, unit, ageMs, leftOut: [...leftOut] }
}

/** One answer for all books of the kind that there is nothing to compare with, where there are any. */
function uncomparedAnswer(
  kind: SourceKind,
  legs: readonly Leg[],
  comparisons: readonly Comparison[],
  about: InsightAbout,
): InsightAnswer[] {
  const compared = new Set(comparisons.flatMap((comparison) => comparison.legs.map(feedName)))
  const ofKind = legs.filter((leg) => sourceKindOf(leg) === kind)
  const alone = ofKind.filter((leg) => !compared.has(feedName(leg)) && isAskedAbout(leg, about))
  if (alone.length === 0) return []
  const venues = [...new Set(ofKind.map(({ venue }) => venue))]
  const named = alone.slice(0, NAMED_MAX).map(({ venue, product }) => ({ venue, product }))
  const uncompared: Uncompared = { kind, venues, count: alone.length, named }
  const only = venues.length === 1 ? alone[0] : undefined
  const text = uncomparedText(uncompared)
  return [
    {
      venue: only?.venue ?? 'all',
      source: only?.source ?? kind,
      product: about.product ?? '*',
      fromMs: null,
      toMs: null,
      result: { comparison: 'none', products: alone.length, named, venues },
      sentence: text,
      rows: [[], [], [[text]]],
    },
  ]
}
