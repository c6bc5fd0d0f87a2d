import type { FeedRecord, HoleOpen } from '../models/feed-records.ts'
import type { SourceId, VenueId } from '../models/scalars.ts'

/**
 * What a polling run may say about one product, as a table of states and events:
 *
 * |            | good              | trouble      | refused                   | tick                | dropped     |
 * |------------|-------------------|--------------|---------------------------|---------------------|-------------|
 * | waiting    | up -> watching    | -            | up, hole-open -> left     | -                   | -           |
 * | watching   | -                 | noted        | hole-open -> left         | vouched time over:  | -> dropping |
 * |            |                   |              |                           |  hole-open, in-hole |             |
 * | dropping   | hole-open, close  | hole-open    | hole-open -> left         | hole-open           | -           |
 * |            |   -> watching     |   -> in-hole |                           |   -> in-hole        |             |
 * | in-hole    | hole-close        | -            | -> left, hole stays open  | -                   | -           |
 * |            |   -> watching     |              |                           |                     |             |
 * | left       | -                 | -            | -                         | -                   | -           |
 *
 * A good answer vouches for `vouchMs` after it. Whatever the event, a hole that was due before it is said before it.
 *
 * Words that could not be placed were never said: whoever drives this goes back to the watch before them. Where data went
 * with them, `dropped` tells that watch so: it owes a hole from the last good answer that was placed.
 */
export type WatchPhase = 'waiting' | 'watching' | 'dropping' | 'in-hole' | 'left'

export type Watch = {
  readonly phase: WatchPhase
  /** The last good answer. */
  readonly good: Instant
  /** What has gone wrong since then; `stale` where nothing came at all. */
  readonly trouble: HoleReason
  /** How many holes this run has opened for the product: makes their ids. */
  readonly holes: number
  readonly holeFromMs: number
}

export type HoleReason = HoleOpen['reason']

/** One moment on both clocks: the one that stamps and may jump, and the one that never does. */
export type Instant = { readonly timeMs: number; readonly monotonicMs: number }

export type WatchEvent =
  | { readonly kind: 'good' | 'tick' | 'dropped'; readonly at: Instant }
  | { readonly kind: 'trouble' | 'refused'; readonly at: Instant; readonly reason: HoleReason }

export type WatchAbout = {
  readonly venue: VenueId
  readonly source: SourceId
  readonly run: string
  readonly product: string
  /** How long one good answer vouches for the product. */
  readonly vouchMs: number
}

export type WatchStep = { readonly watch: Watch; readonly records: readonly FeedRecord[] }

export const NEW_WATCH: Watch = {
  phase: 'waiting',
  good: { timeMs: 0, monotonicMs: 0 },
  trouble: 'stale',
  holes: 0,
  holeFromMs: 0,
}

type Move = (watch: Watch, event: WatchEvent, about: WatchAbout) => WatchStep

const MOVES: Record<WatchPhase, Record<WatchEvent['kind'], Move>> = {
  waiting: { good: beginWatching, trouble: stay, refused: beginRefused, tick: stay, dropped: stay },
  watching: { good: goOn, trouble: noteTrouble, refused: leave, tick: stay, dropped: owe },
  // The hole it owes is said before any of these, which then find it in that hole.
  dropping: { good: closeHole, trouble: stay, refused: stopAsking, tick: stay, dropped: stay },
  'in-hole': { good: closeHole, trouble: stay, refused: stopAsking, tick: stay, dropped: stay },
  left: { good: stay, trouble: stay, refused: stay, tick: stay, dropped: stay },
}

/** The product's next state and what must be written, in this order, before anything later of this run. */
export function nextWatch(watch: Watch, event: WatchEvent, about: WatchAbout): WatchStep {
  const due = openDueHole(watch, event, about)
  const step = MOVES[due.watch.phase][event.kind](due.watch, event, about)
  return { watch: step.watch, records: [...due.records, ...step.records] }
}

/**
 * The hole begins where the vouched time ended, not where that was noticed. Either clock may say so: the stamping one
 * after a sleep of the machine, the steady one after the stamping one was set back.
 */
function openDueHole(watch: Watch, { kind, at }: WatchEvent, about: WatchAbout): WatchStep {
  if (kind === 'dropped') return { watch, records: [] }
  if (watch.phase === 'dropping') {
    return openHole(watch, 'in-hole', Math.min(watch.good.timeMs, at.timeMs), 'spool-full', about)
  }
  if (watch.phase !== 'watching') return { watch, records: [] }
  const untilMs = watch.good.timeMs + about.vouchMs
  const isDue = at.timeMs >= untilMs || at.monotonicMs - watch.good.monotonicMs >= about.vouchMs
  return isDue
    ? openHole(watch, 'in-hole', Math.min(untilMs, at.timeMs), watch.trouble, about)
    : { watch, records: [] }
}

function openHole(
  watch: Watch,
  phase: WatchPhase,
  fromMs: number,
  reason: HoleReason,
  about: WatchAbout,
): WatchStep {
  const holes = watch.holes + 1
  const opened: Watch = { ...watch, phase, holes, holeFromMs: fromMs }
  return {
    watch: opened,
    records: [{ type: 'hole-open', ...names(about), id: holeId(opened, about), fromMs, reason }],
  }
}

function beginWatching(watch: Watch, event: WatchEvent, about: WatchAbout): WatchStep {
  return {
    watch: { ...watch, phase: 'watching', good: event.at, trouble: 'stale' },
    records: [{ type: 'up', ...names(about), atMs: event.at.timeMs }],
  }
}

function beginRefused(watch: Watch, event: WatchEvent, about: WatchAbout): WatchStep {
  const left = leave(watch, event, about)
  return {
    watch: left.watch,
    records: [{ type: 'up', ...names(about), atMs: event.at.timeMs }, ...left.records],
  }
}

function goOn(watch: Watch, event: WatchEvent): WatchStep {
  return { watch: { ...watch, good: event.at, trouble: 'stale' }, records: [] }
}

function noteTrouble(watch: Watch, event: WatchEvent): WatchStep {
  return { watch: { ...watch, trouble: reasonOf(event) }, records: [] }
}

function leave(watch: Watch, event: WatchEvent, about: WatchAbout): WatchStep {
  return openHole(watch, 'left', event.at.timeMs, reasonOf(event), about)
}

/** A cause that shows during an open hole joins that hole. */
function stopAsking(watch: Watch): WatchStep {
  return { watch: { ...watch, phase: 'left' }, records: [] }
}

function closeHole(watch: Watch, event: WatchEvent, about: WatchAbout): WatchStep {
  // A clock that was set back must not make a hole that ends before it began.
  const toMs = Math.max(event.at.timeMs, watch.holeFromMs)
  return {
    watch: { ...watch, phase: 'watching', good: event.at, trouble: 'stale' },
    records: [{ type: 'hole-close', ...names(about), id: holeId(watch, about), toMs, backfilled: false }],
  }
}

function owe(watch: Watch): WatchStep {
  return { watch: { ...watch, phase: 'dropping' }, records: [] }
}

function stay(watch: Watch): WatchStep {
  return { watch, records: [] }
}

function reasonOf(event: WatchEvent): HoleReason {
  return 'reason' in event ? event.reason : 'stale'
}

function holeId(watch: Watch, about: WatchAbout): string {
  return `${about.run}-${about.product}-${watch.holes}`
}

function names({ venue, source, run, product }: WatchAbout) {
  return { venue, source, run, product }
}
