import { describe, expect, test } from 'vitest'
import {
  type ClockSkew,
  NO_SKEW,
  SAMPLES_MAX,
  SAMPLES_MIN,
  skewMs,
  skewText,
  withAnswer,
} from '../../../src/ingest/polling/clock-skew.ts'

const NOON_MS = Date.UTC(2026, 10, 20, 12)

/** A request that took `tookMs`, and a venue whose clock stands `aheadMs` ahead in the middle of it. */
const answer = (aheadMs: number, tookMs = 100, atMs = NOON_MS) => ({
  askedAtMs: atMs,
  receivedAtMs: atMs + tookMs,
  exchangeTimeMs: atMs + tookMs / 2 + aheadMs,
})

function measured(answers: readonly ReturnType<typeof answer>[]): { skew: ClockSkew; warnings: number } {
  let skew = NO_SKEW
  let warnings = 0
  for (const each of answers) {
    const next = withAnswer(skew, each)
    skew = next.skew
    if (next.warn) warnings++
  }
  return { skew, warnings }
}

const answers = (count: number, aheadMs: number) => Array.from({ length: count }, () => answer(aheadMs))

describe('the skew of a venue', () => {
  test.each([
    ['is unknown before the first answer', [], null],
    ['is measured against the middle of the request', [answer(0, 4_000)], 0],
    ['is ahead', [answer(300_000)], 300_000],
    ['is behind', [answer(-300_000)], -300_000],
    ['is the middle one of several', [answer(5), answer(-7), answer(9_000)], 5],
    ['is the mean of the middle two of an even number', [answer(5), answer(10), answer(1), answer(90)], 8],
    ['minds no outlier', [...answers(9, 12), answer(86_400_000)], 12],
    ['follows a clock that is set right', [...answers(200, 9_000), ...answers(60, 3)], 3],
  ])('%s', (_, all, ms) => {
    expect(skewMs(measured(all).skew)).toBe(ms)
  })

  test('remembers the last hundred answers and no more', () => {
    expect(measured(answers(1_000, 1)).skew.samplesMs).toHaveLength(SAMPLES_MAX)
  })
})

describe('people are warned', () => {
  test.each([
    ['once, however long it lasts', answers(500, 2_001), 1],
    ['of a clock that is behind too', answers(500, -2_001), 1],
    ['not at two seconds', answers(500, 2_000), 0],
    ['not by a few answers', answers(SAMPLES_MIN - 1, 300_000), 0],
    ['not by outliers', [...answers(60, 0), ...answers(40, 60_000)], 0],
    ['not again when it comes back', [...answers(99, 9_000), ...answers(200, 0), ...answers(99, 9_000)], 1],
  ])('%s', (_, all, warnings) => {
    expect(measured(all).warnings).toBe(warnings)
  })
})

test.each([
  [2_500, '2.5 s ahead of ours'],
  [-310_000, '310.0 s behind ours'],
])('%i ms reads as %s', (ms, text) => {
  expect(skewText(ms)).toBe(text)
})
