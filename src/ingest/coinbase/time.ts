import { HOUR_MS, MINUTE_MS, parseIsoTime, SECOND_MS } from '../../models/time.ts'

const DAY_BYTES = 10
/** `2026-11-20T14:31:10Z`, and up to nine places and their point more. */
const BYTES_MIN = 20
const BYTES_MAX = 30
const FRACTION_AT = 19

const ZERO = 0x30
const T = 0x54
const Z = 0x5a
const COLON = 0x3a
const POINT = 0x2e

/** The day that was read last: nearly all times are of one day. */
const lastDay = Buffer.from('1970-01-01')
let lastDayMs = 0

/**
 * What `parseIsoTime` says of `2026-11-20T14:31:10.123456Z` that stands from `from` up to `end`, at a tenth of its cost;
 * undefined for whatever is written otherwise, and that may be a time all the same.
 */
export function scanTimeMs(bytes: Buffer, from: number, end: number): number | undefined {
  const length = end - from
  if (length < BYTES_MIN || length > BYTES_MAX || bytes[end - 1] !== Z) return undefined
  if (bytes[from + 10] !== T || bytes[from + 13] !== COLON || bytes[from + 16] !== COLON) return undefined
  const dayMs = scanDayMs(bytes, from)
  const hours = scanTwo(bytes, from + 11)
  const minutes = scanTwo(bytes, from + 14)
  const seconds = scanTwo(bytes, from + 17)
  const ms = scanFraction(bytes, from + FRACTION_AT, end - 1)
  if (dayMs === undefined || ms === NONE || !(hours < 24 && minutes < 60 && seconds < 60)) return undefined
  return dayMs + hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS + ms
}

/** More than any two digits make. */
const NO_PAIR = 100
const NONE = -1

function scanDayMs(bytes: Buffer, from: number): number | undefined {
  let i = 0
  while (i < DAY_BYTES && bytes[from + i] === lastDay[i]) i++
  if (i === DAY_BYTES) return lastDayMs
  const dayMs = parseIsoTime(`${bytes.toString('latin1', from, from + DAY_BYTES)}T00:00:00Z`)
  if (dayMs === undefined) return undefined
  bytes.copy(lastDay, 0, from, from + DAY_BYTES)
  lastDayMs = dayMs
  return dayMs
}

function scanTwo(bytes: Buffer, at: number): number {
  const tens = bytes[at]! ^ ZERO
  const ones = bytes[at + 1]! ^ ZERO
  return tens <= 9 && ones <= 9 ? tens * 10 + ones : NO_PAIR
}

/** Milliseconds of `.123456` up to `end`, cut; 0 where nothing stands there. */
function scanFraction(bytes: Buffer, at: number, end: number): number {
  if (at === end) return 0
  if (bytes[at] !== POINT || at + 1 === end) return NONE
  let ms = 0
  for (let i = at + 1, unit = 100; i < end; i++, unit = unit === 1 ? 0 : unit / 10) {
    const digit = bytes[i]! ^ ZERO
    if (digit > 9) return NONE
    ms += digit * unit
  }
  return ms
}
