import { add, type Decimal, decimalOf, half, subtract } from '../../models/decimal.ts'
import { BOOK_LEVELS_MAX, BOOK_STATES, type BookState } from '../../models/product-book.ts'
import { SIZE_UNIT_PATTERN, TIME_MS_MAX, TIME_MS_MIN } from '../../models/scalars.ts'
import type { BookTop, SinceTop } from '../processor.ts'

/** How a text begins that was compared already: its length in characters and, as UTF-8, in bytes. */
export type Head = { readonly length: number; readonly bytes: number }

/**
 * From the text of a book record straight to what processors need of it: every level is checked as the schema checks it,
 * only the best ones are built. The text must be in the one form that `encodeBook` writes; for anything else the answer
 * is undefined and JSON.parse with the schema decides. It never accepts what the schema would not.
 *
 * Grammar, behind the head (which ends in `"sequence":`):
 *   sequence ,"exchangeTimeMs": time ,"receivedAtMs": time ,"state":"..." ,"bids": levels ,"asks": levels
 *   ,"bidLevels": count ,"askLevels": count ,"since": null or extremes [,"unit":"..."] }
 *   extremes: {"updates": count ,"bidMax":"..." ,"bidMaxAtMs": time ,"askMin":"..." ,"askMinAtMs": time
 *   ,"spreadMax":"..." ,"spreadMaxBid":"..." ,"spreadMaxAtMs": time }
 */
export function scanBook(text: string, head: Head, feed: number, n: number): BookTop | undefined {
  const scanner = SCANNER
  if (!scanner.take(text, head)) return undefined
  const sequence = scanner.integerOrNull()
  if (!scanner.word(EXCHANGE_TIME)) return undefined
  const exchangeTimeMs = scanner.integerOrNull()
  if (!scanner.word(RECEIVED_AT)) return undefined
  const receivedAtMs = scanner.integer()
  if (!scanner.word(STATE)) return undefined
  const state = scanner.state()
  if (state === undefined || !scanner.word(BIDS)) return undefined
  if (!scanner.levels()) return undefined
  const bid = scanner.price
  const bidSize = scanner.size
  if (!scanner.word(ASKS) || !scanner.levels()) return undefined
  const ask = scanner.price
  const askSize = scanner.size
  if (!scanner.word(BID_LEVELS)) return undefined
  const bidLevels = scanner.integer()
  if (!scanner.word(ASK_LEVELS)) return undefined
  const askLevels = scanner.integer()
  if (!scanner.word(SINCE)) return undefined
  const since = scanner.word(NULL) ? null : scanner.since()
  if (since === undefined) return undefined
  const unit = scanner.word(UNIT) ? scanner.unit() : null
  if (unit === undefined || !scanner.isAtEnd()) return undefined
  if (sequence === BAD || !isTime(receivedAtMs) || bidLevels < 1 || askLevels < 1) return undefined
  if (exchangeTimeMs !== null && !isTime(exchangeTimeMs)) return undefined
  return {
    feed,
    timeMs: exchangeTimeMs ?? receivedAtMs,
    exchangeTimeMs,
    receivedAtMs,
    sequence,
    n,
    state,
    bid,
    bidSize,
    ask,
    askSize,
    spread: subtract(ask, bid),
    mid: half(add(bid, ask)),
    bidLevels,
    askLevels,
    since,
    unit,
  }
}

/** What `integer` answers where there is none: no count, sequence or time is below zero. */
const BAD = -1
const QUOTE = 34
const COMMA = 44
const POINT = 46
const ZERO_DIGIT = 48
const NINE = 57
const OPEN = 91
const CLOSE = 93
const BRACE = 125

function isTime(timeMs: number): boolean {
  return timeMs >= TIME_MS_MIN && timeMs <= TIME_MS_MAX
}

/** Longer records take the slow way. */
const BYTES_MAX = 256 * 1024
/**
 * The record's text as bytes, a zero behind it: reading an indexed byte takes less than half the time of a character of a string. One for all:
 * decoding never waits, so it is never used twice at once.
 */
const bytes = new Uint8Array(BYTES_MAX + 1)
const encoder = new TextEncoder()

