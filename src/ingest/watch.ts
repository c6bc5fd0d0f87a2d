import type { FeedRecord, HoleReason } from '../models/feed-records.ts'
import type { SourceId, VenueId } from '../models/scalars.ts'
import type { FeedKind } from '../models/topics.ts'

/**
 * What a run may say about one line (one kind of news of one product), as a table of states and events:
 *
 * |            | good             | trouble     | lost       | refused               | tick                | dropped     |
 * |------------|------------------|-------------|------------|-----------------------|---------------------|-------------|
 * | waiting    | up -> watching   | -           | -          | up, hole-open -> left | -                   | -           |
 * | watching   | -                | noted       | hole-open  | hole-open -> left     | vouched time over:  | -> dropping |
 * |            |                  |             |  -> in-hole|                       |  hole-open, in-hole |             |
 * | dropping   | hole-open, close | hole-open   | hole-open  | hole-open -> left     | hole-open           | -           |
 * |            |  -> watching     |  -> in-hole |  -> in-hole|                       |  -> in-hole         |             |
 * | in-hole    | hole-close       | joins       | joins      | joins -> left,        | -                   | joins       |
 * |            |  -> watching     |             |            |  hole stays open      |                     |             |
 * | left       | hole-close       | -           | -          | -                     | -                   | joins       |
 * |            |  -> watching     |             |            |                       |                     |             |
 *
 * Of what is polled, a good answer vouches for `vouchMs` after it, and trouble may pass before that time is over. What
 * streams is vouched for until it is lost (`vouchMs` is Infinity): the hole then begins at the last good moment, which
 * whoever noticed knows. Whatever the event, a hole that was due before it is said before it.
 *
 * Words that could not be placed were never said: whoever drives this goes back to the watch before them. Where data went
 * with them, `dropped` tells that watch so: it owes a hole from the last good answer that was placed, and a hole that is
 * open already ends no earlier than what was dropped in it.
 */
export type WatchPhase = 'waiting' | 'watching' | 'dropping' | 'in-hole' | 'left'

export type Watch = {
  readonly phase: WatchPhase
  /** The last good answer. */
  readonly good: Instant
  /** What has gone wrong since then; `stale` where nothing came at all. */
  readonly trouble: HoleReason
  /** How many holes this run has opened for the line: makes their ids. */
  readonly holes: number
  readonly holeFromMs: number
  /** What has gone wrong in the open hole, the reason it was opened for first. */
  readonly causes: readonly HoleReason[]
  /** When data were last dropped in the open hole; 0: none were. */
  readonly droppedMs: number
}

/** One moment on both clocks: the one that stamps and may jump, and the one that never does. */
export type Instant = { readonly timeMs: number; readonly monotonicMs: number }

export type WatchEvent =
  | { readonly kind: 'tick' | 'dropped'; readonly at: Instant }
  /** `backfilled`: all that was missed in the hole this ends has been had since. */
  | { readonly kind: 'good'; readonly at: Instant; readonly backfilled?: boolean }
  | { readonly kind: 'trouble' | 'refused'; readonly at: Instant; readonly reason: HoleReason }
  /** Out of step; `fromMs` is the last moment at which it certainly was in step. */
  | { readonly kind: 'lost'; readonly at: Instant; readonly reason: HoleReason; readonly fromMs: number }

export type WatchAbout = {
  readonly kind: FeedKind
  readonly venue: VenueId
  readonly source: SourceId
  readonly run: string
  readonly product: string
  readonly continuity: 'proven' | 'unproven'
  /** How long one good answer vouches for the line. */
  readonly vouchMs: number
}

export type WatchStep = { readonly watch: Watch; readonly records: readonly FeedRecord[] }

export const NEW_WATCH: Watch = {
  phase: 'waiting',
  good: { timeMs: 0, monotonicMs: 0 },
  trouble: 'stale',
  holes: 0,
  holeFromMs: 0,
  causes: [],
  droppedMs: 0,
}

type Move = (watch: Watch, event: WatchEvent, about: WatchAbout) => WatchStep

const MOVES: Record<WatchPhase, Record<WatchEvent['kind'], Move>> = {
  waiting: {
    good: beginWatching,
    trouble: stay,
    lost: stay,
    refused: beginRefused,
    tick: stay,
    dropped: stay,
  },
  watching: { good: goOn, trouble: noteTrouble, lost: lose, refused: leave, tick: stay, dropped: owe },
  // The hole it owes is said before any of these, which then find it in that hole.
  dropping: { good: closeHole, trouble: join, lost: join, refused: stopAsking, tick: stay, dropped: owe },
  'in-hole': {
    good: closeHole,
    trouble: join,
    lost: join,
    refused: stopAsking,
    tick: stay,
    dropped: noteDropped,
  },
  // What was refused may be had after all: from a connection that was made anew.
  left: { good: closeHole, trouble: stay, lost: stay, refused: stay, tick: stay, dropped: noteDropped },
}

/** The line's next state and what must be written, in this order, before anything later of this run. */
export function nextWatch(watch: Watch, event: WatchEvent, about: WatchAbout): WatchStep {
  const due = openDueHole(watch, event, about)
  if (due === undefined) return MOVES[watch.phase][event.kind](watch, event, about)
  const step = MOVES[due.watch.phase][event.kind](due.watch, event, about)
  return { watch: step.watch, records: [...due.records, ...step.records] }
}

