/** Waits that double from `firstMs` up to `mostMs`. */
export type Backoff = { readonly firstMs: number; readonly mostMs: number }

/** Between two attempts to reach a venue: long enough not to be a burden, short enough to be back within 5 s of its return. */
export const RECONNECTING: Backoff = { firstMs: 250, mostMs: 4_000 }

/** After 418, 429 and 451 where no time is named: the venues count by the minute. */
const REFUSED_MS = 60_000
/** A venue may ask us to wait, but what is longer than this is rather a mistake: we look again. */
const RETRY_AFTER_MS_MAX = 3_600_000
/** Behind the time a venue named, so that not all who were sent away come back in the same moment. */
const RETRY_AFTER_JITTER = 0.1

/** What a refusal says: its HTTP status where it has one, and how long to stay away where it names a time. */
export type Refusing = { readonly status?: number; readonly retryAfterMs?: number }

/**
 * How long to wait after failure number `failed` (from 0) in a row: half of the doubled wait, and a random share of the
 * other half, so that those who failed together do not come back together.
 */
export function backoffMs({ firstMs, mostMs }: Backoff, failed: number, random: () => number): number {
  const wholeMs = Math.min(mostMs, firstMs * 2 ** Math.min(failed, DOUBLINGS_MAX))
  return Math.round(wholeMs * (0.5 + random() / 2))
}

/** More than any wait has, less than overflows. */
const DOUBLINGS_MAX = 30

/** The same before the next attempt to connect or to ask: 60 s, or what the venue says, after it has sent us away. */
export function retryMs(refusing: Refusing, failed: number, random: () => number): number {
  const awayMs = staysAwayMs(refusing)
  if (awayMs === undefined) return backoffMs(RECONNECTING, failed, random)
  return Math.round(awayMs * (1 + RETRY_AFTER_JITTER * random()))
}

/** How long all of a wire must stay away, undefined where a refusal is not about how much we ask for. */
export function staysAwayMs({ status, retryAfterMs }: Refusing): number | undefined {
  if (status !== undefined && SENT_AWAY.includes(status)) {
    return Math.min(retryAfterMs ?? REFUSED_MS, RETRY_AFTER_MS_MAX)
  }
  // A venue under repair says 503 and when to come back.
  return retryAfterMs === undefined ? undefined : Math.min(retryAfterMs, RETRY_AFTER_MS_MAX)
}

/** Asked for too much (429), went on all the same (418), asked from a place that is not served (451). */
const SENT_AWAY: readonly number[] = [418, 429, 451]

/** What people are told of a status: its number, and what to do where only they can. */
export function refusalText(status: number, message: string): string {
  const said = message === '' ? `answered ${status}` : `answered ${status}: ${message}`
  return status === NOT_SERVED ? `${said} (${NOT_SERVED_HINT})` : said
}

/** No later attempt from here will be answered otherwise. */
export const NOT_SERVED = 451
const NOT_SERVED_HINT =
  'the venue does not serve this location: run elsewhere, or set its REST and socket addresses to hosts that do'
