import { share } from './random.ts'

export type MadeTrade = {
  /** Dense, from the first trade of 1970 on. */
  readonly id: number
  readonly taker: 'buy' | 'sell'
  readonly priceUnits: number
  readonly sizeUnits: number
  readonly timeMs: number
  /** Microseconds after `timeMs`. */
  readonly micros: number
  /** The single fills it is made of, dense over all trades. */
  readonly firstFill: number
  readonly lastFill: number
  /** Its place among everything that happens to the product. */
  readonly sequence: number
}

/** When trades are: one in each stretch of `1 / perSecond`, anywhere in it. Their numbers count those stretches since 1970. */
export class TradeTimes {
  readonly areNone: boolean
  readonly #key: number
  readonly #stretchMs: number

  constructor(key: number, perSecond: number) {
    this.areNone = perSecond === 0
    this.#key = key
    this.#stretchMs = 1_000 / perSecond
  }

  timeOf(id: number): number {
    return this.areNone ? Number.POSITIVE_INFINITY : Math.floor((id + share(this.#key, id)) * this.#stretchMs)
  }

  /** The last that is not after a moment; -1 where there are none. */
  lastId(timeMs: number): number {
    if (this.areNone) return -1
    let id = Math.ceil((timeMs + 1) / this.#stretchMs)
    while (this.timeOf(id) > timeMs) id--
    return id
  }
}

/** The single fills of a trade: one, two, one, three and so on, so that nothing has to be added up to know them. */
export function fillsOf(id: number): Pick<MadeTrade, 'firstFill' | 'lastFill'> {
  const firstFill = Math.floor(id / 4) * FILLS_OF_FOUR + FILLS_BEFORE[id % 4]!
  return { firstFill, lastFill: firstFill + FILLS[id % 4]! - 1 }
}

/** The trade that a fill is one of. */
export function tradeOfFill(fill: number): number {
  const within = fill % FILLS_OF_FOUR
  return Math.floor(fill / FILLS_OF_FOUR) * 4 + FILLS_BEFORE.findLastIndex((before) => before <= within)
}

const FILLS = [1, 2, 1, 3]
/** How many single fills a trade is made of, on average. */
export const FILLS_MEAN = 7 / 4
const FILLS_BEFORE = [0, 1, 3, 4]
const FILLS_OF_FOUR = 7
