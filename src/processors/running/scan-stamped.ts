import { TIME_MS_MAX, TIME_MS_MIN } from '../../models/scalars.ts'
import type { Stamped } from '../processor.ts'

/**
 * A trade or a ticker at a glance, from text that `encodeTrade` or `encodeTicker` wrote: the two times behind its head, and
 * whether it has an end. What is between is left to whoever reads it: so the ledger counts such a record as applied, however
 * bad a price in it may be. For any other text the answer is undefined and JSON.parse with the schema decides.
 *
 * Grammar, from `at` (behind `"exchangeTimeMs":`):
 *   time ,"receivedAtMs": time , ... }
 */
export function scanStamped(
  text: string,
  at: number,
  { id, type }: { readonly id: number; readonly type: string },
  n: number,
): Stamped | undefined {
  // Some venues send tickers without a time; a trade is a moment.
  const isUnstamped = type === 'ticker' && text.startsWith(NULL, at)
  const exchangeEnd = isUnstamped ? at + NULL.length : at + TIME_DIGITS
  if (!text.startsWith(RECEIVED_AT, exchangeEnd)) return undefined
  const receivedAt = exchangeEnd + RECEIVED_AT.length
  const exchangeTimeMs = isUnstamped ? null : timeAt(text, at)
  const receivedAtMs = timeAt(text, receivedAt)
  if (exchangeTimeMs === BAD || receivedAtMs === BAD) return undefined
  if (text.charCodeAt(receivedAt + TIME_DIGITS) !== COMMA || text.charCodeAt(text.length - 1) !== BRACE) {
    return undefined
  }
  return { feed: id, timeMs: exchangeTimeMs ?? receivedAtMs, exchangeTimeMs, receivedAtMs, n }
}

const NULL = 'null'
const RECEIVED_AT = ',"receivedAtMs":'
/** Every time from 2001 to 2286 has as many; the schema allows fewer years. */
const TIME_DIGITS = 13
const BAD = -1
const ZERO_DIGIT = 48
const COMMA = 44
const BRACE = 125

function timeAt(text: string, at: number): number {
  let value = 0
  for (let i = at; i < at + TIME_DIGITS; i++) {
    const digit = text.charCodeAt(i) - ZERO_DIGIT
    // Beyond the end there is NaN, which is no digit either.
    if (!(digit >= 0 && digit <= 9)) return BAD
    value = value * 10 + digit
  }
  return value >= TIME_MS_MIN && value <= TIME_MS_MAX ? value : BAD
}
