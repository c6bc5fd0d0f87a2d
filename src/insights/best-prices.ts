import type { Kysely } from 'kysely'
import { formatDuration, isoTime } from '../models/time.ts'
import type { Views } from '../store/views.ts'
import { feedName, feedsOf, type KnownFeed } from './feeds.ts'
import type { Insight, InsightAbout, InsightAnswer, TextRow } from './insight.ts'
import { byFeed, type WindowGroup, windowGroups } from './windows.ts'
import { booksNote, clock, NOTHING, notes, percent, span, windowNote } from './words.ts'

/** Highest bid and lowest ask of the latest windows. The window that is under way is told too, as partial. */
export const bestPrices: Insight = {
  name: 'best-prices',
  tables: [
    {
      title: 'Highest bid and lowest ask',
      says: 'each with the first moment it was reached; prices in the quote currency',
      columns: [
        ['product', 'left'],
        ['length', 'right'],
        ['window', 'left'],
        ['highest bid', 'point'],
        ['at', 'left'],
        ['lowest ask', 'point'],
        ['at', 'left'],
        ['books', 'right'],
        ['covered', 'right'],
        ['', 'left'],
      ],
    },
  ],
  async answer(db, about) {
    const feeds = await feedsOf(db, about)
    const groups = windowGroups(feeds, about.windowsMs)
    const windows = byFeed((await Promise.all(groups.map((group) => latestWindows(db, group)))).flat())
    return feeds.flatMap((feed) => {
      const own = windows.get(feedName(feed))
      return own === undefined ? [] : [answerOf(feed, own, about)]
    })
  },
}

type Window = Awaited<ReturnType<typeof latestWindows>>[number]

async function latestWindows(db: Kysely<Views>, group: WindowGroup) {
  const rows = await db
    .selectFrom('best_prices')
    .select(['venue', 'source', 'product'])
    .select(['window_ms as windowMs', 'start_ms as startMs', 'end_ms as endMs', 'coverage', 'complete'])
    .select(['highest_bid as highestBid', 'highest_bid_at_ms as highestBidAtMs'])
    .select(['lowest_ask as lowestAsk', 'lowest_ask_at_ms as lowestAskAtMs'])
    .select(['first_mid as firstMid', 'last_mid as lastMid'])
    .select(['books', 'crossed', 'locked', 'indicative'])
    .where((is) => is.and({ venue: group.venue, source: group.source, window_ms: group.windowMs }))
    .where('product', 'in', group.products)
    .where('start_ms', '>=', group.fromMs)
    .orderBy('start_ms')
    .execute()
  return rows.map((row) => ({ ...row, complete: row.complete === 1 }))
}

function answerOf(feed: KnownFeed, windows: readonly Window[], about: InsightAbout): InsightAnswer {
  const { venue, source, product } = feed
  return {
    venue,
    source,
    product,
    fromMs: Math.min(...windows.map(({ startMs }) => startMs)),
    toMs: Math.max(...windows.map(({ endMs }) => endMs)),
    result: { windows: windows.map(resultOf) },
    sentence: sentenceOf(feed, windows.at(-1)!, about.nowMs),
    rows: [windows.map((window) => rowOf(product, window, about.nowMs))],
  }
}

function resultOf(window: Window) {
  const { windowMs, startMs, endMs, highestBidAtMs, lowestAskAtMs, ...rest } = window
  return {
    window: formatDuration(windowMs),
    from: isoTime(startMs),
    to: isoTime(endMs),
    highestBid: rest.highestBid,
    highestBidAt: highestBidAtMs === null ? null : isoTime(highestBidAtMs),
    lowestAsk: rest.lowestAsk,
    lowestAskAt: lowestAskAtMs === null ? null : isoTime(lowestAskAtMs),
    firstMid: rest.firstMid,
    lastMid: rest.lastMid,
    books: rest.books,
    crossed: rest.crossed,
    locked: rest.locked,
    indicative: rest.indicative,
    coverage: rest.coverage,
    complete: rest.complete,
  }
}

function sentenceOf(feed: KnownFeed, window: Window, nowMs: number): string {
  const about = `${feed.product} (${feed.source}) ${span(window.startMs, window.endMs, nowMs)}`
  if (window.highestBid === null) return `${about}: ${booksNote(window, nowMs)}`
  const bid = `highest bid is ${window.highestBid} at ${clock(window.highestBidAtMs!, nowMs)}`
  const ask = `lowest ask is ${window.lowestAsk} at ${clock(window.lowestAskAtMs!, nowMs)}`
  return notes(`${about}: ${bid} and ${ask}`, windowNote(window))
}

function rowOf(product: string, window: Window, nowMs: number): TextRow {
  const at = (timeMs: number | null) => (timeMs === null ? NOTHING : clock(timeMs, nowMs))
  return [
    product,
    formatDuration(window.windowMs),
    span(window.startMs, window.endMs, nowMs),
    window.highestBid ?? NOTHING,
    at(window.highestBidAtMs),
    window.lowestAsk ?? NOTHING,
    at(window.lowestAskAtMs),
    String(window.books),
    percent(window.coverage),
    notes(windowNote(window), booksNote(window, nowMs)),
  ]
}
