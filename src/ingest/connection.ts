import type { HoleReason } from '../models/feed-records.ts'
import { NOT_SERVED, type Refusing, retryMs } from './wire/backoff.ts'

/**
 * The life of a connection, as a table of states and events. `-` is nothing; a name is a move below.
 *
 * |             | connecting | subscribing | live    | stale     | backing-off | stopped |
 * |-------------|------------|-------------|---------|-----------|-------------|---------|
 * | opened      | greet      | -           | -       | -         | -           | -       |
 * | welcomed    | -          | subscribe   | -       | -         | -           | -       |
 * | settled     | -          | goLive      | -       | -         | -           | -       |
 * | frame       | -          | -           | -       | revive    | -           | -       |
 * | ping-due    | -          | ping        | doubt   | -         | -           | -       |
 * | ended       | fail       | fail        | fail    | fail      | -           | -       |
 * | unanswered  | fail       | fail        | fail    | fail      | -           | -       |
 * | refused     | -          | fail        | fail    | fail      | -           | -       |
 * | gap         | -          | replace     | replace | replace   | -           | -       |
 * | closing     | -          | replace     | replace | replace   | -           | -       |
 * | life-over   | -          | replace     | replace | replace   | -           | -       |
 * | steady      | -          | -           | trust   | trust     | -           | -       |
 * | retry-due   | -          | -           | -       | -         | retry       | -       |
 * | stop        | stop       | stop        | stop    | stop      | stop        | -       |
 *
 * - connecting: waiting for a turn, asking for the address, opening the socket
 * - subscribing: open, and not everything that was asked for has been answered; data may come already
 * - live: everything asked for has been accepted or refused
 * - stale: a ping is out, and nothing has come since
 * - backing-off: waiting before the next attempt; there is no socket
 * - stopped: by us, for good. Nothing else ends a connection: it never gives up.
 */
export type ConnectionState = 'connecting' | 'subscribing' | 'live' | 'stale' | 'backing-off' | 'stopped'

export type Life = {
  readonly state: ConnectionState
  /** Failures since it was last steady: live for `STEADY_MS`. */
  readonly failures: number
  /** Whether it has been replaced at once since then: that is done once, what comes after waits like a failure. */
  readonly isReplaced: boolean
  /** Whether people have been told that it fails. */
  readonly isTold: boolean
}

export type LifeEvent =
  | { readonly kind: Signal }
  /** No connection, or no longer one: the socket has closed, or there is no address for one. */
  | ({ readonly kind: 'ended'; readonly message: string } & Refusing)
  /** A ping, a subscription or the whole connection has not been answered in time. */
  | { readonly kind: 'unanswered'; readonly message: string }
  /** The venue has said no, and not to what. */
  | { readonly kind: 'refused'; readonly message: string }
  /** Its own numbers show that something is missing. */
  | { readonly kind: 'gap'; readonly message: string }

type Signal =
  | 'opened'
  | 'welcomed'
  | 'settled' // everything asked for has been answered
  | 'frame'
  | 'ping-due'
  | 'closing' // the venue will close it
  | 'life-over' // the venue would close it soon
  | 'steady'
  | 'retry-due'
  | 'stop'

export type LifeAction =
  /** Wait for a turn, ask for the address, open the socket. */
  | { readonly does: 'connect' }
  /** Begin to keep it alive; go on at once where no welcome is waited for. */
  | { readonly does: 'greet' }
  /** Say hello and ask for everything. */
  | { readonly does: 'subscribe' }
  | { readonly does: 'ping' }
  /** `steady` is due in `STEADY_MS`. */
  | { readonly does: 'await-steadiness' }
  /** Cut the socket and forget all that belongs to it: everything of this connection is out of step. */
  | { readonly does: 'lose'; readonly reason: HoleReason; readonly message: string }
  | { readonly does: 'retry'; readonly afterMs: number }
  | { readonly does: 'tell'; readonly kind: 'failing' | 'recovered'; readonly message: string }
  | { readonly does: 'end' }

export type LifeStep = { readonly life: Life; readonly actions: readonly LifeAction[] }

/** Live so long, a connection has earned it that the next failure is taken for its first. */
export const STEADY_MS = 30_000
/** So many failures in a row are worth a word to people: some ten seconds without the venue. */
const FAILURES_TOLD = 5

export const NEW_LIFE: LifeStep = {
  life: { state: 'connecting', failures: 0, isReplaced: false, isTold: false },
  actions: [{ does: 'connect' }],
}

