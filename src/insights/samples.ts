import type { Kysely } from 'kysely'
import { SECOND_MS } from '../models/time.ts'
import type { Views } from '../store/views.ts'
import { feedName } from './feeds.ts'
import type { Feed, InsightAbout } from './insight.ts'

/** Samples read at once: a few megabytes of memory, however many feeds and hours there are. */
const SLICE_ROWS = 20_000

/** A feed, the stretch of time its samples are wanted for, both ends included, and who wants them. */
export type SampleRange = {
  readonly feed: Feed
  readonly fromMs: number
  readonly toMs: number
  readonly take: (sample: MidSample) => void
}

/** One second's last mid; `text` is the exact decimal. */
export type MidSample = { readonly atMs: number; readonly mid: number; readonly text: string }

/**
 * Hands over every sample of the ranges, each feed's in order of time. The table lies in order of time, all feeds together:
 * it is read once, in slices, so that neither many feeds nor long ranges need memory.
 */
export async function readSamples(
  db: Kysely<Views>,
  about: InsightAbout,
  ranges: readonly SampleRange[],
): Promise<void> {
  const byFeed = new Map(ranges.map((range) => [feedName(range.feed), range]))
  const sliceMs = Math.max(1, Math.floor(SLICE_ROWS / Math.max(1, ranges.length))) * SECOND_MS
  for (const { fromMs, toMs } of together(ranges)) {
    for (let startMs = secondOf(fromMs); startMs <= toMs; startMs += sliceMs) {
      const endMs = Math.min(startMs + sliceMs, secondOf(toMs) + SECOND_MS)
      for (const row of await slice(db, about, startMs, endMs)) {
        const range = byFeed.get(feedName(row))
        if (range === undefined || row.at_ms < range.fromMs || row.at_ms > range.toMs) continue
        range.take({ atMs: row.at_ms, mid: row.mid_real, text: row.mid })
      }
    }
  }
}

function slice(db: Kysely<Views>, about: InsightAbout, startMs: number, endMs: number) {
  let query = db
    .selectFrom('mid_price')
    .select(['venue', 'source', 'product', 'at_ms', 'mid', 'mid_real'])
    .where('start_ms', '>=', startMs)
    .where('start_ms', '<', endMs)
  if (about.product !== undefined) query = query.where('product', '=', about.product)
  return query.orderBy('start_ms').execute()
}

/** The ranges' times, those that touch made into one, so that no second is read twice. */
function together(ranges: readonly SampleRange[]): { fromMs: number; toMs: number }[] {
  const joined: { fromMs: number; toMs: number }[] = []
  for (const { fromMs, toMs } of [...ranges].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = joined.at(-1)
    if (last !== undefined && secondOf(fromMs) <= secondOf(last.toMs) + SECOND_MS) {
      last.toMs = Math.max(last.toMs, toMs)
    } else joined.push({ fromMs, toMs })
  }
  return joined
}

function secondOf(timeMs: number): number {
  return Math.floor(timeMs / SECOND_MS) * SECOND_MS
}