/** Of most events nothing is to be said. */
const NOTHING: readonly FeedRecord[] = []

/**
 * The hole begins where the vouched time ended, not where that was noticed. Either clock may say so: the stamping one
 * after a sleep of the machine, the steady one after the stamping one was set back.
 */
function openDueHole(watch: Watch, event: WatchEvent, about: WatchAbout): WatchStep | undefined {
  const { kind, at } = event
  if (kind === 'dropped') return undefined
  if (watch.phase === 'dropping') {
    // What is lost now may have been so before anything was dropped.
    const lostMs = kind === 'lost' ? event.fromMs : at.timeMs
    return openHole(watch, 'in-hole', Math.min(watch.good.timeMs, at.timeMs, lostMs), 'spool-full', about)
  }
  if (watch.phase !== 'watching') return undefined
  const untilMs = watch.good.timeMs + about.vouchMs
  const isDue = at.timeMs >= untilMs || at.monotonicMs - watch.good.monotonicMs >= about.vouchMs
  return isDue ? openHole(watch, 'in-hole', Math.min(untilMs, at.timeMs), watch.trouble, about) : undefined
}

function openHole(
  watch: Watch,
  phase: WatchPhase,
  fromMs: number,
  reason: HoleReason,
  about: WatchAbout,
): WatchStep {
  const holes = watch.holes + 1
  const opened: Watch = { ...watch, phase, holes, holeFromMs: fromMs, causes: [reason] }
  return {
    watch: opened,
    records: [{ type: 'hole-open', ...names(about), id: holeId(opened, about), fromMs, reason }],
  }
}

function beginWatching(watch: Watch, event: WatchEvent, about: WatchAbout): WatchStep {
  return {
    watch: { ...watch, phase: 'watching', good: event.at, trouble: 'stale' },
    records: [upAt(event, about)],
  }
}

function beginRefused(watch: Watch, event: WatchEvent, about: WatchAbout): WatchStep {
  const left = leave(watch, event, about)
  return {
    watch: left.watch,
    records: [upAt(event, about), ...left.records],
  }
}

function upAt({ at }: WatchEvent, about: WatchAbout): FeedRecord {
  return { type: 'up', ...names(about), atMs: at.timeMs, continuity: about.continuity }
}

function goOn(watch: Watch, event: WatchEvent): WatchStep {
  return { watch: { ...watch, good: event.at, trouble: 'stale' }, records: NOTHING }
}

function noteTrouble(watch: Watch, event: WatchEvent): WatchStep {
  return { watch: { ...watch, trouble: reasonOf(event) }, records: NOTHING }
}

/** A clock that was set back must not make a hole that begins after it was noticed. */
function lose(watch: Watch, event: WatchEvent, about: WatchAbout): WatchStep {
  const fromMs = 'fromMs' in event ? event.fromMs : event.at.timeMs
  return openHole(watch, 'in-hole', Math.min(fromMs, event.at.timeMs), reasonOf(event), about)
}

/** A cause that shows during an open hole joins that hole. */
function join(watch: Watch, event: WatchEvent): WatchStep {
  return { watch: { ...watch, causes: withCause(watch.causes, reasonOf(event)) }, records: NOTHING }
}

function withCause(causes: readonly HoleReason[], reason: HoleReason): readonly HoleReason[] {
  return causes.includes(reason) ? causes : [...causes, reason]
}

function leave(watch: Watch, event: WatchEvent, about: WatchAbout): WatchStep {
  return openHole(watch, 'left', event.at.timeMs, reasonOf(event), about)
}

function stopAsking(watch: Watch, event: WatchEvent): WatchStep {
  return { watch: { ...join(watch, event).watch, phase: 'left' }, records: NOTHING }
}

function closeHole(watch: Watch, event: WatchEvent, about: WatchAbout): WatchStep {
  // A clock that was set back must not make a hole that ends before it began.
  const toMs = Math.max(event.at.timeMs, watch.holeFromMs, watch.droppedMs)
  const good = { ...event.at, timeMs: Math.max(event.at.timeMs, watch.droppedMs) }
  return {
    watch: { ...watch, phase: 'watching', good, trouble: 'stale', causes: [], droppedMs: 0 },
    records: [
      {
        type: 'hole-close',
        ...names(about),
        id: holeId(watch, about),
        toMs,
        backfilled: event.kind === 'good' && event.backfilled === true && watch.droppedMs === 0,
        causes: [...watch.causes],
      },
    ],
  }
}

function owe(watch: Watch, { at }: WatchEvent): WatchStep {
  return { watch: { ...watch, phase: 'dropping', droppedMs: at.timeMs }, records: NOTHING }
}

function noteDropped(watch: Watch, { at }: WatchEvent): WatchStep {
  const causes = withCause(watch.causes, 'spool-full')
  return { watch: { ...watch, causes, droppedMs: at.timeMs }, records: NOTHING }
}

function stay(watch: Watch): WatchStep {
  return { watch, records: NOTHING }
}

function reasonOf(event: WatchEvent): HoleReason {
  return 'reason' in event ? event.reason : 'stale'
}

function holeId(watch: Watch, about: WatchAbout): string {
  return `${about.run}-${about.kind}-${about.product}-${watch.holes}`
}

function names({ venue, source, run, product }: WatchAbout) {
  return { venue, source, run, product }
}