type Move = (life: Life, event: LifeEvent, random: () => number) => LifeStep

const NOTHING: Record<LifeEvent['kind'], Move> = {
  opened: stay,
  welcomed: stay,
  settled: stay,
  frame: stay,
  'ping-due': stay,
  ended: stay,
  unanswered: stay,
  refused: stay,
  gap: stay,
  closing: stay,
  'life-over': stay,
  steady: stay,
  'retry-due': stay,
  stop,
}

const OPEN: Record<LifeEvent['kind'], Move> = {
  ...NOTHING,
  ended: fail,
  unanswered: fail,
  refused: fail,
  gap: replace,
  closing: replace,
  'life-over': replace,
}

const MOVES: Record<ConnectionState, Record<LifeEvent['kind'], Move>> = {
  connecting: { ...NOTHING, opened: greet, ended: fail, unanswered: fail },
  subscribing: { ...OPEN, welcomed: subscribe, settled: goLive, 'ping-due': ping },
  live: { ...OPEN, 'ping-due': doubt, steady: trust },
  stale: { ...OPEN, frame: revive, steady: trust },
  'backing-off': { ...NOTHING, 'retry-due': retry },
  stopped: { ...NOTHING, stop: stay },
}

/** The next state and what is to be done, in this order. Chance is for the jitter of waits alone. */
export function nextLife(life: Life, event: LifeEvent, random: () => number): LifeStep {
  return MOVES[life.state][event.kind](life, event, random)
}

function greet(life: Life): LifeStep {
  return to(life, 'subscribing', { does: 'greet' })
}

function subscribe(life: Life): LifeStep {
  return to(life, 'subscribing', { does: 'subscribe' })
}

function goLive(life: Life): LifeStep {
  return to(life, 'live', { does: 'await-steadiness' })
}

function revive(life: Life): LifeStep {
  return to(life, 'live')
}

function ping(life: Life): LifeStep {
  return to(life, life.state, { does: 'ping' })
}

function doubt(life: Life): LifeStep {
  return to(life, 'stale', { does: 'ping' })
}

function retry(life: Life): LifeStep {
  return to(life, 'connecting', { does: 'connect' })
}

function stop(life: Life): LifeStep {
  return to(life, 'stopped', { does: 'end' })
}

function stay(life: Life): LifeStep {
  return { life, actions: [] }
}

function trust(life: Life): LifeStep {
  const trusted: Life = { state: life.state, failures: 0, isReplaced: false, isTold: false }
  const message = `live again, for ${STEADY_MS / 1_000} s by now`
  return to(
    trusted,
    life.state,
    ...(life.isTold ? [{ does: 'tell', kind: 'recovered', message } as const] : []),
  )
}

function fail(life: Life, event: LifeEvent, random: () => number): LifeStep {
  const refusing: Refusing = event.kind === 'ended' ? event : {}
  const message = messageOf(event)
  const failures = life.failures + 1
  // What only people can mend they are told at once.
  const tells = !life.isTold && (failures >= FAILURES_TOLD || refusing.status === NOT_SERVED)
  return to(
    { ...life, failures, isTold: life.isTold || tells },
    'backing-off',
    { does: 'lose', reason: reasonOf(life, event), message },
    ...(tells ? [{ does: 'tell', kind: 'failing', message } as const] : []),
    { does: 'retry', afterMs: retryMs(refusing, failures - 1, random) },
  )
}

/** Its end was foreseen, or is wanted: another takes its place at once, unless that is getting a habit. */
function replace(life: Life, event: LifeEvent, random: () => number): LifeStep {
  if (life.isReplaced) return fail(life, event, random)
  return to(
    { ...life, isReplaced: true },
    'connecting',
    { does: 'lose', reason: reasonOf(life, event), message: messageOf(event) },
    { does: 'connect' },
  )
}

function to(life: Life, state: ConnectionState, ...actions: readonly LifeAction[]): LifeStep {
  return { life: { ...life, state }, actions }
}

function reasonOf({ state }: Life, { kind }: LifeEvent): HoleReason {
  if (kind === 'gap') return 'sequence-gap'
  if (kind === 'refused') return 'bad-answer'
  return state === 'connecting' ? 'unreachable' : 'disconnected'
}

function messageOf(event: LifeEvent): string {
  if (event.kind === 'closing') return 'the venue is about to close the connection'
  if (event.kind === 'life-over') return 'the venue lets no connection live longer'
  return 'message' in event ? event.message : event.kind
}
