import { HOUR_MS, isoTime, MINUTE_MS, SECOND_MS } from '../models/time.ts'

/** How reports write times, shares and numbers. All times are UTC. */

/** A window of less than this share watched, once it is over, is worth a word. */
const COVERAGE_GOOD = 0.95

export const NOTHING = '–'

/** `14:31:10.205`; with its day, `2026-11-19 14:31:10.205`, where that is another day than now. */
export function clock(timeMs: number, nowMs: number): string {
  const [day, time] = isoTime(timeMs).slice(0, -1).split('T') as [string, string]
  return isoTime(nowMs).startsWith(day) ? time : `${day} ${time}`
}

/** `14:30-14:35`, with the day where it is another one than now; seconds where they are not zero. */
export function span(fromMs: number, toMs: number, nowMs: number): string {
  const isWhole = fromMs % MINUTE_MS === 0 && toMs % MINUTE_MS === 0
  const cut = (text: string) => text.slice(0, isWhole ? -7 : -4)
  return `${cut(clock(fromMs, nowMs))}-${cut(isoTime(toMs).slice(11, -1))}`
}

/** `3.2 s`, `5 min`, `2.1 h`; a time ahead of now is `0.0 s` old. */
export function age(ageMs: number): string {
  const positive = Math.max(0, ageMs)
  if (positive < MINUTE_MS) return `${(positive / SECOND_MS).toFixed(1)} s`
  if (positive < HOUR_MS) return `${Math.floor(positive / MINUTE_MS)} min`
  return positive < 48 * HOUR_MS
    ? `${(positive / HOUR_MS).toFixed(1)} h`
    : `${Math.floor(positive / (24 * HOUR_MS))} d`
}

/** `97 %`, never rounded up to 100. */
export function percent(share: number): string {
  return `${Math.floor(share * 100)} %`
}

/** A decimal of many places as people read it; JSON and tables have it whole. */
export function rounded(text: string | null, places: number): string {
  return text === null ? NOTHING : Number(text).toFixed(places)
}

/** How many places a decimal is written with. */
export function placesOf(text: string): number {
  const point = text.indexOf('.')
  return point === -1 ? 0 : text.length - point - 1
}

type Books = {
  readonly books: number
  readonly crossed: number
  readonly locked: number
  readonly indicative: number
}
type Widest = { readonly crossedMax: string | null; readonly crossedMaxAtMs: number | null }

/** `19 of 19 books crossed, widest by 139.6902 at 06:02:21.205; no uncrossed mid`, as far as it is so. */
export function booksNote(row: Books, nowMs: number, widest?: Widest): string {
  const of = (count: number, state: string) =>
    count === 0 ? [] : [`${count} of ${row.books} books ${state}`]
  const parts = of(row.crossed, 'crossed')
  if (widest !== undefined && widest.crossedMax !== null && widest.crossedMaxAtMs !== null) {
    parts.push(`widest by ${widest.crossedMax} at ${clock(widest.crossedMaxAtMs, nowMs)}`)
  }
  const said = [...parts, ...of(row.locked, 'locked'), ...of(row.indicative, 'indicative')].join(', ')
  const hasMid = row.books > row.crossed + row.locked + row.indicative
  return hasMid ? said : `${said}; no uncrossed mid`
}

/** What keeps a window from being the whole truth: not over yet, or not watched well. */
export function windowNote(row: { readonly complete: boolean; readonly coverage: number }): string {
  if (!row.complete) return 'partial'
  return row.coverage < COVERAGE_GOOD ? 'poorly covered' : ''
}

export function notes(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('; ')
}
