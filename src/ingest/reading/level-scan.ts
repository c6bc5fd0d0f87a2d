import { INTEGER_DIGITS_MAX, PLACES_MAX } from '../../models/decimal.ts'
import type { Levels } from '../levels.ts'

/**
 * Reads rows of levels from a frame's bytes, in one pass, without making a string or an object: the hot path of every venue
 * that sends its levels as arrays of strings. It only ever says yes; whatever it does not know its way about in it leaves to
 * the venue's slow way.
 */

const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const CLOSE_BRACE = 0x7d
const QUOTE = 0x22
const COMMA = 0x2c
const POINT = 0x2e
const ZERO = 0x30
/** A byte xor `ZERO` is a digit's own value, 0 to 9, and more than that for every other byte. */
const POINT_XOR_ZERO = POINT ^ ZERO

/** What was expected is not there. */
const NONE = -1

/** So many digits fit a 31-bit integer, which is what makes the loop fast. */
const PART_DIGITS_MAX = 9
const POWERS = Float64Array.from({ length: PART_DIGITS_MAX + 1 }, (_, exponent) => 10 ** exponent)

/** What `Levels.scanRows` promises. */
export function scanRows(
  levels: Levels,
  bytes: Uint8Array,
  at: number,
  isBid: 0 | 1,
  extraColumns: number,
): number {
  // Every byte looked at follows one that is neither of these, or is asked whether it is there: none is beyond the end.
  const last = bytes[bytes.length - 1]
  if (last !== CLOSE_BRACE && last !== CLOSE_BRACKET) return NONE
  if (bytes[at] !== OPEN_BRACKET) return NONE
  if (bytes[at + 1] === CLOSE_BRACKET) return at + 2
  const first = levels.length
  const end = scanSomeRows(levels, bytes, at + 1, isBid, extraColumns)
  if (end === NONE) levels.cutBack(first)
  return end
}

/** The rows from the first one's bracket on; where it answers `NONE`, it may have left texts of some. */
function scanSomeRows(
  levels: Levels,
  bytes: Uint8Array,
  at: number,
  isBid: 0 | 1,
  extraColumns: number,
): number {
  const bytesEnd = bytes.length
  let { priceDigits, pricePlaces, sizeDigits, sizePlaces } = levels
  let row = levels.length
  for (;;) {
    if (row >= priceDigits.length) {
      if (!levels.makeRoom(row)) return NONE
      ;({ priceDigits, pricePlaces, sizeDigits, sizePlaces } = levels)
    }
    if (bytes[at] !== OPEN_BRACKET || bytes[at + 1] !== QUOTE) return NONE
    const priceFrom = at + 2
    const priceEnd = scanNumber(bytes, priceFrom, priceDigits, pricePlaces, row)
    if (priceEnd === NONE || priceDigits[row] === 0) return NONE
    if (bytes[priceEnd] !== COMMA || bytes[priceEnd + 1] !== QUOTE) return NONE
    const sizeFrom = priceEnd + 2
    const sizeEnd = scanNumber(bytes, sizeFrom, sizeDigits, sizePlaces, row)
    if (sizeEnd === NONE) return NONE
    if (Number.isNaN(priceDigits[row]! + sizeDigits[row]!)) {
      levels.noteLong(row, slice(bytes, priceFrom, priceEnd - 1), slice(bytes, sizeFrom, sizeEnd - 1))
    }
    at = extraColumns === 0 ? sizeEnd : skipColumns(bytes, sizeEnd, extraColumns)
    if (at === NONE || bytes[at] !== CLOSE_BRACKET || ++at === bytesEnd) return NONE
    row++
    if (bytes[at] !== COMMA) break
    at++
  }
  if (bytes[at] !== CLOSE_BRACKET) return NONE
  levels.isBid.fill(isBid, levels.length, row)
  levels.length = row
  return at + 1
}

/**
 * Puts the number that begins at `at`, behind its opening quote, into its columns at `row`, which must have room. Answers where
 * it ends, its closing quote included, or -1. Whoever calls it sees to the texts of rows with too many digits (`noteLong`).
 */
export function scanNumber(
  bytes: Uint8Array,
  at: number,
  digits: Float64Array,
  places: Uint8Array,
  row: number,
): number {
  const start = at
  let whole = 0
  let digit = bytes[at]! ^ ZERO
  while (digit <= 9) {
    whole = (whole * 10 + digit) | 0
    digit = bytes[++at]! ^ ZERO
  }
  const point = at
  if (point === start || (point > start + 1 && bytes[start] === ZERO)) return NONE
  let fraction = 0
  let count = 0
  if (digit === POINT_XOR_ZERO) {
    do at++
    while ((bytes[at]! ^ ZERO) <= 9)
    if (at === point + 1 || at > point + 1 + PLACES_MAX) return NONE
    let last = at
    while (bytes[last - 1] === ZERO) last--
    for (let i = point + 1; i < last; i++) fraction = (fraction * 10 + (bytes[i]! ^ ZERO)) | 0
    count = last - point - 1
  }
  if (bytes[at] !== QUOTE) return NONE
  if (point > start + PART_DIGITS_MAX || count > PART_DIGITS_MAX) {
    return scanLong(bytes, start, point, at, count, digits, places, row)
  }
  const value = whole * POWERS[count]! + fraction
  digits[row] = value <= Number.MAX_SAFE_INTEGER ? value : Number.NaN
  places[row] = count
  return at + 1
}

/** The same for digits known to be some, up to a quote at `end`: `point` is behind the whole ones, `count` the places. */
function scanLong(
  bytes: Uint8Array,
  start: number,
  point: number,
  end: number,
  count: number,
  digits: Float64Array,
  places: Uint8Array,
  row: number,
): number {
  if (point - start > INTEGER_DIGITS_MAX) return NONE
  let value = 0
  // A sum that has once left the safe integers never comes back below them.
  for (let i = start; i < point; i++) value = value * 10 + (bytes[i]! ^ ZERO)
  for (let i = point + 1; i <= point + count; i++) value = value * 10 + (bytes[i]! ^ ZERO)
  digits[row] = value <= Number.MAX_SAFE_INTEGER ? value : Number.NaN
  places[row] = count
  return end + 1
}

/** Where the row's bracket should be, behind so many more strings of digits. */
function skipColumns(bytes: Uint8Array, at: number, columns: number): number {
  for (let column = 0; column < columns; column++) {
    if (bytes[at] !== COMMA || bytes[at + 1] !== QUOTE) return NONE
    const start = at + 2
    at = start
    while ((bytes[at]! ^ ZERO) <= 9) at++
    if (at === start || bytes[at] !== QUOTE) return NONE
    at++
  }
  return at
}

function slice(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', from, to)
}
