import { SECOND_MS } from '../../models/time.ts'

/** One mid at one moment. */
export type Sample = { readonly atMs: number; readonly mid: number }

/** Fewer points than this make no forecast. */
export const POINTS_MIN = 5

/** Samples that left the look-back are cut off the array in one go, once so many have gathered. */
const GONE_SAMPLES_MAX = 1_024

/** The least-squares line through the samples of the last `lookbackMs`, kept by running sums: O(1) a sample. */
export type SlidingLine = {
  /** Takes the next sample; times never go back. What is older than the look-back before it leaves. */
  add(sample: Sample): void
  last(): Sample | undefined
  /** The samples of the look-back, oldest first. */
  samples(): readonly Sample[]
  /** The line's mid at `atMs`; undefined with fewer than five samples, or where all are of one moment. */
  midAt(atMs: number): number | undefined
}

/**
 * Sums are taken from the first sample's time and mid, so that the doubles keep their digits: over the six hours it is
 * used for, the answer differs from a fresh `fitLine` by less than 1e-9 of the mid (a property test holds it).
 */
export function slidingLine(lookbackMs: number): SlidingLine {
  let held: Sample[] = []
  let first = 0
  let origin: Sample = { atMs: 0, mid: 0 }
  let sums = { n: 0, x: 0, y: 0, xx: 0, xy: 0 }

  /** After a silence longer than the look-back, nothing of before is left, not even its rounding. */
  function beginAt(sample: Sample): void {
    held = []
    first = 0
    origin = sample
    sums = { n: 0, x: 0, y: 0, xx: 0, xy: 0 }
  }

  function count(sample: Sample, sign: 1 | -1): void {
    const x = (sample.atMs - origin.atMs) / SECOND_MS
    const y = sample.mid - origin.mid
    sums.n += sign
    sums.x += sign * x
    sums.y += sign * y
    sums.xx += sign * x * x
    sums.xy += sign * x * y
  }

  function dropUpTo(atMs: number): void {
    while (first < held.length && held[first]!.atMs <= atMs) count(held[first++]!, -1)
    if (first < GONE_SAMPLES_MAX) return
    held = held.slice(first)
    first = 0
  }

  return {
    add(sample) {
      const last = held.at(-1)
      if (last === undefined || sample.atMs - last.atMs >= lookbackMs) beginAt(sample)
      held.push(sample)
      count(sample, 1)
      dropUpTo(sample.atMs - lookbackMs)
    },
    last: () => held.at(-1),
    samples: () => held.slice(first),
    midAt(atMs) {
      if (sums.n < POINTS_MIN || held[first]!.atMs === held.at(-1)!.atMs) return undefined
      const slope = (sums.n * sums.xy - sums.x * sums.y) / (sums.n * sums.xx - sums.x * sums.x)
      const x = (atMs - origin.atMs) / SECOND_MS
      return origin.mid + sums.y / sums.n + slope * (x - sums.x / sums.n)
    },
  }
}
