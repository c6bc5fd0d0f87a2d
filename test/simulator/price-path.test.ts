import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type PathShape, pathsOf } from '../../src/simulator/price-path.ts'

const SHAPE: PathShape = { shortestMs: 250, lengths: 22, perRootSecond: 0.00009 }
const pricePath = pathsOf(SHAPE)
const BEGIN_MS = Date.UTC(2026, 10, 20)

test('it answers the same of a moment, whatever was asked before', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 10_000_000_000 }), { minLength: 2 }), (times) => {
      const path = pricePath(7)
      const once = times.map((timeMs) => path.at(timeMs))
      expect(times.map((timeMs) => pricePath(7).at(timeMs))).toEqual(once)
      expect(times.toReversed().map((timeMs) => path.at(timeMs))).toEqual(once.toReversed())
    }),
  )
})

test('it moves as far in a second as it was asked to, and three times as far in ten', () => {
  for (const [seconds, wide] of [
    [1, 1],
    [10, Math.sqrt(10)],
    [100, 10],
  ] as const) {
    const moves = Array.from({ length: 20 }, (_, key) => pricePath(key)).flatMap((path) =>
      Array.from({ length: 500 }, (_, index) => BEGIN_MS + index * seconds * 1_000).map(
        (timeMs) => path.at(timeMs + seconds * 1_000) - path.at(timeMs),
      ),
    )
    const deviation = Math.sqrt(moves.reduce((sum, move) => sum + move * move, 0) / moves.length)
    expect(deviation / (SHAPE.perRootSecond * wide)).toBeGreaterThan(0.75)
    expect(deviation / (SHAPE.perRootSecond * wide)).toBeLessThan(1.25)
  }
})

test('it never leaves its bound, in a year', () => {
  const path = pricePath(3)
  const hours = Array.from({ length: 8_760 }, (_, hour) => Math.abs(path.at(BEGIN_MS + hour * 3_600_000)))
  expect(path.bound).toBeLessThan(0.2)
  expect(Math.max(...hours)).toBeLessThan(path.bound)
  expect(Math.max(...hours)).toBeGreaterThan(path.bound / 5)
})

test('it has no jumps', () => {
  const path = pricePath(5)
  const steps = Array.from({ length: 20_000 }, (_, index) => path.at(BEGIN_MS + index * 10))
  const widest = Math.max(...steps.slice(1).map((value, index) => Math.abs(value - steps[index]!)))
  expect(widest).toBeLessThan(SHAPE.perRootSecond / 4)
})
