import type { Kysely } from 'kysely'
import { formatDuration, isoTime } from '../models/time.ts'
import type { Views } from '../store/views.ts'
import { feedName, feedsOf, type KnownFeed } from './feeds.ts'
import type { Feed, Insight, InsightAbout, InsightAnswer, TextRow } from './insight.ts'
import { byFeed, type WindowGroup, windowGroups } from './windows.ts'
import { booksNote, clock, NOTHING, notes, percent, placesOf, rounded, span, windowNote } from './words.ts'

/** Of the windows that programs get, people are shown the last ones: the latest whole one and the one under way. */
const WINDOWS_SHOWN = 2

/** The widest spread of the latest windows and of all time; of crossed books, how far they were crossed. */
export const maxSpread: Insight = {
  name: 'max-spread',
  tables: [
    {
      title: 'Maximum spread',
      says: 'ask - bid in the quote currency; bps of the mid at that moment',
      columns: [
        ['product', 'left'],
        ['length', 'right'],
        ['window', 'left'],
        ['max spread', 'point'],
        ['bps', 'point'],
        ['at', 'left'],
        ['books', 'right'],
        ['covered', 'right'],
        ['', 'left'],
      ],
    },
  ],
  async answer(db, about) {
    const feeds = await feedsOf(db, about)
    const ever = byFeed(await allTime(db, about))
    const groups = windowGroups(feeds, about.windowsMs)
    const windows = byFeed((await Promise.all(groups.map((group) => latestWindows(db, group)))).flat())
    return feeds.flatMap((feed) => {
      const own = ever.get(feedName(feed))
      return own === undefined ? [] : [answerOf(feed, own, windows.get(feedName(feed)) ?? [], about)]
    })
  },
}

/** What a window and all time have in common. */
type Stretch = {
  readonly windowMs: number
  readonly startMs: number
  readonly endMs: number
  readonly maxSpread: string | null
  readonly maxSpreadBps: string | null
  readonly maxSpreadAtMs: number | null
  readonly crossedMax: string | null
  readonly crossedMaxAtMs: number | null
  readonly books: number
  readonly crossed: number
  readonly locked: number
  readonly indicative: number
}
type AllTime = Stretch & Feed
type Window = Stretch & Feed & { readonly coverage: number; readonly complete: boolean }

/** One stretch a feed and window length. */
function allTime(db: Kysely<Views>, about: InsightAbout): Promise<AllTime[]> {
  let query = db
    .selectFrom('max_spread_all_time')
    .select(['venue', 'source', 'product'])
    .select(['window_ms as windowMs', 'from_ms as startMs', 'to_ms as endMs'])
    .select([
      'max_spread as maxSpread',
      'max_spread_bps as maxSpreadBps',
      'max_spread_at_ms as maxSpreadAtMs',
    ])
    .select(['crossed_max as crossedMax', 'crossed_max_at_ms as crossedMaxAtMs'])
    .select(['books', 'crossed', 'locked', 'indicative'])
    .where('window_ms', 'in', about.windowsMs)
  if (about.product !== undefined) query = query.where('product', '=', about.product)
  return query.orderBy('window_ms').execute()
}

async function latestWindows(db: Kysely<Views>, group: WindowGroup): Promise<Window[]> {
  const rows = await db
    .selectFrom('max_spread')
    .select(['venue', 'source', 'product'])
    .select(['window_ms as windowMs', 'start_ms as startMs', 'end_ms as endMs', 'coverage', 'complete'])
    .select([
      'max_spread as maxSpread',
      'max_spread_bps as maxSpreadBps',
      'max_spread_at_ms as maxSpreadAtMs',
    ])
    .select(['crossed_max as crossedMax', 'crossed_max_at_ms as crossedMaxAtMs'])
    .select(['books', 'crossed', 'locked', 'indicative'])
    .where((is) => is.and({ venue: group.venue, source: group.source, window_ms: group.windowMs }))
    .where('product', 'in', group.products)
    .where('start_ms', '>=', group.fromMs)
    .orderBy('start_ms')
    .execute()
  return rows.map((row) => ({ ...row, complete: row.complete === 1 }))
}

function answerOf(
  feed: KnownFeed,
  ever: readonly AllTime[],
  windows: readonly Window[],
  about: InsightAbout,
): InsightAnswer {
  const { venue, source, product } = feed
  const { nowMs } = about
  const shown = about.windowsMs.flatMap((windowMs) =>
    windows.filter((window) => window.windowMs === windowMs).slice(-WINDOWS_SHOWN),
  )
  return {
    venue,
    source,
    product,
    fromMs: Math.min(...ever.map(({ startMs }) => startMs)),
    toMs: Math.max(...ever.map(({ endMs }) => endMs)),
    result: {
      allTime: ever.map(resultOf),
      windows: windows.map((row) => ({ ...resultOf(row), coverage: row.coverage, complete: row.complete })),
    },
    sentence: sentenceOf(feed, ever[0]!, nowMs),
    rows: [
      [
        ...ever.map((row) => allTimeRow(product, row, nowMs)),
        ...shown.map((row) => windowRow(product, row, nowMs)),
      ],
    ],
  }
}

function resultOf(row: Stretch) {
  return {
    window: formatDuration(row.windowMs),
    from: isoTime(row.startMs),
    to: isoTime(row.endMs),
    maxSpread: row.maxSpread,
    maxSpreadBps: row.maxSpreadBps,
    maxSpreadAt: row.maxSpreadAtMs === null ? null : isoTime(row.maxSpreadAtMs),
    crossedMax: row.crossedMax,
    crossedMaxAt: row.crossedMaxAtMs === null ? null : isoTime(row.crossedMaxAtMs),
    books: row.books,
    crossed: row.crossed,
    locked: row.locked,
    indicative: row.indicative,
  }
}

function sentenceOf(feed: KnownFeed, row: Stretch, nowMs: number): string {
  const about = `${feed.product} (${feed.source}) since ${clock(row.startMs, nowMs)}`
  const books = booksNote(row, nowMs, row)
  if (row.maxSpread === null) return `${about}: ${books}`
  const spread = `max spread is ${row.maxSpread} at ${clock(row.maxSpreadAtMs!, nowMs)}`
  return notes(`${about}: ${spread} (${rounded(row.maxSpreadBps, 3)} bps)`, books)
}

function allTimeRow(product: string, row: Stretch, nowMs: number): TextRow {
  const since = `all, since ${clock(row.startMs, nowMs).slice(0, -7)}`
  return [
    product,
    formatDuration(row.windowMs),
    since,
    ...figures(row, nowMs),
    '',
    booksNote(row, nowMs, row),
  ]
}

function windowRow(product: string, row: Window, nowMs: number): TextRow {
  const note = notes(windowNote(row), booksNote(row, nowMs, row))
  const label = span(row.startMs, row.endMs, nowMs)
  return [product, formatDuration(row.windowMs), label, ...figures(row, nowMs), percent(row.coverage), note]
}

function figures(row: Stretch, nowMs: number): [string, string, string, string] {
  const at = row.maxSpreadAtMs === null ? NOTHING : clock(row.maxSpreadAtMs, nowMs)
  const bps = rounded(row.maxSpreadBps, Math.min(4, placesOf(row.maxSpreadBps ?? '0')))
  return [row.maxSpread ?? NOTHING, bps, at, String(row.books)]
}
