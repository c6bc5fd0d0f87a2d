import { isPositiveDecimal } from '../../models/decimal.ts'
import { TIME_MS_MAX, TIME_MS_MIN } from '../../models/scalars.ts'
import type { Levels } from '../levels.ts'
import { type BookDelta, type BookSnapshot, NO_NUMBER, type WireTrade } from '../venue.ts'

/**
 * Reads what Binance sends most straight from its bytes, in the one order of keys that the venue writes, without spaces:
 *
 *     {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1732199471000,"s":"BTCUSDT","U":157,"u":160,"b":[...],"a":[...]}}
 *     {"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1732199471000,"s":"BTCUSDT","a":26129,"p":"0.01","q":"4.7","f":100,"l":105,"T":1732199470998,"m":true,"M":true}}
 *     {"lastUpdateId":160,"bids":[...],"asks":[...]}
 *
 * It only ever says yes: what it answers is what the contract in `frames.ts` and `bodies.ts` says of the
 * same bytes, and whatever it does not know its way about in it leaves undefined for the contract to decide.
 */

/** Of a future's book the venue says more: `"T":<its time>` before the symbol, `"pu":<the u before>` before the rows. */
export type DepthForm = 'spot' | 'futures'

/** What was expected is not there. */
const NONE = -1
/** So many digits are always a safe integer. */
const INTEGER_DIGITS_MAX = 15
/** The longest name the scanner looks for. */
const SYMBOL_BYTES_MAX = 30

const QUOTE = 0x22
const BACKSLASH = 0x5c
const UNDERSCORE = 0x5f
const ZERO = 0x30
const CLOSE_BRACE = 0x7d
const COMMA = 0x2c
const DELETE = 0x7f

const STREAM = ascii('{"stream":"')
const DATA = ascii('"data":{"e":"')
const DEPTH_TIME = ascii('depthUpdate","E":')
const TRADE_TIME = ascii('aggTrade","E":')
const MATCHED = ascii(',"T":')
const SYMBOL = ascii(',"s":"')
const FIRST = ascii(',"U":')
const LAST = ascii(',"u":')
const PREVIOUS = ascii(',"pu":')
const BIDS = ascii(',"b":')
const ASKS = ascii(',"a":')
const END = ascii('}}')
const PRICE = ascii(',"p":"')
const SIZE = ascii(',"q":"')
const FIRST_FILL = ascii(',"f":')
const LAST_FILL = ascii(',"l":')
const MAKER = ascii(',"m":')
const TRUE = ascii('true')
const FALSE = ascii('false')
const BEST_MATCH = ascii(',"M":')
const SNAPSHOT = ascii('{"lastUpdateId":')
const EVENT_TIME = ascii(',"E":')
const ALL_BIDS = ascii(',"bids":')
const ALL_ASKS = ascii(',"asks":')

/** What `scanInteger` and `scanSymbol` have read: doubles in an array are written without making objects. */
const numbers = new Float64Array(4)
let symbolRead = ''

/** The change in a depth frame, its rows put to `levels`. Its time has not been held against our clock yet. */
export function scanDepth(frame: Uint8Array, levels: Levels, form: DepthForm): BookDelta | undefined {
  const from = levels.length
  const isFutures = form === 'futures'
  let at = skipTo(frame, DEPTH_TIME)
  at = scanInteger(frame, at, 0)
  if (isFutures) at = scanInteger(frame, skip(frame, at, MATCHED), 3)
  at = scanSymbol(frame, skip(frame, at, SYMBOL))
  at = scanInteger(frame, skip(frame, at, FIRST), 1)
  at = scanInteger(frame, skip(frame, at, LAST), 2)
  if (isFutures) at = scanInteger(frame, skip(frame, at, PREVIOUS), 3)
  at = skip(frame, at, BIDS)
  const exchangeTimeMs = numbers[0]!
  const first = numbers[1]!
  const last = numbers[2]!
  if (at === NONE || !isTime(exchangeTimeMs) || first > last) return undefined
  at = levels.scanRows(frame, at, 'bid')
  at = skip(frame, at, ASKS)
  if (at !== NONE) at = levels.scanRows(frame, at, 'ask')
  if (skip(frame, at, END) !== frame.length) {
    levels.cutBack(from)
    return undefined
  }
  const previous = isFutures ? numbers[3]! : NO_NUMBER
  return {
    type: 'delta',
    symbol: symbolRead,
    first,
    last,
    previous,
    exchangeTimeMs,
    from,
    to: levels.length,
  }
}

