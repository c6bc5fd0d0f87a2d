import type { Timers } from '../models/timers.ts'
import type { Feed } from './feeds.ts'
import type { Line, Session } from './line.ts'

/** What one venue's simulated servers do. Each venue is a file in `venues/`, with its texts, REST and sockets beside it. */
export type Exchange = {
  http(request: SimRequest): SimAnswer
  /** A socket was opened at this address: what is done about it, or why it is refused. */
  connect(request: SimRequest, line: Line): Session | SimAnswer
  /** The feed's market made a step: whoever listens is told. */
  publish(feed: Feed): void
  /** Tells a connection that it will be closed, where the venue does that. */
  announceClose?(line: Line): void
}

export type SimRequest = {
  readonly method: string
  /** Which of the venue's wires the address names. */
  readonly wire: string
  /** The venue's own path, from its slash on. */
  readonly path: string
  readonly query: URLSearchParams
  /** What stands before `/<venue>/<wire>`, such as `http://127.0.0.1:7300`. */
  readonly origin: string
}

export type SimAnswer = {
  readonly status: number
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
  /** How much later than usual it comes. */
  readonly delayMs?: number
}

/** `refused`: the connection is not even made. `silent`: nothing ever comes back, and nothing says so. */
export type NoAnswer = 'refused' | 'silent'

export function json(body: string, status = 200): SimAnswer {
  return { status, body, headers: { 'content-type': 'application/json' } }
}

/** The feeds of a venue by its own spelling of their products. */
export function bySymbol(feeds: readonly Feed[]): ReadonlyMap<string, Feed> {
  return new Map(feeds.map((feed) => [feed.symbol, feed]))
}

/** So much in each stretch of time, as most venues count. Answers 0 where there is room, else how long until there is. */
export type Budget = (weight?: number) => number

export function budget(max: number, perMs: number, nowMs: () => number): Budget {
  let stretch = -1
  let used = 0
  return (weight = 1) => {
    const now = nowMs()
    const current = Math.floor(now / perMs)
    if (current !== stretch) used = 0
    stretch = current
    used += weight
    return used <= max ? 0 : (current + 1) * perMs - now
  }
}

/** Calls once when `restart` was not called for so long; `cancel` ends it. */
export type Silence = { restart(): void; cancel(): void }

export function silence(after: Timers['after'], ms: number, call: () => void): Silence {
  let cancel = after(ms, call)
  return {
    restart() {
      cancel()
      cancel = after(ms, call)
    },
    cancel: () => cancel(),
  }
}

/** Calls every so often until it is told not to. */
export function every(after: Timers['after'], ms: number, call: () => void): () => void {
  let cancel = after(ms, again)
  function again(): void {
    cancel = after(ms, again)
    call()
  }
  return () => cancel()
}

/** A JSON object, or undefined for any other text. */
export function parsedMessage(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** The texts among the elements of what may be a list. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((element) => typeof element === 'string') : []
}
