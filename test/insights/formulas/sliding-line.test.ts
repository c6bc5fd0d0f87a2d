import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fitLine, valueAt } from '../../../src/insights/formulas/least-squares.ts'
import { type Sample, slidingLine } from '../../../src/insights/formulas/sliding-line.ts'

const LOOKBACK_MS = 60_000
const START_MS = Date.UTC(2026, 10, 20)

test('the running sums give the line that a fresh fit of the look-back gives, after any steps and silences', () => {
  const anyStep = fc.record({
    stepMs: fc.oneof({ arbitrary: fc.integer({ min: 1, max: 3_000 }), weight: 20 }, fc.constant(70_000)),
    mid: fc.double({ min: 71_000, max: 71_400, noNaN: true }),
  })
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 1, maxLength: 400 }), (steps) => {
      const line = slidingLine(LOOKBACK_MS)
      let atMs = START_MS
      const all: Sample[] = []
      for (const { stepMs, mid } of steps) {
        atMs += stepMs
        all.push({ atMs, mid })
        line.add({ atMs, mid })
        const held = all.filter((sample) => sample.atMs > atMs - LOOKBACK_MS)
        expect(line.samples()).toEqual(held)
        expect(line.last()).toEqual({ atMs, mid })
        const fresh = fitLine(held.map((sample) => [(sample.atMs - atMs) / 1_000, sample.mid]))
        const slid = line.midAt(atMs + 10_000)
        if (held.length < 5 || fresh === undefined) expect(slid).toBeUndefined()
        else expect(Math.abs(slid! / valueAt(fresh, 10) - 1)).toBeLessThan(1e-9)
      }
    }),
    { numRuns: 30 },
  )
})

test('six hours of samples a second leave the sums as exact as a fresh fit', () => {
  const line = slidingLine(900_000)
  const all = Array.from({ length: 21_600 }, (_, i) => ({
    atMs: START_MS + i * 1_000,
    mid: 71_234.5 + i / 100 + 20 * Math.sin(i / 70),
  }))
  for (const sample of all) line.add(sample)
  const lastMs = all.at(-1)!.atMs
  const fresh = fitLine(all.slice(-900).map(({ atMs, mid }) => [(atMs - lastMs) / 1_000, mid]))!
  expect(Math.abs(line.midAt(lastMs + 60_000)! / valueAt(fresh, 60) - 1)).toBeLessThan(1e-9)
})

test('after a silence a price of quite another size loses no digits', () => {
  const line = slidingLine(LOOKBACK_MS)
  for (let i = 0; i < 9; i++) line.add({ atMs: START_MS + i, mid: 1e12 })
  for (let i = 0; i < 9; i++) line.add({ atMs: START_MS + 100_000 + i * 1_000, mid: 0.001 + i * 0.0001 })
  expect(line.midAt(START_MS + 109_000)).toBeCloseTo(0.0019, 12)
})

test('fewer than five samples, or all of one moment, make no line', () => {
  const line = slidingLine(LOOKBACK_MS)
  for (let i = 0; i < 4; i++) line.add({ atMs: START_MS + i, mid: 100 })
  expect(line.midAt(START_MS + 60_000)).toBeUndefined()
  line.add({ atMs: START_MS + 4, mid: 100 })
  expect(line.midAt(START_MS + 60_000)).toBe(100)
  const still = slidingLine(LOOKBACK_MS)
  for (let i = 0; i < 9; i++) still.add({ atMs: START_MS, mid: 100 + i })
  expect(still.midAt(START_MS)).toBeUndefined()
})