/** The trade in an aggTrade frame. Its time has not been held against our clock yet. */
export function scanAggTrade(frame: Uint8Array): WireTrade | undefined {
  let at = skipTo(frame, TRADE_TIME)
  at = scanInteger(frame, at, 0)
  at = scanSymbol(frame, skip(frame, at, SYMBOL))
  at = scanInteger(frame, skip(frame, at, ASKS), 1)
  const priceFrom = skip(frame, at, PRICE)
  const priceEnd = decimalEnd(frame, priceFrom)
  const sizeFrom = skip(frame, priceEnd, SIZE)
  const sizeEnd = decimalEnd(frame, sizeFrom)
  at = scanInteger(frame, skip(frame, sizeEnd, FIRST_FILL), 2)
  at = scanInteger(frame, skip(frame, at, LAST_FILL), 3)
  const fills = numbers[3]! - numbers[2]! + 1
  at = scanInteger(frame, skip(frame, at, MATCHED), 0)
  at = skip(frame, at, MAKER)
  const isSell = skip(frame, at, TRUE) !== NONE
  at = skip(frame, at, isSell ? TRUE : FALSE)
  if (at === NONE) return undefined
  const more = skip(frame, at, BEST_MATCH)
  if (more !== NONE) at = Math.max(skip(frame, more, TRUE), skip(frame, more, FALSE))
  const exchangeTimeMs = numbers[0]!
  if (skip(frame, at, END) !== frame.length || fills < 1 || !isTime(exchangeTimeMs)) return undefined
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
  const price = bytes.toString('latin1', priceFrom, priceEnd - 1)
  const size = bytes.toString('latin1', sizeFrom, sizeEnd - 1)
  if (!isPositiveDecimal(price) || !isPositiveDecimal(size)) return undefined
  const side = isSell ? 'sell' : 'buy'
  return {
    type: 'trade',
    symbol: symbolRead,
    id: String(numbers[1]),
    price,
    size,
    side,
    fills,
    exchangeTimeMs,
  }
}

/** A book that was asked for: its number, its time where a future's book has one, and its rows, put to `levels`. */
export function scanSnapshot(
  body: Uint8Array,
  levels: Levels,
  form: DepthForm,
): Omit<BookSnapshot, 'symbol' | 'whole'> | undefined {
  const from = levels.length
  let at = scanInteger(body, skip(body, 0, SNAPSHOT), 0)
  if (form === 'futures') {
    at = scanInteger(body, skip(body, at, EVENT_TIME), 1)
    at = scanInteger(body, skip(body, at, MATCHED), 2)
  }
  const exchangeTimeMs = form === 'futures' ? numbers[1]! : null
  at = skip(body, at, ALL_BIDS)
  if (at === NONE || (exchangeTimeMs !== null && !isTime(exchangeTimeMs))) return undefined
  const last = numbers[0]!
  at = levels.scanRows(body, at, 'bid')
  at = skip(body, at, ALL_ASKS)
  if (at !== NONE) at = levels.scanRows(body, at, 'ask')
  if (at === NONE || body[at] !== CLOSE_BRACE || at + 1 !== body.length) {
    levels.cutBack(from)
    return undefined
  }
  return { type: 'snapshot', last, exchangeTimeMs, from, to: levels.length }
}

/** Behind the stream's name, whatever it is, and `event`, or `NONE`. */
function skipTo(bytes: Uint8Array, event: Uint8Array): number {
  let at = skip(bytes, 0, STREAM)
  if (at === NONE) return NONE
  let byte = bytes[at]!
  while (byte > QUOTE && byte < DELETE && byte !== BACKSLASH) byte = bytes[++at]!
  if (byte !== QUOTE || bytes[at + 1] !== COMMA) return NONE
  return skip(bytes, skip(bytes, at + 2, DATA), event)
}

/** Behind `text` if it stands at `at`, or `NONE`; nothing stands at `NONE`. */
function skip(bytes: Uint8Array, at: number, text: Uint8Array): number {
  if (at === NONE || at + text.length > bytes.length) return NONE
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return NONE
  return at + text.length
}

/** Reads the JSON integer at `at` into a place of `numbers`. Answers where it ends, or `NONE`. */
function scanInteger(bytes: Uint8Array, at: number, place: number): number {
  if (at === NONE) return NONE
  const start = at
  let value = 0
  let digit = bytes[at]! ^ ZERO
  while (digit <= 9) {
    value = value * 10 + digit
    digit = bytes[++at]! ^ ZERO
  }
  const digits = at - start
  if (digits === 0 || digits > INTEGER_DIGITS_MAX || (digits > 1 && bytes[start] === ZERO)) return NONE
  numbers[place] = value
  return at
}

/** Reads a name of capital letters, digits and underscores. Answers where it ends, its quote included, or `NONE`. */
function scanSymbol(bytes: Uint8Array, at: number): number {
  if (at === NONE) return NONE
  const start = at
  let hash = 0
  let byte = bytes[at]!
  while (isNameByte(byte)) {
    hash = (hash * 31 + byte) | 0
    byte = bytes[++at]!
  }
  if (byte !== QUOTE || at === start || at - start > SYMBOL_BYTES_MAX) return NONE
  symbolRead = known(bytes, start, at, hash & (KNOWN_MAX - 1))
  return at + 1
}

function isNameByte(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x30 && byte <= 0x39) || byte === UNDERSCORE
}

/** Names that were read before, so that no string is made for them again: more than the venue has products. */
const KNOWN_MAX = 4_096
const knownNames: string[] = new Array<string>(KNOWN_MAX).fill('')

function known(bytes: Uint8Array, from: number, to: number, place: number): string {
  const name = knownNames[place]!
  if (name.length === to - from && standsAt(bytes, from, name)) return name
  const read = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', from, to)
  knownNames[place] = read
  return read
}

function standsAt(bytes: Uint8Array, from: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[from + i] !== name.charCodeAt(i)) return false
  return true
}

/** Where the digits and points from `at` on end, the quote behind them included, or `NONE`. */
function decimalEnd(bytes: Uint8Array, at: number): number {
  if (at === NONE) return NONE
  let byte = bytes[at]!
  while (byte >= 0x2e && byte <= 0x39) byte = bytes[++at]!
  return byte === QUOTE ? at + 1 : NONE
}

function isTime(timeMs: number): boolean {
  return timeMs >= TIME_MS_MIN && timeMs <= TIME_MS_MAX
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
