import { compare, type Decimal } from '../models/decimal.ts'
import type { BookState } from '../models/product-book.ts'
import { NarrowSide } from './books/narrow-side.ts'
import type { BookSide, NumberLevel, PlainLevel } from './books/side.ts'
import { WideSide } from './books/wide-side.ts'
import type { Levels } from './levels.ts'

/**
 * The levels of one product, best first on each side. Prices are compared by value (64930 is 64930.00) and sizes are absolute,
 * so that a change applied twice changes nothing; size 0 removes a level, and removing one that is not there is nothing.
 * It is exact whatever the digits, knows nothing of sequences and time, and believes every change it is given.
 */
export class OrderBook {
  #bids: BookSide = new NarrowSide(1)
  #asks: BookSide = new NarrowSide(0)

  clear(): void {
    this.#bids = new NarrowSide(1)
    this.#asks = new NarrowSide(0)
  }

  /**
   * Takes a snapshot, its rows in any order, for all there is; of one price twice the later row counts, rows of size 0 do not.
   * Where it is not `whole`, each side is known only down to its worst row. (A side without rows is: nobody sends the best
   * none of some.)
   */
  replace(levels: Levels, from: number, to: number, whole: boolean): void {
    this.#bids = replaced(this.#bids, 1, levels, from, to, whole)
    this.#asks = replaced(this.#asks, 0, levels, from, to, whole)
  }

  /** Applies changes in their order. */
  apply(levels: Levels, from: number, to: number): void {
    let row = from
    while (row < to) {
      const side = levels.isBid[row] === 1 ? this.#bids : this.#asks
      const next = side.apply(levels, row, to)
      if (next === row) this.#widen(side)
      row = next
    }
  }

  /** Only a narrow side ever leaves a row of its own. */
  #widen(side: BookSide): void {
    if (!(side instanceof NarrowSide)) throw new TypeError('a wide side has left a row of its own')
    if (side === this.#bids) this.#bids = side.widened()
    else this.#asks = side.widened()
  }

  get bidLevels(): number {
    return this.#bids.levels
  }

  get askLevels(): number {
    return this.#asks.levels
  }

  /**
   * How many of the levels stand where every level there is is known: all of them in a whole book, else those down to the
   * edge, which is the worst row of the snapshot or what `trim` has left. Once they run out, nobody knows what is best.
   */
  get bidsKnown(): number {
    return this.#bids.known
  }

  get asksKnown(): number {
    return this.#asks.known
  }

  /** Forgets the worst levels of a side that has more than twice `levelsMax` (at least 1): the best `levelsMax` stay. */
  trim(levelsMax: number): void {
    this.#bids.trim(levelsMax)
    this.#asks.trim(levelsMax)
  }

  bestBid(): Decimal | undefined {
    return this.#bids.best()
  }

  bestAsk(): Decimal | undefined {
    return this.#asks.best()
  }

  bestBidSize(): Decimal | undefined {
    return this.#bids.bestSize()
  }

  bestAskSize(): Decimal | undefined {
    return this.#asks.bestSize()
  }

  /** `empty` where a side has no level. */
  state(): Exclude<BookState, 'indicative'> | 'empty' {
    const bid = this.#bids.best()
    const ask = this.#asks.best()
    if (bid === undefined || ask === undefined) return 'empty'
    const order = compare(bid, ask)
    return order < 0 ? 'ok' : order > 0 ? 'crossed' : 'locked'
  }

  /** The best levels as an `EncodedBook` carries them: `[["64930.57","0.5",null],...]`, canonical decimals, best first. */
  top(levelsMax: number): { bids: string; asks: string } {
    return { bids: this.#bids.topText(levelsMax), asks: this.#asks.topText(levelsMax) }
  }

  /** The same as values: for whoever compares books. */
  topLevels(levelsMax: number): { bids: PlainLevel[]; asks: PlainLevel[] } {
    return { bids: this.#bids.topLevels(levelsMax), asks: this.#asks.topLevels(levelsMax) }
  }

  /** The same as the nearest doubles: for statistics, never for what is written down. */
  topNumbers(levelsMax: number): { bids: NumberLevel[]; asks: NumberLevel[] } {
    return { bids: this.#bids.topNumbers(levelsMax), asks: this.#asks.topNumbers(levelsMax) }
  }
}

/** A side that has become wide is narrow again where its new levels allow it. */
function replaced(
  side: BookSide,
  isBid: 0 | 1,
  levels: Levels,
  from: number,
  to: number,
  whole: boolean,
): BookSide {
  const narrow = side instanceof NarrowSide ? side : new NarrowSide(isBid)
  if (narrow.replace(levels, from, to, whole)) return narrow
  const wide = new WideSide(isBid)
  wide.replace(levels, from, to, whole)
  return wide
}
