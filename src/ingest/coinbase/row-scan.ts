import type { Levels } from '../levels.ts'
import { scanNumber } from '../reading/level-scan.ts'

/** What the fast readers of Coinbase's two sockets share. */

/** What was expected is not there. */
export const NONE = -1

/**
 * Stages the level whose price begins at `at`, with nothing but `between` from the price's quote to the first digit of its
 * size. Answers where it ends, its last quote included, or `NONE`.
 */
export function scanLevel(
  levels: Levels,
  bytes: Buffer,
  at: number,
  isBid: boolean,
  between: Buffer,
): number {
  const row = levels.length
  if (!levels.makeRoom(row)) return NONE
  const { priceDigits, sizeDigits } = levels
  const priceEnd = scanNumber(bytes, at, priceDigits, levels.pricePlaces, row)
  if (priceEnd === NONE || priceDigits[row] === 0 || !stands(bytes, priceEnd, between)) return NONE
  const sizeFrom = priceEnd + between.length
  const sizeEnd = scanNumber(bytes, sizeFrom, sizeDigits, levels.sizePlaces, row)
  if (sizeEnd === NONE) return NONE
  if (Number.isNaN(priceDigits[row]! + sizeDigits[row]!)) {
    const price = bytes.toString('latin1', at, priceEnd - 1)
    levels.noteLong(row, price, bytes.toString('latin1', sizeFrom, sizeEnd - 1))
  }
  levels.isBid[row] = isBid ? 1 : 0
  levels.length++
  return sizeEnd
}

/** Whether these very bytes stand at `at`. */
export function stands(bytes: Buffer, at: number, these: Buffer): boolean {
  for (let i = 0; i < these.length; i++) if (bytes[at + i] !== these[i]) return false
  return true
}

const QUOTE = 0x22
const SYMBOL_CHARS_MAX = 64

/** Where a symbol of plain letters that begins at `at` ends, at its quote, or `NONE`. */
export function endOfSymbol(bytes: Buffer, at: number): number {
  let end = at
  while (isPlain(bytes[end]!)) end++
  return bytes[end] === QUOTE && end > at && end - at <= SYMBOL_CHARS_MAX ? end : NONE
}

/** A letter, a digit, or one of `-./`: nothing that JSON writes otherwise. */
function isPlain(byte: number): boolean {
  return (byte >= 0x2d && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)
}
