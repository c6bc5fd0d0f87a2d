import { draw, keyOf, subKey } from '../../src/simulator/random.ts'

/** Draws for one spoiled frame: the same again whenever it has the same number, whatever came before. */
export class Chance {
  readonly #key: number
  #draws = 0

  constructor(number: number) {
    this.#key = subKey(SEED, number)
  }

  /** A whole number from 0 up to, not with, `end`. */
  below(end: number): number {
    return Math.floor((draw(this.#key, this.#draws++) / 0x1_0000_0000) * end)
  }

  byte(): number {
    return this.below(256)
  }

  /** One of them; there must be some. */
  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!
  }

  /** One of them, or undefined where there are none. */
  any<Item>(items: readonly Item[]): Item | undefined {
    return items[this.below(items.length)]
  }

  /** Short more often than long. */
  length(max: number): number {
    return 1 + this.below(1 + this.below(max))
  }
}

const SEED = keyOf('frames nobody sends')