const wordOf = (text: string): Uint8Array => encoder.encode(text)
const EXCHANGE_TIME = wordOf(',"exchangeTimeMs":')
const RECEIVED_AT = wordOf(',"receivedAtMs":')
const STATE = wordOf(',"state":"')
const BIDS = wordOf(',"bids":')
const ASKS = wordOf(',"asks":')
const BID_LEVELS = wordOf(',"bidLevels":')
const ASK_LEVELS = wordOf(',"askLevels":')
const SINCE = wordOf(',"since":')
const UPDATES = wordOf('{"updates":')
const BID_MAX = wordOf(',"bidMax":"')
const BID_MAX_AT = wordOf('"bidMaxAtMs":')
const ASK_MIN = wordOf(',"askMin":"')
const ASK_MIN_AT = wordOf('"askMinAtMs":')
const SPREAD_MAX = wordOf(',"spreadMax":"')
const SPREAD_MAX_BID = wordOf('"spreadMaxBid":"')
const SPREAD_MAX_AT = wordOf('"spreadMaxAtMs":')
const UNIT = wordOf(',"unit":"')
const NULL = wordOf('null')
const STATES = BOOK_STATES.map((state) => [wordOf(`${state}"`), state] as const)

class Scanner {
  text = ''
  /** The next byte. */
  at = 0
  /** Behind the head, so many bytes on is the character of a byte. */
  ahead = 0
  end = 0
  /** The best level of the side that was scanned last. */
  price: Decimal = { units: 0, scale: 0 }
  size: Decimal = { units: 0, scale: 0 }

  /** Begins behind `head`. Answers false where the text is too long or, from there on, not plain ASCII: bytes are characters. */
  take(text: string, head: Head): boolean {
    if (text.length > BYTES_MAX) return false
    const { written } = encoder.encodeInto(text, bytes)
    this.ahead = head.bytes - head.length
    if (written !== text.length + this.ahead) return false
    bytes[written] = 0
    this.text = text
    this.at = head.bytes
    this.end = written
    return true
  }

  /** Whether a brace closes the text here. */
  isAtEnd(): boolean {
    return bytes[this.at]! === BRACE && this.at + 1 === this.end
  }

  word(expected: Uint8Array): boolean {
    if (!isWord(expected, this.at)) return false
    this.at += expected.length
    return true
  }

  /** A non-negative integer below 10^15 without leading zeros, or BAD. */
  integer(): number {
    let at = this.at
    const start = at
    let value = 0
    let code = bytes[at]!
    while (code >= ZERO_DIGIT && code <= NINE) {
      value = value * 10 + code - ZERO_DIGIT
      code = bytes[++at]!
    }
    const digits = at - start
    this.at = at
    if (digits === 0 || digits > 15 || (digits > 1 && bytes[start]! === ZERO_DIGIT)) return BAD
    return value
  }

  integerOrNull(): number | null {
    return this.word(NULL) ? null : this.integer()
  }

  state(): BookState | undefined {
    for (const [word, state] of STATES) if (this.word(word)) return state
    return undefined
  }

  /** One side, `[["price","size",orders],...]`; leaves its first level in `price` and `size`. */
  levels(): boolean {
    let at = this.at
    if (bytes[at]! !== OPEN) return false
    let levels = 0
    do {
      if (bytes[at + 1]! !== OPEN || bytes[at + 2]! !== QUOTE) return false
      const priceAt = at + 3
      const priceEnd = decimalEnd(priceAt)
      if (priceEnd === BAD || bytes[priceEnd + 1]! !== COMMA || bytes[priceEnd + 2]! !== QUOTE) return false
      const sizeAt = priceEnd + 3
      const sizeEnd = decimalEnd(sizeAt)
      if (sizeEnd === BAD || bytes[sizeEnd + 1]! !== COMMA) return false
      const end = ordersEnd(sizeEnd + 2)
      if (end === BAD) return false
      if (levels === 0) {
        this.price = this.decimal(priceAt, priceEnd)
        this.size = this.decimal(sizeAt, sizeEnd)
      }
      levels++
      at = end + 1
    } while (bytes[at]! === COMMA)
    if (bytes[at]! !== CLOSE || levels > BOOK_LEVELS_MAX) return false
    this.at = at + 1
    return true
  }

