import { INTEGER_DIGITS_MAX, PLACES_MAX } from '../../models/decimal.ts'

/**
 * Reads a Coinbase book straight from its bytes, in one pass, without making a string or a number of any level but those
 * that travel: in an eighth of the time of JSON.parse.
 *
 * It only ever says yes. What it answers is exactly what the contract in `rest.ts` says of the same bytes; a body it
 * does not know its way about in (spaces between levels, prices beyond what a double tells apart, anything wrong) it leaves
 * undefined, and the contract decides.
 */
export type ScannedSide = {
  /** JSON text of the top levels, cut from the body. */
  readonly text: string
  /** How many levels the side has in all. */
  readonly levels: number
}

export type ScannedBook = {
  readonly bids: ScannedSide
  readonly asks: ScannedSide
  /** The body's other fields, as JSON.parse reads them. */
  readonly rest: object
}

/** What stands before, between and behind the sides is some 150 bytes; a body with more is not what we know. */
const REST_BYTES_MAX = 4_096

const SIDES = ['bids', 'asks'] as const
/** Stands for a side in the text of the rest. */
const MARKS = { bids: 1, asks: 2 } as const

/** The book in `body`, sides sorted and every level checked, at most `levelsMax` levels a side kept. */
export function scanBook(body: Uint8Array, levelsMax: number): ScannedBook | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  // Every byte looked at alone follows one that is not this brace: the scanner never runs over the end.
  if (bytes.length === 0 || bytes[bytes.length - 1] !== CLOSE_BRACE) return undefined
  const found: { bids?: ScannedSide; asks?: ScannedSide } = {}
  let rest = ''
  let at = 0
  for (let i = 0; i < SIDES.length; i++) {
    const opens = openingBracket(bytes, at)
    const before = bytes.toString('latin1', at, opens)
    const side = SIDES.find((name) => before.endsWith(`"${name}":`))
    if (side === undefined) return undefined
    const levels = scanLevels(bytes, opens + 1, side === 'bids' ? -1 : 1, levelsMax)
    if (levels === undefined) return undefined
    found[side] = { text: `${bytes.toString('latin1', opens, levels.topEnd)}]`, levels: levels.count }
    rest += before + MARKS[side]
    at = levels.end
  }
  if (bytes.length - at > REST_BYTES_MAX) return undefined
  const fields = parseRest(rest + bytes.toString('latin1', at, bytes.length))
  const { bids, asks } = found
  return fields && bids && asks && { bids, asks, rest: fields }
}

/** Where the next bracket opens, or `from` itself where it is too far away: then nothing stands before it, and no side. */
function openingBracket(bytes: Buffer, from: number): number {
  const near = bytes.subarray(from, from + REST_BYTES_MAX)
  return from + Math.max(near.indexOf(OPEN_BRACKET), 0)
}

/**
 * The fields around the sides, whose place a mark holds. Where no backslash hides a quote and each side's name stands
 * but once, valid JSON with both marks at its top is only possible if the names were the top's own keys.
 */
function parseRest(text: string): object | undefined {
  if (!/^[\t\n\r\x20-\x5b\x5d-\x7e]*$/.test(text)) return undefined
  if (SIDES.some((side) => text.indexOf(`"${side}"`) !== text.lastIndexOf(`"${side}"`))) return undefined
  try {
    const fields = JSON.parse(text) as { bids?: unknown; asks?: unknown }
    return fields.bids === MARKS.bids && fields.asks === MARKS.asks ? fields : undefined
  } catch {
    return undefined
  }
}

type Levels = {
  readonly count: number
  /** Behind the last level that travels, and behind the side's closing bracket. */
  readonly topEnd: number
  readonly end: number
}

const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const CLOSE_BRACE = 0x7d
const QUOTE = 0x22
const COMMA = 0x2c
const ZERO = 0x30
/** A byte xor `ZERO` is a digit's own value, 0 to 9, and more than that for every other byte: here for two of them. */
const POINT_XOR_ZERO = 0x2e ^ ZERO
const QUOTE_XOR_ZERO = QUOTE ^ ZERO
/** What it takes to look at four bytes at once. */
const FOUR_ZEROS = 0x30303030
const FOUR_TO_HIGH_BIT = 0x76767676
const FOUR_HIGH_BITS = 0x80808080 | 0
/** Eight places and a quote. */
const EIGHT_PLACES_BYTES = 9

/** Nothing of the kind stands there. */
const NONE = -1

/** So many digits fit a 31-bit integer, which is what makes the loop fast. */
const PART_DIGITS_MAX = 9
/** Fits a safe integer, whatever the digits. */
const COUNT_DIGITS_MAX = 15
const SCALES = Array.from({ length: PART_DIGITS_MAX + 1 }, (_, places) => 10 ** (PART_DIGITS_MAX - places))

/** The levels `["64930.57","0.07705309",1],...]` from `from` on, prices rising where `sign` is 1, falling where it is -1. */
function scanLevels(bytes: Buffer, from: number, sign: 1 | -1, levelsMax: number): Levels | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const side: Side = {
    at: from,
    count: 0,
    topEnd: from,
    lastPrice: sign === 1 ? 0 : Infinity,
    isClosed: false,
  }
  while (!side.isClosed) {
    if (!scanSomeLevels(bytes, view, side, sign, Math.max(levelsMax - side.count, 0))) return undefined
  }
  // Bids fall, so the last is the least: above zero, and all are.
  return side.lastPrice > 0 ? { count: side.count, topEnd: side.topEnd, end: side.at } : undefined
}

