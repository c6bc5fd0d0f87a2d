import { DECIMAL_PATTERN, decimalOf, formatDecimal, isPositiveDecimal } from '../models/decimal.ts'
import { scanRows } from './reading/level-scan.ts'

/**
 * The level changes of one frame or body, staged: they are all read before any of them touches a book. One is used again for
 * every frame, so nothing may keep a reference to its arrays or rely on them after the frame has been handled.
 *
 * A row is a side, a price and a size. Both numbers are exact: whole `digits` and how many of them are behind the point
 * (6493057 with 2 places is 64930.57), zeros at the end cut off, digits below 2^53. A number of more digits than that has
 * `digits` NaN and its text stands in `texts`. A size of 0 removes the level.
 */
export class Levels {
  length = 0
  /** 1: bid, 0: ask. */
  isBid: Uint8Array
  priceDigits: Float64Array
  pricePlaces: Uint8Array
  sizeDigits: Float64Array
  sizePlaces: Uint8Array
  /** By row: [price, size] as they were written, where one of them has too many digits. */
  readonly texts = new Map<number, readonly [price: string, size: string]>()

  constructor(rows = ROWS_MIN) {
    this.isBid = new Uint8Array(rows)
    this.priceDigits = new Float64Array(rows)
    this.pricePlaces = new Uint8Array(rows)
    this.sizeDigits = new Float64Array(rows)
    this.sizePlaces = new Uint8Array(rows)
  }

  /** Rows `from` up to `to` with arrays of their own, for who must keep them. */
  copy(from: number, to: number): Levels {
    const own = new Levels(to - from)
    own.length = to - from
    own.isBid.set(this.isBid.subarray(from, to))
    own.priceDigits.set(this.priceDigits.subarray(from, to))
    own.pricePlaces.set(this.pricePlaces.subarray(from, to))
    own.sizeDigits.set(this.sizeDigits.subarray(from, to))
    own.sizePlaces.set(this.sizePlaces.subarray(from, to))
    for (const [row, text] of this.texts) if (row >= from && row < to) own.texts.set(row - from, text)
    return own
  }

  /** Forgets every row. */
  reset(): void {
    this.cutBack(0)
  }

  /** Forgets the rows from `length` on. */
  cutBack(length: number): void {
    this.length = length
    if (this.texts.size === 0) return
    for (const row of this.texts.keys()) if (row >= length) this.texts.delete(row)
  }

  /**
   * One more row, the slow and exact way. False, and nothing is added, where the price is no plain decimal above zero, the
   * size none from zero on, or there is no room left.
   */
  add(side: 'bid' | 'ask', price: string, size: string): boolean {
    if (!isPositiveDecimal(price) || !DECIMAL_PATTERN.test(size) || size.startsWith('-')) return false
    const row = this.length
    if (!this.makeRoom(row)) return false
    this.isBid[row] = side === 'bid' ? 1 : 0
    putDigits(price, this.priceDigits, this.pricePlaces, row)
    putDigits(size, this.sizeDigits, this.sizePlaces, row)
    this.noteLong(row, price, size)
    this.length++
    return true
  }

  /**
   * Reads the rows `[["64930.57","0.5"],["64930.5","0"]]`, written without spaces, whose outer bracket opens at `at`.
   * Each row may have `extraColumns` more strings of digits, which are skipped. Answers the index behind the closing
   * bracket, or -1 for anything else: then no row has been added, and whoever asked reads them another way.
   */
  scanRows(bytes: Uint8Array, at: number, side: 'bid' | 'ask', extraColumns = 0): number {
    return scanRows(this, bytes, at, side === 'bid' ? 1 : 0, extraColumns)
  }

  /** Price and size of a row as canonical decimals. */
  text(row: number): [price: string, size: string] {
    const written = this.texts.get(row)
    if (written !== undefined) return [canonical(written[0]), canonical(written[1])]
    const price = { units: this.priceDigits[row]!, scale: this.pricePlaces[row]! }
    const size = { units: this.sizeDigits[row]!, scale: this.sizePlaces[row]! }
    return [formatDecimal(price), formatDecimal(size)]
  }

  /** Whether there is room for this row, the next one. Makes new arrays where the old ones are full. */
  makeRoom(row: number): boolean {
    const rows = this.isBid.length
    if (row < rows) return true
    if (rows >= ROWS_MAX) return false
    const more = Math.min(Math.max(rows * 2, ROWS_MIN), ROWS_MAX)
    this.isBid = grown(this.isBid, new Uint8Array(more))
    this.priceDigits = grown(this.priceDigits, new Float64Array(more))
    this.pricePlaces = grown(this.pricePlaces, new Uint8Array(more))
    this.sizeDigits = grown(this.sizeDigits, new Float64Array(more))
    this.sizePlaces = grown(this.sizePlaces, new Uint8Array(more))
    return true
  }

  /** Keeps the texts of a row that has been put, where its digits alone cannot say it. */
  noteLong(row: number, price: string, size: string): void {
    if (Number.isNaN(this.priceDigits[row]! + this.sizeDigits[row]!)) this.texts.set(row, [price, size])
  }
}

/** More than any delta frame that was ever seen. */
const ROWS_MIN = 1_024
/** Twenty full books of Coinbase; 19 MB. A frame with more is nobody's book. */
const ROWS_MAX = 1_000_000

function putDigits(text: string, digits: Float64Array, places: Uint8Array, row: number): void {
  const plain = canonical(text)
  const point = plain.indexOf('.')
  const value = Number(plain.replace('.', ''))
  digits[row] = value <= Number.MAX_SAFE_INTEGER ? value : Number.NaN
  places[row] = point === -1 ? 0 : plain.length - point - 1
}

function canonical(text: string): string {
  return formatDecimal(decimalOf(text))
}

function grown<T extends Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from)
  return to
}
