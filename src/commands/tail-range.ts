import type { Broker, PartitionInfo, TopicPartition } from '../broker/broker.ts'
import { EngineError } from '../models/engine-error.ts'
import { parseDuration, parseIsoTime } from '../models/time.ts'

/**
 * Where reading begins and ends, written as rpk writes it. Offsets count in each partition by itself; times are those at
 * which records were appended.
 *
 *     start  end           the oldest record kept; behind the newest
 *     +5  -10              so many after the start; so many before the end
 *     12345  12345:        this offset
 *     100:200  :200  :end  up to, not including; `end` is the end as it is now
 *     @T  @T:              from a time on
 *     @T1:T2  @:T2  @T:end up to a time, which must have passed
 *
 * T is 2026-11-21, 2026-11-21T10:00:00Z, seconds, milliseconds, microseconds or nanoseconds since 1970, or -5m: so long
 * before now. T1 may also be 5m, which is the same; T2 may be 1h, counted from T1.
 */
export type Range = { readonly from: Place; readonly until: Place | undefined }

type Place =
  | { readonly kind: 'start'; readonly plus: number }
  | { readonly kind: 'end'; readonly minus: number }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'time'; readonly timeMs: number }

const START: Place = { kind: 'start', plus: 0 }
const END: Place = { kind: 'end', minus: 0 }

/** Throws EngineError `usage` for what is no range, and for one that ends in the future. */
export function parseRange(text: string, nowMs: number): Range {
  const range = text.startsWith('@') ? timeRange(text.slice(1), nowMs) : offsetRange(text)
  if (range === undefined) {
    throw usage(
      text,
      'expected start, end, 12345, +5, -10, 100:200, :end, @2026-11-21T10:00:00Z, @-5m or @1795212960123:end',
    )
  }
  if (range.until?.kind === 'time' && range.until.timeMs > nowMs) {
    throw usage(text, 'which ends in the future')
  }
  return range
}

function usage(text: string, what: string): EngineError {
  return new EngineError('usage', `-o got ${JSON.stringify(text)}, ${what}`, {
    hint: '`tidebook tail --help` shows every form',
  })
}

const OFFSETS = /^(start|end|[+-]?\d{1,15})?(:)?(end|\d{1,15})?$/

function offsetRange(text: string): Range | undefined {
  const parts = OFFSETS.exec(text)
  if (parts === null) return undefined
  const [, from, colon, until] = parts
  if ((from === undefined && until === undefined) || (until !== undefined && colon === undefined)) {
    return undefined
  }
  return {
    from: from === undefined ? START : offsetPlace(from),
    until: until === undefined ? undefined : offsetPlace(until),
  }
}

function offsetPlace(text: string): Place {
  if (text === 'start') return START
  if (text === 'end') return END
  const count = Math.abs(Number(text))
  if (text.startsWith('+')) return { kind: 'start', plus: count }
  return text.startsWith('-') ? { kind: 'end', minus: count } : { kind: 'offset', offset: count }
}

const DAY = String.raw`\d{4}-\d{2}-\d{2}`
const TIME = String.raw`${DAY}(?:T[\d:.]+(?:Z|\+00:00))?|\d{9,19}|-?(?:\d+(?:ms|s|m|h|d))+`
const TIMES = new RegExp(`^(${TIME})?(:)?(${TIME}|end)?$`)

function timeRange(text: string, nowMs: number): Range | undefined {
  const parts = TIMES.exec(text)
  if (parts === null) return undefined
  const [, fromText, colon, untilText] = parts
  if (
    (fromText === undefined && untilText === undefined) ||
    (untilText !== undefined && colon === undefined)
  ) {
    return undefined
  }
  const fromMs = fromText === undefined ? undefined : (timeOf(fromText, nowMs) ?? agoOf(fromText, nowMs))
  if (fromText !== undefined && fromMs === undefined) return undefined
  const from = fromMs === undefined ? START : timePlace(fromMs)
  if (untilText === undefined) return { from, until: undefined }
  if (untilText === 'end') return { from, until: END }
  const untilMs = timeOf(untilText, nowMs) ?? laterOf(untilText, fromMs)
  return untilMs === undefined ? undefined : { from, until: timePlace(untilMs) }
}

function timePlace(timeMs: number): Place {
  return { kind: 'time', timeMs }
}

/** A calendar time, a number since 1970 whose unit is told by its length, or `-5m`. */
function timeOf(text: string, nowMs: number): number | undefined {
  if (/^\d+$/.test(text)) return sinceEpoch(text)
  if (text.startsWith('-')) return agoOf(text.slice(1), nowMs)
  return parseIsoTime(new RegExp(`^${DAY}$`).test(text) ? `${text}T00:00:00Z` : text)
}

function sinceEpoch(digits: string): number | undefined {
  if (digits.length <= 10) return Number(digits) * 1_000
  // Thirteen digits of milliseconds are the years 2001 to 2286; microseconds and nanoseconds have three and six more.
  return [13, 16, 19].includes(digits.length) ? Number(digits.slice(0, 13)) : undefined
}

function agoOf(text: string, nowMs: number): number | undefined {
  const lengthMs = durationOf(text)
  return lengthMs === undefined ? undefined : nowMs - lengthMs
}

function laterOf(text: string, fromMs: number | undefined): number | undefined {
  const lengthMs = durationOf(text)
  return fromMs === undefined || lengthMs === undefined ? undefined : fromMs + lengthMs
}

/** `90s`, or several together: `3d12h`. */
function durationOf(text: string): number | undefined {
  const parts = text.match(/\d+(?:ms|[smhd])/g) ?? []
  if (parts.join('') !== text) return undefined
  return parts.reduce<number | undefined>((sum, part) => {
    const lengthMs = parseDuration(part)
    return sum === undefined || lengthMs === undefined ? undefined : sum + lengthMs
  }, 0)
}

/** The offset that a place stands for in one partition, as it is now; an exact offset may lie behind the end. */
export async function offsetOf(
  place: Place,
  broker: Broker,
  tp: TopicPartition,
  { startOffset, endOffset }: PartitionInfo,
): Promise<number> {
  switch (place.kind) {
    case 'start':
      return Math.min(startOffset + place.plus, endOffset)
    case 'end':
      return Math.max(endOffset - place.minus, startOffset)
    case 'offset':
      return place.offset
    case 'time':
      return broker.offsetAt(tp, place.timeMs)
  }
}
