/** Times are milliseconds since 1970 in UTC. `Date` is used to write and read calendars, never to ask what time it is. */

export const SECOND_MS = 1_000
export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000

/** `2026-11-20T14:35:00.000Z` */
export function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

/** The start of the UTC-aligned window of `lengthMs` that holds `timeMs`. */
export function windowStart(timeMs: number, lengthMs: number): number {
  return timeMs - (((timeMs % lengthMs) + lengthMs) % lengthMs)
}

const ISO_PATTERN = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:Z|\+00:00)$/

/** Milliseconds of an ISO 8601 time in UTC with up to nine places of seconds (cut, not rounded), else undefined. */
export function parseIsoTime(text: string): number | undefined {
  const parts = ISO_PATTERN.exec(text)
  if (parts === null) return undefined
  const [, day, clock, fraction] = parts as unknown as [string, string, string, string | undefined]
  const timeMs = Date.parse(`${day}T${clock}.${(fraction ?? '').slice(0, 3).padEnd(3, '0')}Z`)
  // Date.parse reads February 30 as March 2: what it writes back must be what was read.
  return Number.isNaN(timeMs) || isoTime(timeMs).slice(0, 10) !== day ? undefined : timeMs
}

const UNITS_MS: Record<string, number> = { ms: 1, s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS }

/** Milliseconds of `15m`, `30s`, `500ms`, `1h`, `7d`, else undefined. */
export function parseDuration(text: string): number | undefined {
  const parts = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text.trim())
  return parts === null ? undefined : Number(parts[1]) * UNITS_MS[parts[2]!]!
}

/** The shortest exact text of a duration: `5m`, `90s`, `1h`. */
export function formatDuration(durationMs: number): string {
  for (const [unit, lengthMs] of [
    ['d', DAY_MS],
    ['h', HOUR_MS],
    ['m', MINUTE_MS],
    ['s', SECOND_MS],
  ] as const) {
    if (durationMs >= lengthMs && durationMs % lengthMs === 0) return `${durationMs / lengthMs}${unit}`
  }
  return `${durationMs}ms`
}
