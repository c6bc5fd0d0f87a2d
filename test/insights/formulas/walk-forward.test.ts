import { describe, expect, test } from 'vitest'
import { fitLine, valueAt } from '../../../src/insights/formulas/least-squares.ts'
import type { Sample } from '../../../src/insights/formulas/sliding-line.ts'
import { scores, walkForward } from '../../../src/insights/formulas/walk-forward.ts'

const START_MS = Date.UTC(2026, 10, 20, 14)
const ABOUT = { lookbackMs: 900_000, horizonMs: 60_000 }

/** A sample every `everyMs` from 14:00:00 on. */
function samples(count: number, midOf: (i: number) => number, everyMs = 1_000): Sample[] {
  return Array.from({ length: count }, (_, i) => ({ atMs: START_MS + i * everyMs, mid: midOf(i) }))
}

function walked(all: readonly Sample[]) {
  const walk = walkForward(ABOUT)
  for (const sample of all) walk.add(sample)
  return walk.trials()
}

describe('walk-forward', () => {
  test('on a straight line the forecast is right and the naive one is off by a minute of it', () => {
    const trials = walked(samples(302, (i) => 100 + i / 100))
    expect(trials.map(({ atMs }) => atMs - START_MS)).toEqual([60_000, 120_000, 180_000, 240_000])
    for (const { error, naiveError } of trials) {
      expect(error).toBeCloseTo(0, 9)
      expect(naiveError).toBeCloseTo(0.6, 9)
    }
  })

  test('a trial is what a forecast made at that minute would have said, whatever came after', () => {
    const wild = (i: number) => 100 + Math.sin(i / 7) + (i > 120 ? 50 : 0)
    const all = samples(200, wild)
    const [, second] = walked(all)
    const known = all.slice(0, 121)
    const line = fitLine(known.map(({ mid }, i) => [i - 120, mid]))!
    expect(second!.atMs).toBe(START_MS + 120_000)
    expect(second!.error).toBeCloseTo(all[180]!.mid - valueAt(line, 60), 9)
    expect(second!.naiveError).toBeCloseTo(all[180]!.mid - all[120]!.mid, 9)
  })

  test('the outcome is the last sample at or before the moment, at most 10 s older', () => {
    const seven = samples(40, (i) => 100 + i, 7_000)
    const [first] = walked(seven)
    // 14:01:00 is forecast from 14:00:56 for 14:01:56; the last sample before that is of 14:01:52.
    expect(first!.naiveError).toBe(seven[16]!.mid - seven[8]!.mid)
    const sparse = samples(60, () => 100, 1_000).concat({ atMs: START_MS + 200_000, mid: 100 })
    expect(walked(sparse)).toEqual([])
  })

  test('a minute whose last sample is more than 10 s old has no trial', () => {
    const gap = (fromS: number) => samples(200, () => 100).filter((_, i) => i <= fromS || i > 61)
    expect(walked(gap(49)).map(({ atMs }) => atMs - START_MS)).toEqual([120_000])
    expect(walked(gap(50)).map(({ atMs }) => atMs - START_MS)).toEqual([60_000, 120_000])
  })

  test('a forecast is never judged by the sample it was made from', () => {
    const walk = walkForward({ ...ABOUT, horizonMs: 5_000 })
    const before = samples(61, () => 100)
    for (const sample of before) walk.add(sample)
    walk.add({ atMs: START_MS + 90_000, mid: 100 })
    expect(walk.trials()).toEqual([])
  })

  test('a minute whose outcome is not known yet has no trial', () => {
    expect(walked(samples(121, () => 100))).toEqual([])
    expect(walked(samples(122, () => 100))).toHaveLength(1)
  })

  test('a silence makes no trials, and the next look-back begins anew', () => {
    const before = samples(130, () => 100)
    const after = samples(130, () => 200).map(({ atMs, mid }) => ({ atMs: atMs + 3_600_000, mid }))
    const trials = walked([...before, ...after])
    expect(trials.map(({ atMs }) => atMs - START_MS)).toEqual([60_000, 3_660_000])
    expect(trials.map(({ error }) => error)).toEqual([0, 0])
  })
})

describe('scores', () => {
  test('ours and the naive forecast stand side by side over 15 min, 1 h and 6 h', () => {
    const trial = (minutesAgo: number, error: number) => ({
      atMs: START_MS - minutesAgo * 60_000,
      error,
      naiveError: 2 * error,
    })
    expect(scores([trial(300, 9), trial(30, -5), trial(10, 1)], START_MS)).toEqual([
      { spanMs: 900_000, n: 1, mae: 1, naiveMae: 2 },
      { spanMs: 3_600_000, n: 2, mae: 3, naiveMae: 6 },
      { spanMs: 21_600_000, n: 3, mae: 5, naiveMae: 10 },
    ])
  })

  test('where nothing was judged the score is open, not zero', () => {
    expect(scores([], START_MS)[0]).toEqual({ spanMs: 900_000, n: 0, mae: null, naiveMae: null })
  })
})
