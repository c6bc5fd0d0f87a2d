import type { HoleOpen } from '../models/feed-records.ts'
import { table } from '../store/table.ts'
import type { About, Processor, Records } from './processor.ts'

/**
 * Who watched what, and when not: the tables that the views make coverage from. A run's marks say how far it watched a
 * partition, its ups when it began with a product, holes what it could not vouch for.
 */

/** How far one producer's run has watched one partition; `bye` is 1 where it left in order at that moment. */
export type RunRow = {
  readonly run: string
  readonly partition: number
  readonly source: string
  readonly venue: string
  readonly upToMs: number
  readonly bye: number
}

export const runs: Processor<'mark', RunRow> = {
  name: 'runs',
  reads: 'mark',
  per: { kind: 'key', of: (mark, { partition }) => [mark.run, partition] },
  table: table<RunRow>('runs', ['run', 'partition'], {
    run: 'text',
    partition: 'integer',
    source: 'text',
    venue: 'text',
    upToMs: 'integer',
    bye: 'integer',
  }),
  merge(row, mark, key) {
    const { run, source, venue, upToMs } = mark
    const next = { run, partition: key[1] as number, source, venue, upToMs, bye: mark.bye ? 1 : 0 }
    return row === undefined || compareRuns(row, next) < 0 ? next : row
  },
}

function compareRuns(a: RunRow, b: RunRow): number {
  return (
    a.upToMs - b.upToMs || a.bye - b.bye || compareTexts(a.source, b.source) || compareTexts(a.venue, b.venue)
  )
}

/** Since when one run watches one feed. */
export type WatchRow = {
  readonly run: string
  readonly feed: number
  readonly partition: number
  readonly fromMs: number
  /** Whether a loss would show. */
  readonly continuity: string | null
}

export const watches: Processor<'up', WatchRow> = {
  name: 'watches',
  reads: 'up',
  per: { kind: 'key', of: (up, { partition }) => [up.run, up.feed, partition] },
  table: table<WatchRow>('watches', ['run', 'feed', 'partition'], {
    run: 'text',
    feed: 'integer',
    partition: 'integer',
    fromMs: 'integer',
    continuity: 'text?',
  }),
  merge(row, up, key) {
    const continuity = up.continuity ?? null
    if (row !== undefined && !isEarlierUp(row, up.atMs, continuity)) return row
    return { run: up.run, feed: up.feed, partition: key[2] as number, fromMs: up.atMs, continuity }
  },
}

function isEarlierUp(row: WatchRow, atMs: number, continuity: string | null): boolean {
  return (
    atMs < row.fromMs || (atMs === row.fromMs && compareTexts(continuity ?? '', row.continuity ?? '') > 0)
  )
}

/**
 * One hole. It opens at the earliest `fromMs` and closes at the latest `toMs` said of it; either word may come first, and
 * what was not said yet is null.
 */
export type HoleRow = {
  readonly id: string
  readonly feed: number
  readonly run: string
  readonly fromMs: number | null
  readonly reason: string | null
  readonly toMs: number | null
  readonly backfilled: number | null
  /** Everything that went wrong in it, with commas between. */
  readonly causes: string | null
}

export const holes: Processor<'hole', HoleRow> = {
  name: 'holes',
  reads: 'hole',
  per: { kind: 'key', of: (hole) => [hole.id] },
  table: table<HoleRow>('holes', ['id'], {
    id: 'text',
    feed: 'integer',
    run: 'text',
    fromMs: 'integer?',
    reason: 'text?',
    toMs: 'integer?',
    backfilled: 'integer?',
    causes: 'text?',
  }),
  merge: (row, hole) => withSide(ownedBy(row, hole), hole),
}

/** An id is made by one run for one feed; should two ever claim it, the smaller owns it, in any arrival order. */
function ownedBy(row: HoleRow | undefined, hole: Records['hole']): HoleRow {
  const { id, feed, run } = hole
  if (row === undefined) {
    return { id, feed, run, fromMs: null, reason: null, toMs: null, backfilled: null, causes: null }
  }
  return feed - row.feed < 0 || (feed === row.feed && run < row.run) ? { ...row, feed, run } : row
}

function withSide(row: HoleRow, hole: Records['hole']): HoleRow {
  if (hole.type === 'hole-open') {
    return isEarlierOpen(row, hole) ? { ...row, fromMs: hole.fromMs, reason: hole.reason } : row
  }
  const close = {
    toMs: hole.toMs,
    backfilled: hole.backfilled ? 1 : 0,
    // None named and none at all are the same, whichever is said first.
    causes: hole.causes?.join(',') || null,
  }
  return isLaterClose(row, close) ? { ...row, ...close } : row
}

function isLaterClose(
  row: HoleRow,
  close: { toMs: number; backfilled: number; causes: string | null },
): boolean {
  if (row.toMs === null) return true
  const later =
    close.toMs - row.toMs ||
    row.backfilled! - close.backfilled ||
    compareTexts(close.causes ?? '', row.causes ?? '')
  return later > 0
}

function isEarlierOpen(row: HoleRow, hole: About<HoleOpen>): boolean {
  if (row.fromMs === null) return true
  return hole.fromMs < row.fromMs || (hole.fromMs === row.fromMs && hole.reason < row.reason!)
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
