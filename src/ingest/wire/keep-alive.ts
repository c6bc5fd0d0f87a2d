import type { Wire } from '../venue.ts'

/** How a connection is kept alive: as the venue wants it, else by the WebSocket's own pings. */
export type KeepingAlive = {
  readonly everyMs: number
  readonly whenIdle: boolean
  readonly answerMs: number
  /** What to send; undefined: a ping of the WebSocket's own, whose answer counts as a sign of life. */
  text(id: number): string | undefined
  readonly isOfSocket: boolean
}

/** Where the venue wants no pings of its own: silence so long makes us ask, and no answer for so long is no connection. */
const QUIET_MS = 20_000
const ANSWER_MS = 10_000
/** Whatever a venue says: more often is no keep-alive. */
const EVERY_MS_MIN = 1_000

/** `pingMs` is what the venue has said with the address. */
export function keepAliveOf(
  { keepAlive }: Pick<Wire, 'keepAlive'>,
  pingMs: number | undefined,
): KeepingAlive {
  if (keepAlive === undefined) {
    return { everyMs: QUIET_MS, whenIdle: true, answerMs: ANSWER_MS, text: () => undefined, isOfSocket: true }
  }
  const { whenIdle, answerMs } = keepAlive
  const everyMs = Math.max(EVERY_MS_MIN, pingMs ?? keepAlive.everyMs)
  return { everyMs, whenIdle, answerMs, text: (id) => keepAlive.ping(id), isOfSocket: false }
}
