import { add, type Decimal, decimalOf, half, subtract } from '../../models/decimal.ts'
import { BOOK_LEVELS_MAX, BOOK_STATES, type BookState } from '../../models/product-book.ts'
import { TIME_MS_MAX, TIME_MS_MIN } from '../../models/scalars.ts'
import type { BookTop } from '../processor.ts'

/**
 * From the text of a book record straight to what processors need of it: every level is checked as the schema checks it,
 * only the best ones are built. The text must be in the one form that `encodeBook` writes; for anything else the answer
 * is undefined and JSON.parse with the schema decides. It never accepts what the schema would not.
 *
 * Grammar, from `at` (behind `"sequence":`):
 *   sequence ,"exchangeTimeMs": time ,"receivedAtMs": time ,"state":"..." ,"bids": levels ,"asks": levels
 *   ,"bidLevels": count ,"askLevels": count ,"since":null}
 */
export function scanBook(text: string, at: number, feed: number, n: number): BookTop | undefined {
  const scanner = SCANNER
  scanner.text = text
  scanner.at = at
  const sequence = scanner.integerOrNull()
  if (!scanner.word(',"exchangeTimeMs":')) return undefined
  const exchangeTimeMs = scanner.integerOrNull()
  if (!scanner.word(',"receivedAtMs":')) return undefined
  const receivedAtMs = scanner.integer()
  if (!scanner.word(',"state":"')) return undefined
  const state = scanner.state()
  if (state === undefined || !scanner.word(',"bids":')) return undefined
  if (!scanner.levels()) return undefined
  const bid = scanner.price
  const bidSize = scanner.size
  if (!scanner.word(',"asks":') || !scanner.levels()) return undefined
  const ask = scanner.price
  const askSize = scanner.size
  if (!scanner.word(',"bidLevels":')) return undefined
  const bidLevels = scanner.integer()
  if (!scanner.word(',"askLevels":')) return undefined
  const askLevels = scanner.integer()
  if (!scanner.word(',"since":null}') || scanner.at !== text.length) return undefined
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
    since: null,
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

function isTime(timeMs: number): boolean {
  return timeMs >= TIME_MS_MIN && timeMs <= TIME_MS_MAX
}

class Scanner {
  text = ''
  at = 0
  /** The best level of the side that was scanned last. */
  price: Decimal = { units: 0, scale: 0 }
  size: Decimal = { units: 0, scale: 0 }

  word(expected: string): boolean {
    if (!this.text.startsWith(expected, this.at)) return false
    this.at += expected.length
    return true
  }

  /** A non-negative integer below 10^15 without leading zeros, or BAD. */
  integer(): number {
    const { text } = this
    let at = this.at
    const start = at
    let value = 0
    let code = text.charCodeAt(at)
    while (code >= ZERO_DIGIT && code <= NINE) {
      value = value * 10 + code - ZERO_DIGIT
      code = text.charCodeAt(++at)
    }
    const digits = at - start
    this.at = at
    if (digits === 0 || digits > 15 || (digits > 1 && text.charCodeAt(start) === ZERO_DIGIT)) return BAD
    return value
  }

  integerOrNull(): number | null {
    return this.word('null') ? null : this.integer()
  }

  state(): BookState | undefined {
    for (const state of BOOK_STATES) {
      if (this.text.startsWith(state, this.at) && this.text.charCodeAt(this.at + state.length) === QUOTE) {
        this.at += state.length + 1
        return state
      }
    }
    return undefined
  }

  /** One side, `[["price","size",orders],...]`; leaves its first level in `price` and `size`. */
  levels(): boolean {
    const { text } = this
    let at = this.at
    if (text.charCodeAt(at) !== OPEN) return false
    let levels = 0
    do {
      if (text.charCodeAt(at + 1) !== OPEN || text.charCodeAt(at + 2) !== QUOTE) return false
      const priceAt = at + 3
      const priceEnd = decimalEnd(text, priceAt)
      if (
        priceEnd === BAD ||
        text.charCodeAt(priceEnd + 1) !== COMMA ||
        text.charCodeAt(priceEnd + 2) !== QUOTE
      )
        return false
      const sizeAt = priceEnd + 3
      const sizeEnd = decimalEnd(text, sizeAt)
      if (sizeEnd === BAD || text.charCodeAt(sizeEnd + 1) !== COMMA) return false
      const end = ordersEnd(text, sizeEnd + 2)
      if (end === BAD) return false
      if (levels === 0) {
        this.price = decimalBetween(text, priceAt, priceEnd)
        this.size = decimalBetween(text, sizeAt, sizeEnd)
      }
      levels++
      at = end + 1
    } while (text.charCodeAt(at) === COMMA)
    if (text.charCodeAt(at) !== CLOSE || levels > BOOK_LEVELS_MAX) return false
    this.at = at + 1
    return true
  }
}

/** One scanner for all: decoding never waits, so it is never used twice at once. */
const SCANNER = new Scanner()

/** Where the quote behind a positive decimal stands, or BAD where there is no such decimal at `start`. */
function decimalEnd(text: string, start: number): number {
  let at = start
  let code = text.charCodeAt(at)
  let nonZero = 0
  if (code === ZERO_DIGIT) {
    code = text.charCodeAt(++at)
  } else {
    while (code >= ZERO_DIGIT && code <= NINE) code = text.charCodeAt(++at)
    nonZero = 1
    const digits = at - start
    if (digits === 0 || digits > 20) return BAD
  }
  if (code === POINT) {
    const point = at
    code = text.charCodeAt(++at)
    while (code >= ZERO_DIGIT && code <= NINE) {
      nonZero |= code ^ ZERO_DIGIT
      code = text.charCodeAt(++at)
    }
    const places = at - point - 1
    if (places === 0 || places > 18) return BAD
  }
  return code === QUOTE && nonZero !== 0 ? at : BAD
}

/** Where the bracket behind an order count or null stands, or BAD. */
function ordersEnd(text: string, start: number): number {
  let at = start
  let code = text.charCodeAt(at)
  if (code === ZERO_DIGIT) return BAD
  while (code >= ZERO_DIGIT && code <= NINE) code = text.charCodeAt(++at)
  if (at === start && text.startsWith('null', at)) {
    at += 4
    code = text.charCodeAt(at)
  }
  const length = at - start
  return length > 0 && length <= 15 && code === CLOSE ? at : BAD
}

function decimalBetween(text: string, start: number, end: number): Decimal {
  if (end - start > 16) return decimalOf(text.slice(start, end))
  let units = 0
  let point = end
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === POINT) point = at
    else units = units * 10 + code - ZERO_DIGIT
  }
  return Number.isSafeInteger(units)
    ? { units, scale: point === end ? 0 : end - point - 1 }
    : decimalOf(text.slice(start, end))
}
