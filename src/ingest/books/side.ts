import type { Decimal } from '../../models/decimal.ts'
import type { Levels } from '../levels.ts'

/**
 * One side of a book. Levels stand by key, which rises towards the best: a bid's key is its price, an ask's is minus its
 * price. The best stands last, so that what changes most is moved least.
 *
 * The edge is the key down to which every level there is is known. A level below it is kept when a delta brings it, but not
 * counted as known.
 */
export type BookSide = {
  readonly levels: number
  readonly known: number
  /**
   * Takes this side's rows, in any order, for all there is; of one price twice the later counts, rows of size 0 do not.
   * False, and nothing has changed, where one of them does not fit this kind of side.
   */
  replace(levels: Levels, from: number, to: number, whole: boolean): boolean
  /** Applies rows in order and answers the first that it does not: the other side's, one that does not fit, or `to`. */
  apply(levels: Levels, from: number, to: number): number
  /** Where there are more than twice `levelsMax`, forgets all but the best `levelsMax`, the worst of which is the edge. */
  trim(levelsMax: number): void
  best(): Decimal | undefined
  bestSize(): Decimal | undefined
  /** JSON text of the best levels, best first, as an `EncodedBook` carries them. */
  topText(levelsMax: number): string
  topLevels(levelsMax: number): PlainLevel[]
  topNumbers(levelsMax: number): NumberLevel[]
}

/** Canonical decimals. */
export type PlainLevel = [price: string, size: string]

/** The nearest doubles: for statistics, never for what is written down. */
export type NumberLevel = { readonly price: number; readonly size: number }