  /** What the updates did that the book stands for, or undefined where it is not that. */
  since(): SinceTop | undefined {
    if (!this.word(UPDATES) || this.integer() < 1 || !this.word(BID_MAX)) return undefined
    const bidMax = this.decimalThen(BID_MAX_AT)
    if (bidMax === undefined) return undefined
    const bidMaxAtMs = this.integer()
    if (!this.word(ASK_MIN)) return undefined
    const askMin = this.decimalThen(ASK_MIN_AT)
    if (askMin === undefined) return undefined
    const askMinAtMs = this.integer()
    if (!this.word(SPREAD_MAX)) return undefined
    const spreadMax = this.decimalThen(SPREAD_MAX_BID)
    if (spreadMax === undefined) return undefined
    const bid = this.decimalThen(SPREAD_MAX_AT)
    if (bid === undefined) return undefined
    const spreadMaxAtMs = this.integer()
    if (bytes[this.at++]! !== BRACE) return undefined
    if (!isTime(bidMaxAtMs) || !isTime(askMinAtMs) || !isTime(spreadMaxAtMs)) return undefined
    const spreadMaxMid = add(bid, half(spreadMax))
    return { bidMax, bidMaxAtMs, askMin, askMinAtMs, spreadMax, spreadMaxMid, spreadMaxAtMs }
  }

  /** A decimal above zero whose opening quote is behind us, and what follows its closing one. */
  decimalThen(next: Uint8Array): Decimal | undefined {
    const start = this.at
    const end = decimalEnd(start)
    if (end === BAD || bytes[end + 1]! !== COMMA) return undefined
    this.at = end + 2
    return this.word(next) ? this.decimal(start, end) : undefined
  }

  unit(): string | undefined {
    const end = bytes.indexOf(QUOTE, this.at)
    const unit = this.text.slice(this.at - this.ahead, end - this.ahead)
    this.at = end + 1
    return end !== BAD && SIZE_UNIT_PATTERN.test(unit) ? unit : undefined
  }

  decimal(start: number, end: number): Decimal {
    const text = () => this.text.slice(start - this.ahead, end - this.ahead)
    if (end - start > 16) return decimalOf(text())
    let units = 0
    let point = end
    for (let at = start; at < end; at++) {
      const code = bytes[at]!
      if (code === POINT) point = at
      else units = units * 10 + code - ZERO_DIGIT
    }
    return Number.isSafeInteger(units)
      ? { units, scale: point === end ? 0 : end - point - 1 }
      : decimalOf(text())
  }
}

const SCANNER = new Scanner()

function isWord(expected: Uint8Array, at: number): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false
  return true
}

/** Where the quote behind a positive decimal stands, or BAD where there is no such decimal at `start`. */
function decimalEnd(start: number): number {
  let at = start
  let code = bytes[at]!
  let nonZero = 0
  if (code === ZERO_DIGIT) {
    code = bytes[++at]!
  } else {
    while (code >= ZERO_DIGIT && code <= NINE) code = bytes[++at]!
    nonZero = 1
    const digits = at - start
    if (digits === 0 || digits > 20) return BAD
  }
  if (code === POINT) {
    const point = at
    code = bytes[++at]!
    while (code >= ZERO_DIGIT && code <= NINE) {
      nonZero |= code ^ ZERO_DIGIT
      code = bytes[++at]!
    }
    const places = at - point - 1
    if (places === 0 || places > 18) return BAD
  }
  return code === QUOTE && nonZero !== 0 ? at : BAD
}

/** Where the bracket behind an order count or null stands, or BAD. */
function ordersEnd(start: number): number {
  let at = start
  let code = bytes[at]!
  if (code === ZERO_DIGIT) return BAD
  while (code >= ZERO_DIGIT && code <= NINE) code = bytes[++at]!
  if (at === start && isWord(NULL, at)) {
    at += NULL.length
    code = bytes[at]!
  }
  const length = at - start
  return length > 0 && length <= 15 && code === CLOSE ? at : BAD
}
