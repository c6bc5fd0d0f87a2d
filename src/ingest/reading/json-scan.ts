/**
 * Reads JSON text of a known shape straight from its bytes, without spaces, its fields in any order. It only ever says yes:
 * whatever it does not know its way about in (an escape, an unknown field, a field twice) it leaves to JSON.parse and a
 * schema, which decide.
 */
export type JsonScan = { readonly bytes: Buffer; at: number }

/** The fields of an object. Listed in the order the venue writes them they are found at once. */
export type JsonShape<S> = {
  readonly fields: readonly JsonField<S>[]
  /** Bit by bit, in the order of `fields`: whether one may not be left out. */
  readonly required: number
}

type JsonField<S> = {
  readonly name: Uint8Array
  /** Reads the value; answers false where it cannot. */
  readonly read: (scan: S) => boolean
}

/** So many digits are a whole number that a double holds; it is asked whether it is a safe one. */
const DIGITS_MAX = 16

/** Names and symbols are shorter. */
const TEXT_BYTES_MAX = 64

/** No field's number. */
const NONE = -1

const QUOTE = 0x22
const BACKSLASH = 0x5c
const ZERO = 0x30
const COMMA = 0x2c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** The same bytes as a buffer, which makes texts of them. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Fields by their names; a name that ends in `?` may be left out. */
export function shapeOf<S>(fields: Readonly<Record<string, (scan: S) => boolean>>): JsonShape<S> {
  const names = Object.keys(fields)
  return {
    fields: names.map((name) => ({ name: ascii(`"${name.replace('?', '')}":`), read: fields[name]! })),
    required: names.reduce((bits, name, i) => (name.endsWith('?') ? bits : bits | (1 << i)), 0),
  }
}

export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** Moves behind the object that opens here, each field read where it stands. */
export function scanObject<S extends JsonScan>(scan: S, { fields, required }: JsonShape<S>): boolean {
  const { bytes } = scan
  if (bytes[scan.at] !== OPEN_BRACE) return false
  let seen = 0
  let next = 0
  do {
    scan.at++
    const found = fieldHere(scan, fields, next)
    if (found === NONE || (seen & (1 << found)) !== 0 || !fields[found]!.read(scan)) return false
    seen |= 1 << found
    next = found + 1
  } while (bytes[scan.at] === COMMA)
  if (bytes[scan.at] !== CLOSE_BRACE || (seen & required) !== required) return false
  scan.at++
  return true
}

/** Which field's name stands here; moves behind it. */
function fieldHere<S>(scan: JsonScan, fields: readonly JsonField<S>[], from: number): number {
  for (let i = from; i < fields.length; i++) if (scanExactly(scan, fields[i]!.name)) return i
  for (let i = 0; i < from; i++) if (scanExactly(scan, fields[i]!.name)) return i
  return NONE
}

/** Moves behind `text` where it stands here. */
export function scanExactly(scan: JsonScan, text: Uint8Array): boolean {
  const { bytes, at } = scan
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false
  scan.at = at + text.length
  return true
}

/** The whole number that stands here, from 0 up to the largest safe one; undefined for anything else. */
export function scanWhole(scan: JsonScan): number | undefined {
  const { bytes } = scan
  const start = scan.at
  let at = start
  let value = 0
  let digit = bytes[at]! ^ ZERO
  while (digit <= 9 && at - start < DIGITS_MAX) {
    value = value * 10 + digit
    digit = bytes[++at]! ^ ZERO
  }
  const isOne = at > start && digit > 9 && (at === start + 1 || bytes[start] !== ZERO)
  if (!isOne || value > Number.MAX_SAFE_INTEGER) return undefined
  scan.at = at
  return value
}

/** The text that stands here in quotes: of plain ASCII, without escapes, not empty. Undefined for anything else. */
export function scanText(scan: JsonScan): string | undefined {
  const from = scan.at + 1
  return skipText(scan) ? scan.bytes.toString('latin1', from, scan.at - 1) : undefined
}

/** Moves behind such a text. */
export function skipText(scan: JsonScan): boolean {
  const { bytes } = scan
  if (bytes[scan.at] !== QUOTE) return false
  const from = scan.at + 1
  let at = from
  let byte = bytes[at]!
  while (byte !== QUOTE && byte !== BACKSLASH && byte >= 0x20 && byte < 0x7f) byte = bytes[++at]!
  if (byte !== QUOTE || at === from || at - from > TEXT_BYTES_MAX) return false
  scan.at = at + 1
  return true
}
