import { type Decimal, formatDecimal, PLACES_MAX } from '../../models/decimal.ts'
import type { Levels } from '../levels.ts'
import { Ladder } from './ladder.ts'
import type { BookSide, NumberLevel, PlainLevel } from './side.ts'
import { topText } from './side-text.ts'
import { WIDE_SCALE, WideSide } from './wide-side.ts'

/**
 * A side in doubles that hold whole numbers: prices and sizes times ten to the power of the side's two scales. Scales grow
 * with the places that come, and no value may ever leave the safe integers, so it is exact; what does not fit it refuses.
 */
export class NarrowSide implements BookSide {
  readonly #isBid: 0 | 1
  readonly #sign: 1 | -1
  readonly #ladder = new Ladder()
  #priceScale = 0
  #sizeScale = 0
  #known = 0
  #edge = -Infinity

  constructor(isBid: 0 | 1) {
    this.#isBid = isBid
    this.#sign = isBid === 1 ? 1 : -1
  }

  get levels(): number {
    return this.#ladder.levels
  }

  get known(): number {
    return this.#known
  }

  apply(levels: Levels, from: number, to: number): number {
    const { isBid, priceDigits, pricePlaces, sizeDigits, sizePlaces } = levels
    const ladder = this.#ladder
    // The first change of a frame is near the best, wherever the last one of the frame before it was.
    ladder.finger = ladder.length
    let row = from
    while (row < to && isBid[row] === this.#isBid) {
      const price = priceDigits[row]! * shift(this.#priceScale - pricePlaces[row]!)
      const size = sizeDigits[row]! * shift(this.#sizeScale - sizePlaces[row]!)
      if (price <= Number.MAX_SAFE_INTEGER && size <= Number.MAX_SAFE_INTEGER) {
        const key = price * this.#sign
        const more = ladder.set(key, size)
        if (key >= this.#edge) this.#known += more
        row++
      } else if (size === 0) {
        row++ // No level of ours has a price like this.
      } else if (!this.#growFor(levels, row)) {
        break
      }
    }
    return row
  }

  /** Whether the row fits, now that the scales have been made to fit it. */
  #growFor(levels: Levels, row: number): boolean {
    const priceScale = Math.max(this.#priceScale, levels.pricePlaces[row]!)
    const sizeScale = Math.max(this.#sizeScale, levels.sizePlaces[row]!)
    const price = levels.priceDigits[row]! * shift(priceScale - levels.pricePlaces[row]!)
    const size = levels.sizeDigits[row]! * shift(sizeScale - levels.sizePlaces[row]!)
    return isSafe(price) && isSafe(size) && this.#rescale(priceScale, sizeScale)
  }

  /** False, and nothing changes, where some value would leave the safe integers. */
  #rescale(priceScale: number, sizeScale: number): boolean {
    const [keys, sizes] = this.#swept()
    const byPrice = shift(priceScale - this.#priceScale)
    const bySize = shift(sizeScale - this.#sizeScale)
    const edge = this.#edge * byPrice
    if (!keys.every((key) => isSafe(key * byPrice)) || !sizes.every((size) => isSafe(size * bySize)))
      return false
    if (edge !== -Infinity && !isSafe(edge)) return false
    for (let i = 0; i < keys.length; i++) this.#ladder.put(i, keys[i]! * byPrice, sizes[i]! * bySize)
    this.#edge = edge
    this.#priceScale = priceScale
    this.#sizeScale = sizeScale
    return true
  }

  /** Keys and sizes of the levels and nothing else. */
  #swept(): [keys: Float64Array, sizes: Float64Array] {
    const ladder = this.#ladder
    ladder.sweep()
    return [ladder.keys.subarray(0, ladder.length), ladder.sizes.subarray(0, ladder.length)]
  }

  replace(levels: Levels, from: number, to: number, whole: boolean): boolean {
    this.#prepareFor(levels, from, to)
    const fits = this.#take(levels, from, to)
    this.#known = this.levels
    this.#edge = whole || this.levels === 0 ? -Infinity : this.#ladder.keys[0]!
    return fits
  }

  /** Scales and room for the rows of this side. */
  #prepareFor(levels: Levels, from: number, to: number): void {
    let rows = 0
    this.#priceScale = 0
    this.#sizeScale = 0
    for (let row = from; row < to; row++) {
      if (!this.#isLevel(levels, row)) continue
      rows++
      this.#priceScale = Math.max(this.#priceScale, levels.pricePlaces[row]!)
      this.#sizeScale = Math.max(this.#sizeScale, levels.sizePlaces[row]!)
    }
    this.#ladder.reset(rows)
  }

  #isLevel(levels: Levels, row: number): boolean {
    return levels.isBid[row] === this.#isBid && levels.sizeDigits[row] !== 0
  }

  #take(levels: Levels, from: number, to: number): boolean {
    let length = 0
    // Venues send the best first, and of one price twice the later counts.
    for (let row = to - 1; row >= from; row--) {
      if (!this.#isLevel(levels, row)) continue
      const price = levels.priceDigits[row]! * shift(this.#priceScale - levels.pricePlaces[row]!)
      const size = levels.sizeDigits[row]! * shift(this.#sizeScale - levels.sizePlaces[row]!)
      if (!isSafe(price) || !isSafe(size)) return false
      this.#ladder.put(length++, price * this.#sign, size)
    }
    this.#ladder.take(length)
    return true
  }

  trim(levelsMax: number): void {
    if (this.levels <= 2 * levelsMax) return
    const ladder = this.#ladder
    ladder.keepBest(levelsMax)
    this.#edge = Math.max(this.#edge, ladder.keys[0]!)
    this.#known = levelsMax - ladder.find(this.#edge)
  }

  /** The same side without a bound on its digits. */
  widened(): WideSide {
    const [keys, sizes] = this.#swept()
    const byPrice = 10n ** BigInt(WIDE_SCALE - this.#priceScale)
    const bySize = 10n ** BigInt(WIDE_SCALE - this.#sizeScale)
    return new WideSide(
      this.#isBid,
      Array.from(keys, (key) => BigInt(key) * byPrice),
      Array.from(sizes, (size) => BigInt(size) * bySize),
      this.#edge === -Infinity ? undefined : BigInt(this.#edge) * byPrice,
    )
  }

  best(): Decimal | undefined {
    const { keys, length } = this.#ladder
    return length === 0 ? undefined : { units: keys[length - 1]! * this.#sign, scale: this.#priceScale }
  }

  bestSize(): Decimal | undefined {
    const { sizes, length } = this.#ladder
    return length === 0 ? undefined : { units: sizes[length - 1]!, scale: this.#sizeScale }
  }

  topText(levelsMax: number): string {
    const { keys, sizes, length } = this.#ladder
    const levels = Math.min(levelsMax, this.levels)
    return topText(keys, sizes, length, levels, this.#priceScale, this.#sizeScale)
  }

  topLevels(levelsMax: number): PlainLevel[] {
    const { keys, sizes } = this.#ladder
    return this.#top(levelsMax).map((at) => [
      formatDecimal({ units: Math.abs(keys[at]!), scale: this.#priceScale }),
      formatDecimal({ units: sizes[at]!, scale: this.#sizeScale }),
    ])
  }

  topNumbers(levelsMax: number): NumberLevel[] {
    const { keys, sizes } = this.#ladder
    const perPrice = shift(this.#priceScale)
    const perSize = shift(this.#sizeScale)
    return this.#top(levelsMax).map((at) => ({
      price: Math.abs(keys[at]!) / perPrice,
      size: sizes[at]! / perSize,
    }))
  }

  /** Places of the best levels, best first. */
  #top(levelsMax: number): number[] {
    const { sizes, length } = this.#ladder
    const top: number[] = []
    for (let at = length - 1; at >= 0 && top.length < levelsMax; at--) if (sizes[at] !== 0) top.push(at)
    return top
  }
}

/** Ten to the power of `places`; NaN below zero: no scale may be less than the places of a number. */
function shift(places: number): number {
  return SHIFTS[places + PLACES_MAX]!
}

const SHIFTS = Float64Array.from({ length: 2 * PLACES_MAX + 1 }, (_, i) =>
  i < PLACES_MAX ? Number.NaN : 10 ** (i - PLACES_MAX),
)

function isSafe(value: number): boolean {
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER
}
