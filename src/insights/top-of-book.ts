import { isoTime, MINUTE_MS } from '../models/time.ts'
import type { Views } from '../store/views.ts'
import { isAskedAbout } from './feeds.ts'
import type { Insight, InsightAbout, InsightAnswer, TextRow } from './insight.ts'
import { age, clock, NOTHING, notes, placesOf, rounded } from './words.ts'

/** A book older than this is shown as stale, never as live: twelve polls of five seconds went by without one. */
const STALE_AFTER_MS = MINUTE_MS

/** The latest book of every feed, whatever its state, and how old it is. */
export const topOfBook: Insight = {
  name: 'top-of-book',
  tables: [
    {
      title: 'Top of book',
      says: 'prices in the quote currency, sizes in the base or, of derivatives, contracts; imbalance 1: all size on the bid, -1: all on the ask',
      columns: [
        ['product', 'left'],
        ['bid', 'point'],
        ['size', 'point'],
        ['ask', 'point'],
        ['size', 'point'],
        ['spread', 'point'],
        ['bps', 'point'],
        ['mid', 'point'],
        ['microprice', 'point'],
        ['imbalance', 'point'],
        ['received', 'left'],
        ['age', 'right'],
        ['', 'left'],
      ],
    },
  ],
  async answer(db, about) {
    const query = db.selectFrom('top_of_book').selectAll()
    const tops = await query.orderBy('source').orderBy('venue').orderBy('product').execute()
    return tops.filter((top) => isAskedAbout(top, about)).map((top) => answerOf(top, about))
  },
}

type Top = Views['top_of_book']

function answerOf(top: Top, about: InsightAbout): InsightAnswer {
  const { venue, source, product } = top
  return {
    venue,
    source,
    product,
    fromMs: top.time_ms,
    toMs: top.time_ms,
    result: resultOf(top, about.nowMs),
    sentence: sentenceOf(top, about.nowMs),
    rows: [[rowOf(top, about.nowMs)]],
  }
}

function resultOf(top: Top, nowMs: number) {
  return {
    state: top.state,
    bid: top.bid,
    bidSize: top.bid_size,
    ask: top.ask,
    askSize: top.ask_size,
    spread: top.spread,
    spreadBps: top.spread_bps,
    mid: top.mid,
    imbalance: top.imbalance,
    microprice: top.microprice,
    sequence: top.sequence,
    exchangeTime: top.exchange_time_ms === null ? null : isoTime(top.exchange_time_ms),
    receivedAt: isoTime(top.received_at_ms),
    ageMs: nowMs - top.received_at_ms,
    isStale: isStale(top, nowMs),
    bidLevels: top.bid_levels,
    askLevels: top.ask_levels,
  }
}

function isStale(top: Top, nowMs: number): boolean {
  return nowMs - top.received_at_ms > STALE_AFTER_MS
}

function noteOf(top: Top, nowMs: number): string {
  return notes(isStale(top, nowMs) ? 'stale' : '', top.state === 'ok' ? '' : top.state)
}

function sentenceOf(top: Top, nowMs: number): string {
  const quote = `bid is ${top.bid} and ask is ${top.ask} at ${clock(top.received_at_ms, nowMs)}`
  return notes(`${top.product} (${top.source}): ${quote}`, noteOf(top, nowMs))
}

function rowOf(top: Top, nowMs: number): TextRow {
  return [
    top.product,
    top.bid,
    top.bid_size,
    top.ask,
    top.ask_size,
    top.spread,
    rounded(top.spread_bps, 4),
    top.mid ?? NOTHING,
    rounded(top.microprice, placesOf(top.mid ?? '')),
    rounded(top.imbalance, 2),
    clock(top.received_at_ms, nowMs),
    age(nowMs - top.received_at_ms),
    noteOf(top, nowMs),
  ]
}
