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

/** Many paths of one shape: what they have in common is worked out once. */
export function pathsOf(shape: PathShape): (key: number) => PricePath {
  const heights = Array.from({ length: shape.lengths }, (_, index) => heightOf(shape, index))
  const bound = heights.reduce((sum, height) => sum + height, 0)
  const strands = Math.ceil(shape.lengths / STRAND)

  /** The sum of the lengths of one strand at a knot of it. */
  function valueAtKnot(key: number, strand: number, knot: number): number {
    let sum = 0
    let place = knot
    const end = Math.min(shape.lengths, (strand + 1) * STRAND)
    for (let index = strand * STRAND; index < end; index++, place *= 0.5) {
      const own = subKey(key, index)
      const cell = Math.floor(place)
      const from = valueAt(own, cell)
      sum += heights[index]! * (from + (valueAt(own, cell + 1) - from) * (place - cell))
    }
    return sum
  }

  return (key) => {
    // Of each strand: the last knot, and the values there and at the next. One small array: thousands of paths take turns.
    const state: number[] = Array.from({ length: 3 * strands }, () => Number.NaN)
    function at(timeMs: number): number {
      let sum = 0
      let knotMs = shape.shortestMs
      for (let strand = 0, own = 0; strand < strands; strand++, own += 3, knotMs *= STRAND_LENGTH) {
        const place = timeMs / knotMs
        const knot = Math.floor(place)
        if (state[own] !== knot) {
          // Time mostly goes on to the next.
          state[own + 1] = state[own] === knot - 1 ? state[own + 2]! : valueAtKnot(key, strand, knot)
          state[own + 2] = valueAtKnot(key, strand, knot + 1)
          state[own] = knot
        }
        const from = state[own + 1]!
        sum += from + (state[own + 2]! - from) * (place - knot)
      }
      return sum
    }
    return { at, bound }
  }
}

/**
 * Lengths that are worked out together, at the knots of the shortest of them: all of them bend there, so that their sum is
 * a line in between. Strands of longer ones are worked out far less often.
 */
const STRAND = 6
const STRAND_LENGTH = 2 ** STRAND

function heightOf({ shortestMs, perRootSecond }: PathShape, index: number): number {
  return perRootSecond * HEIGHT * Math.sqrt((shortestMs * 2 ** index) / 1_000)
}

/** What makes one second's moves as wide as was asked for: measured over 10,000 seconds of many paths. */
const HEIGHT = 0.74

/** Evenly between -1 and 1. */
function valueAt(key: number, cell: number): number {
  return draw(key, cell) / 0x8000_0000 - 1
}
