import { draw, subKey } from './random.ts'

/**
 * A path of prices that can be asked for at any moment, in any order, in any process: noise of many lengths, each twice as
 * long and root of two times as high as the one before. Up to the longest of them it moves as a random walk does; beyond,
 * it has forgotten where it was and stays within `bound` of nothing. Sums and products of doubles only: every machine
 * makes the same path.
 */
export type PricePath = {
  /** Share by which the price is off its home at that moment: 0.01 is one percent above. */
  at(timeMs: number): number
  /** `at` never answers beyond this, either way. */
  readonly bound: number
}

export type PathShape = {
  /** The finest detail: below it the path is a straight line. */
  readonly shortestMs: number
  /** How many lengths there are. */
  readonly lengths: number
  /** Standard deviation of the share it moves within one second. */
  readonly perRootSecond: number
}

export function pricePath(key: number, shape: PathShape): PricePath {
  const { lengths } = shape
  const strands = Array.from({ length: Math.ceil(lengths / STRAND) }, (_, index) =>
    strand(key, shape, index * STRAND, Math.min(lengths, (index + 1) * STRAND)),
  )
  const heights = Array.from({ length: lengths }, (_, index) => heightOf(shape, index))
  function at(timeMs: number): number {
    let sum = 0
    for (let index = 0; index < strands.length; index++) sum += strands[index]!(timeMs)
    return sum
  }
  return { at, bound: heights.reduce((sum, height) => sum + height, 0) }
}

/** Lengths that are worked out together, at the knots of the shortest of them: the longer ones far less often. */
const STRAND = 6

/** The sum of the lengths `first` up to `end`. All of them bend at knots, and so between two knots it is a line. */
function strand(key: number, shape: PathShape, first: number, end: number): (timeMs: number) => number {
  const heights = Float64Array.from({ length: end - first }, (_, index) => heightOf(shape, first + index))
  const keys = Int32Array.from({ length: end - first }, (_, index) => subKey(key, first + index))
  const knotMs = shape.shortestMs * 2 ** first

  function valueAtKnot(knot: number): number {
    let sum = 0
    let place = knot
    for (let index = 0; index < keys.length; index++, place *= 0.5) {
      const cell = Math.floor(place)
      const from = valueAt(keys[index]!, cell)
      sum += heights[index]! * (from + (valueAt(keys[index]!, cell + 1) - from) * (place - cell))
    }
    return sum
  }

  let knot = Number.NaN
  let from = 0
  let to = 0
  return (timeMs) => {
    const place = timeMs / knotMs
    const cell = Math.floor(place)
    if (cell !== knot) {
      // Time mostly goes on to the next.
      from = cell === knot + 1 ? to : valueAtKnot(cell)
      to = valueAtKnot(cell + 1)
      knot = cell
    }
    return from + (to - from) * (place - cell)
  }
}

function heightOf({ shortestMs, perRootSecond }: PathShape, index: number): number {
  return perRootSecond * HEIGHT * Math.sqrt((shortestMs * 2 ** index) / 1_000)
}

/** What makes one second's moves as wide as was asked for: measured over 10,000 seconds of many paths. */
const HEIGHT = 0.74

/** Evenly between -1 and 1. */
function valueAt(key: number, cell: number): number {
  return draw(key, cell) / 0x8000_0000 - 1
}