type Side = { at: number; count: number; topEnd: number; lastPrice: number; isClosed: boolean }

/** A loop that is entered often is compiled whole; one that runs for a millisecond is left again by the interpreter. */
const LEVELS_AT_ONCE = 256

/** Reads on for `LEVELS_AT_ONCE` levels or to the side's end; false where something is amiss. */
function scanSomeLevels(bytes: Buffer, view: DataView, side: Side, sign: 1 | -1, topMax: number): boolean {
  let { at, lastPrice } = side
  let count = 0
  let isClosed = false
  while (count < LEVELS_AT_ONCE && !isClosed) {
    if (bytes[at] !== OPEN_BRACKET || bytes[at + 1] !== QUOTE) return false
    at = scanPrice(bytes, at + 2)
    if (at === NONE || bytes[at] !== COMMA || bytes[at + 1] !== QUOTE) return false
    const price = scannedPrice[0]!
    if ((price - lastPrice) * sign <= 0) return false
    lastPrice = price
    at = scanSize(bytes, view, at + 2)
    if (at === NONE || bytes[at] !== COMMA) return false
    at = scanCount(bytes, at + 1)
    if (at === NONE) return false
    count++
    if (count <= topMax) side.topEnd = at
    isClosed = bytes[at] === CLOSE_BRACKET
    if (!isClosed && bytes[at] !== COMMA) return false
    at++
  }
  side.at = at
  side.lastPrice = lastPrice
  side.count += count
  side.isClosed = isClosed
  return true
}

/** What `scanPrice` has read. An array of one, because a double in it is written without making an object. */
const scannedPrice = new Float64Array(1)

/**
 * Where a price that begins at `at` ends, its quote included, or `NONE`. Its double may be a rounded one: that never
 * puts two prices in the wrong order, and two that it makes equal are no longer in order and left to the contract.
 */
function scanPrice(bytes: Buffer, at: number): number {
  const start = at
  let whole = 0
  let digit = bytes[at]! ^ ZERO
  while (digit <= 9) {
    whole = (whole * 10 + digit) | 0
    digit = bytes[++at]! ^ ZERO
  }
  const digits = at - start
  if (digits === 0 || digits > PART_DIGITS_MAX || (digits > 1 && bytes[start] === ZERO)) return NONE
  scannedPrice[0] = whole
  if (digit === POINT_XOR_ZERO) {
    const point = at
    let fraction = 0
    digit = bytes[++at]! ^ ZERO
    while (digit <= 9) {
      fraction = (fraction * 10 + digit) | 0
      digit = bytes[++at]! ^ ZERO
    }
    const places = at - point - 1
    if (places === 0 || places > PART_DIGITS_MAX) return NONE
    scannedPrice[0] = whole + fraction * SCALES[places]! * 1e-9
  }
  return digit === QUOTE_XOR_ZERO ? at + 1 : NONE
}

/** Where a size that begins at `at` ends, its quote included, or `NONE`. Its value is not needed, but it has one. */
function scanSize(bytes: Buffer, view: DataView, at: number): number {
  const start = at
  let anyDigit = 0
  let digit = bytes[at]! ^ ZERO
  while (digit <= 9) {
    anyDigit |= digit
    digit = bytes[++at]! ^ ZERO
  }
  const digits = at - start
  if (digits === 0 || digits > INTEGER_DIGITS_MAX || (digits > 1 && bytes[start] === ZERO)) return NONE
  if (digit === POINT_XOR_ZERO) return scanPlaces(bytes, view, at + 1, anyDigit)
  return anyDigit !== 0 && digit === QUOTE_XOR_ZERO ? at + 1 : NONE
}

/**
 * The places of a size, from behind its point on. Most are up to eight with no zero at the end: how many, which nothing
 * foretells, is found without branching.
 */
function scanPlaces(bytes: Buffer, view: DataView, at: number, anyDigit: number): number {
  if (at + EIGHT_PLACES_BYTES <= view.byteLength) {
    const first = leadingDigits(view, at)
    const quote = at + first + (leadingDigits(view, at + 4) & -(first >> 2))
    if (bytes[quote] === QUOTE && bytes[quote - 1]! > ZERO) return quote + 1
  }
  return scanManyPlaces(bytes, at, anyDigit)
}

/** How many of the four bytes at `at` are digits, before the first that is none. */
function leadingDigits(view: DataView, at: number): number {
  const digits = view.getInt32(at, true) ^ FOUR_ZEROS
  // The high bit of every byte that is above nine; a carry can only touch bytes behind the first of those.
  const others = ((digits + FOUR_TO_HIGH_BIT) | digits) & FOUR_HIGH_BITS
  return (32 - Math.clz32((others - 1) & ~others)) >> 3
}

function scanManyPlaces(bytes: Buffer, at: number, anyDigit: number): number {
  const start = at
  let digit = bytes[at]! ^ ZERO
  while (digit <= 9) {
    anyDigit |= digit
    digit = bytes[++at]! ^ ZERO
  }
  const places = at - start
  if (places === 0 || places > PLACES_MAX || anyDigit === 0) return NONE
  return digit === QUOTE_XOR_ZERO ? at + 1 : NONE
}

/** Where an order count that begins at `at` ends, its level's bracket included, or `NONE`. */
function scanCount(bytes: Buffer, at: number): number {
  const start = at
  if (bytes[at] === ZERO) return NONE
  while ((bytes[at]! ^ ZERO) <= 9) at++
  const digits = at - start
  return digits > 0 && digits <= COUNT_DIGITS_MAX && bytes[at] === CLOSE_BRACKET ? at + 1 : NONE
}
