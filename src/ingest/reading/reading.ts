import type { z } from 'zod'
import { DECIMAL_PATTERN } from '../../models/decimal.ts'
import type { Refusal } from '../../models/rejection.ts'
import type { FeedKind } from '../../models/topics.ts'
import type { Rejected, WireEvent } from '../venue.ts'

/** What parsers of venues have in common: how JSON is read to its last digit, and how they say no. */

/** What is stamped further ahead of our own clock than this is not late news but a wrong clock. */
const FUTURE_MS_MAX = 60_000
/** Of what the venue or the JSON parser says, so much is worth a line in a report. */
const MESSAGE_CHARS_MAX = 200
/** Twice what our decimals may have, and an exponent: whoever writes more does not write a price. */
const NUMBER_CHARS_MAX = 80
/** Of a list in which so much is wrong nothing more is read: what is wrong is slow to read, and this much takes 10 ms. */
const FAULTS_MAX = 1_000
/** Decimals of up to 15 digits are all told apart by a double: what was written is had back from it. */
const DOUBLE_DIGITS_MAX = 15

export type ReadJson = { readonly json: unknown } | { readonly refusal: Refusal }

/** What the bytes say, or that they are no JSON. */
export function readJson(bytes: Uint8Array): ReadJson {
  return readBy(bytes, (text) => JSON.parse(text))
}

/**
 * The same where prices and sizes are JSON numbers: those that a double would round come as their text, for
 * `plainDecimal` to read. (Integers of so many digits become texts as well: they are no integers to a schema.)
 */
export function readExactJson(bytes: Uint8Array): ReadJson {
  return readBy(bytes, (text) => {
    const json: unknown = JSON.parse(text)
    return LONG_NUMBER.test(text) ? JSON.parse(text.replace(STRING_OR_NUMBER, quoteLong)) : json
  })
}

function readBy(bytes: Uint8Array, parse: (text: string) => unknown): ReadJson {
  try {
    return { json: parse(utf8.decode(bytes)) }
  } catch (error) {
    return { refusal: refusal('malformed-json', '', error instanceof Error ? error.message : String(error)) }
  }
}

/** A byte order mark is no JSON, so it must not be swallowed here. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const LONG_NUMBER = new RegExp(`[\\d.]{${DOUBLE_DIGITS_MAX + 1}}`)
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g

function quoteLong(token: string): string {
  return token.startsWith('"') || token.length <= DOUBLE_DIGITS_MAX ? token : `"${token}"`
}

/** The decimal in plain notation that `2.0e3` or `1e-7` stands for; undefined beyond the bounds of our decimals. */
export function plainDecimal(value: number | string): string | undefined {
  const text = String(value)
  if (text.length > NUMBER_CHARS_MAX) return undefined
  if (DECIMAL_PATTERN.test(text)) return text
  const parts = /^(-?)(\d+)(?:\.(\d+))?[eE]([+-]?\d{1,3})$/.exec(text)
  if (parts === null) return undefined
  const [, sign, whole, fraction = '', exponent] = parts as unknown as string[]
  const plain = `${sign}${shifted(whole!, fraction, Number(exponent))}`
  return DECIMAL_PATTERN.test(plain) ? plain : undefined
}

/** `whole.fraction` with its point moved to the right, or to the left where `by` is negative. */
function shifted(whole: string, fraction: string, by: number): string {
  const digits = '0'.repeat(Math.max(0, -by)) + whole + fraction + '0'.repeat(Math.max(0, by))
  const point = Math.max(0, -by) + whole.length + by
  const places = digits.slice(point).replace(/0+$/, '')
  return digits.slice(0, point).replace(/^0+(?=\d)/, '') + (places === '' ? '' : `.${places}`)
}

/** What a schema says first, and where: `data.b[17][0]` of ['data', 'b', 17, 0]. */
export function schemaFault(error: z.ZodError, within: readonly PropertyKey[] = []): Refusal {
  const issue = error.issues[0]!
  return wrongShape([...within, ...issue.path], issue.message)
}

export function wrongShape(path: readonly PropertyKey[], message: string): Refusal {
  const text = path.map((key, i) =>
    typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${String(key)}`,
  )
  return refusal('wrong-shape', text.join(''), message)
}

/** A refusal where `timeMs` is too far ahead of `receivedAtMs`. */
export function futureFault(
  timeMs: number,
  receivedAtMs: number,
  path: readonly PropertyKey[],
): Refusal | undefined {
  const aheadMs = timeMs - receivedAtMs
  if (aheadMs <= FUTURE_MS_MAX) return undefined
  return { ...wrongShape(path, `${aheadMs} ms ahead of our clock`), kind: 'future-time' }
}

export function rejected(
  refusal: Refusal,
  about: { readonly symbol?: string; readonly kind?: FeedKind } = {},
): Rejected {
  return { type: 'rejected', refusal, ...about }
}

/**
 * What the items of a list say, in their order, and of those that cannot be used the first behind it: a frame is rejected
 * once, however much is wrong with it. `eventOf` may leave nothing of an item.
 */
export function eventsOfList(
  items: readonly unknown[],
  eventOf: (item: unknown, i: number) => WireEvent | undefined,
): WireEvent[] {
  const events: WireEvent[] = []
  let first: WireEvent | undefined
  let faults = 0
  for (let i = 0; i < items.length && faults < FAULTS_MAX; i++) {
    const event = eventOf(items[i], i)
    if (event?.type !== 'rejected') {
      if (event !== undefined) events.push(event)
      continue
    }
    first ??= event
    faults++
  }
  return first === undefined ? events : [...events, first]
}

function refusal(kind: Refusal['kind'], path: string, message: string): Refusal {
  return { kind, path, message: onOneLine(message) }
}

/** What the venue said, as one line of a report. */
export function onOneLine(text: string): string {
  const line = text.slice(0, MESSAGE_CHARS_MAX).replace(/\p{C}/gu, ' ')
  return text.length > MESSAGE_CHARS_MAX ? `${line}...` : line
}
