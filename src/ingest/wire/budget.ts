import type { Timers } from '../../models/timers.ts'
import type { WireLimits } from '../venue.ts'
import { type Bucket, fullBucket, type Rate, takeToken } from './token-bucket.ts'

/**
 * A queue before something that may not be done faster than a rate. Turns are given in the order of asking, the first of
 * them perhaps from within the asking.
 */
export type Lane = {
  /** Calls `go` when there are tokens for `weight`. Answers how to give the place up; after `go` that does nothing. */
  turn(weight: number, go: (done: () => void) => void, about?: TurnAbout): () => void
  /** Nobody's turn comes for so long. */
  pause(ms: number): void
  /** Only turns of this holder come from now on; everybody's where it is undefined. */
  holdFor(holder: object | undefined): void
  readonly holder: object | undefined
  /** Whose turn would be next, were it not for that; undefined where nobody waits, or nobody who says who it is. */
  readonly next: object | undefined
  /** How many are waiting. */
  readonly waiting: number
  /** The turns of all that wait never come. */
  clear(): void
}

export type TurnAbout = {
  /** Before all that wait and are not urgent. */
  readonly urgent?: boolean
  readonly holder?: object
}

type Turn = TurnAbout & { readonly weight: number; readonly go: (done: () => void) => void }

/** What all connections of a wire share: attempts to connect, and the weight of requests. */
export type WireBudget = { readonly connects: Lane; readonly requests: Lane; readonly timers: Timers }

/** Requests of a wire under way at one moment: each may hold a body of some megabytes. */
const REQUESTS_AT_ONCE_MAX = 8

/** One for each wire and process: the venue counts by address, not by connection. */
export function openBudget(limits: Pick<WireLimits, 'connects' | 'requests'>, timers: Timers): WireBudget {
  return {
    connects: openLane(limits.connects, timers),
    requests: openLane(limits.requests, timers, REQUESTS_AT_ONCE_MAX),
    timers,
  }
}

/** At most `atOnceMax` turns are under way: those whose `done` has not been called. */
export function openLane(rate: Rate, timers: Timers, atOnceMax = Number.POSITIVE_INFINITY): Lane {
  const queues = { urgent: [] as Turn[], others: [] as Turn[] }
  let bucket: Bucket = fullBucket(rate, timers.monotonicMs())
  let pausedUntilMs = 0
  let underWay = 0
  let holder: object | undefined
  let unwake = (): void => {}

  function pump(): void {
    unwake()
    for (let next = nextTurn(); next !== undefined && underWay < atOnceMax; next = nextTurn()) {
      const waitMs = take(next.weight)
      if (waitMs > 0) {
        unwake()
        unwake = timers.after(waitMs, pump)
        return
      }
      remove(next)
      begin(next)
    }
  }

  function nextTurn(): Turn | undefined {
    if (holder === undefined) return first()
    return [...queues.urgent, ...queues.others].find((turn) => turn.holder === holder)
  }

  function first(): Turn | undefined {
    return queues.urgent[0] ?? queues.others[0]
  }

  function queueOf(turn: Turn): Turn[] {
    return turn.urgent === true ? queues.urgent : queues.others
  }

  function remove(turn: Turn): void {
    const queue = queueOf(turn)
    const at = queue.indexOf(turn)
    if (at !== -1) queue.splice(at, 1)
  }

  /** Milliseconds until there are tokens; 0 where they have been taken. What is heavier than a burst leaves a debt. */
  function take(weight: number): number {
    const nowMs = timers.monotonicMs()
    if (nowMs < pausedUntilMs) return pausedUntilMs - nowMs
    const { waitMs } = takeToken(bucket, nowMs, rate, Math.min(weight, rate.burst))
    if (waitMs === 0) bucket = takeToken(bucket, nowMs, rate, weight).bucket
    return waitMs
  }

  function begin({ go }: Turn): void {
    let isDone = false
    underWay++
    go(() => {
      if (isDone) return
      isDone = true
      underWay--
      pump()
    })
  }

  return {
    turn(weight, go, about = {}) {
      const turn: Turn = { weight, go, ...about }
      queueOf(turn).push(turn)
      pump()
      return () => {
        remove(turn)
        pump()
      }
    },
    pause(ms) {
      pausedUntilMs = Math.max(pausedUntilMs, timers.monotonicMs() + ms)
      pump()
    },
    holdFor(next) {
      holder = next
      pump()
    },
    get holder() {
      return holder
    },
    get next() {
      return first()?.holder
    },
    get waiting() {
      return queues.urgent.length + queues.others.length
    },
    clear() {
      queues.urgent.length = 0
      queues.others.length = 0
      pump()
    },
  }
}
