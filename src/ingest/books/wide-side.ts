import { type Decimal, decimalOf, formatDecimal, PLACES_MAX } from '../../models/decimal.ts'
import type { Levels } from '../levels.ts'
import type { BookSide, NumberLevel, PlainLevel } from './side.ts'

/** Places of every number of a wide side: as many as there may be. */
export const WIDE_SCALE = PLACES_MAX

/**
 * A side whose prices or sizes need more digits than doubles tell apart: in bigints, with 18 places each. Everything fits;
 * nothing is fast.
 */
export class WideSide implements BookSide {
  readonly #isBid: 0 | 1
  /** Rising, none twice. */
  #keys: bigint[]
  /** By place: above zero. */
  #sizes: bigint[]
  /** Undefined where every level there is is known. */
  #edge: bigint | undefined

  constructor(isBid: 0 | 1, keys: bigint[] = [], sizes: bigint[] = [], edge?: bigint) {
    this.#isBid = isBid
    this.#keys = keys
    this.#sizes = sizes
    this.#edge = edge
  }

  get levels(): number {
    return this.#keys.length
  }

  get known(): number {
    return this.#edge === undefined ? this.levels : this.levels - this.#find(this.#edge)
  }

  apply(levels: Levels, from: number, to: number): number {
    let row = from
    while (row < to && levels.isBid[row] === this.#isBid) this.#set(...this.#units(levels, row++))
    return row
  }

  #set(key: bigint, size: bigint): void {
    const at = this.#find(key)
    const removed = this.#keys[at] === key ? 1 : 0
    const added = size === 0n ? [] : [key]
    this.#keys.splice(at, removed, ...added)
    this.#sizes.splice(at, removed, ...added.map(() => size))
  }

  /** The first place whose key is not below this one. */
  #find(key: bigint): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#keys[middle]! < key) low = middle + 1
      else high = middle
    }
    return low
  }

  replace(levels: Levels, from: number, to: number, whole: boolean): boolean {
    const sizes = new Map<bigint, bigint>()
    for (let row = from; row < to; row++) {
      if (levels.isBid[row] !== this.#isBid) continue
      const [key, size] = this.#units(levels, row)
      if (size !== 0n) sizes.set(key, size)
    }
    this.#keys = [...sizes.keys()].sort((a, b) => (a < b ? -1 : 1))
    this.#sizes = this.#keys.map((key) => sizes.get(key)!)
    this.#edge = whole ? undefined : this.#keys[0]
    return true
  }

  #units(levels: Levels, row: number): [key: bigint, size: bigint] {
    const [price, size] = levels.text(row).map(wideUnits) as [bigint, bigint]
    return [this.#isBid === 1 ? price : -price, size]
  }

  trim(levelsMax: number): void {
    if (this.levels <= 2 * levelsMax) return
    this.#keys = this.#keys.slice(-levelsMax)
    this.#sizes = this.#sizes.slice(-levelsMax)
    const worst = this.#keys[0]!
    if (this.#edge === undefined || this.#edge < worst) this.#edge = worst
  }

  best(): Decimal | undefined {
    return this.levels === 0 ? undefined : { units: this.#price(this.levels - 1), scale: WIDE_SCALE }
  }

  bestSize(): Decimal | undefined {
    const units = this.#sizes.at(-1)
    return units === undefined ? undefined : { units, scale: WIDE_SCALE }
  }

  topText(levelsMax: number): string {
    return JSON.stringify(this.topLevels(levelsMax).map((level) => [...level, null]))
  }

  topLevels(levelsMax: number): PlainLevel[] {
    return this.#top(levelsMax).map((at) => [plain(this.#price(at)), plain(this.#sizes[at]!)])
  }

  topNumbers(levelsMax: number): NumberLevel[] {
    return this.topLevels(levelsMax).map(([price, size]) => ({ price: Number(price), size: Number(size) }))
  }

  /** Places of the best levels, best first. */
  #top(levelsMax: number): number[] {
    return Array.from({ length: Math.min(levelsMax, this.levels) }, (_, i) => this.levels - 1 - i)
  }

  #price(at: number): bigint {
    return this.#isBid === 1 ? this.#keys[at]! : -this.#keys[at]!
  }
}

function wideUnits(text: string): bigint {
  const { units, scale } = decimalOf(text)
  return BigInt(units) * 10n ** BigInt(WIDE_SCALE - scale)
}

function plain(units: bigint): string {
  return formatDecimal({ units, scale: WIDE_SCALE })
}
