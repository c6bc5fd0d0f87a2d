import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  fitByIndex,
  fitLine,
  type Line,
  type Point,
  predictionInterval,
  valueAt,
} from '../../../src/insights/formulas/least-squares.ts'

// (0, 100) (1, 101) (2, 103) (3, 104): worked by hand at `fitLine`.
const four: Point[] = [
  [0, 100],
  [1, 101],
  [2, 103],
  [3, 104],
]

describe('least squares', () => {
  test('the line through four points is the one worked by hand', () => {
    const line = fitLine(four)!
    expect(line).toMatchObject({ n: 4, meanX: 1.5, spreadX: 5 })
    expect(line.slope).toBeCloseTo(1.4, 12)
    expect(line.intercept).toBeCloseTo(99.9, 12)
    expect(line.r2).toBeCloseTo(0.98, 12)
    expect(line.residual).toBeCloseTo(Math.sqrt(0.1), 12)
    expect(valueAt(line, 4)).toBeCloseTo(105.5, 12)
  })

  test('its prediction interval at the next point is 105.5 ± 2.1513', () => {
    const { low, high } = predictionInterval(fitLine(four)!, 4, 0.95)!
    expect(low).toBeCloseTo(105.5 - 2.151326364955637, 9)
    expect(high).toBeCloseTo(105.5 + 2.151326364955637, 9)
  })

  test('there is no line through one point, or through points of one moment', () => {
    expect(fitLine([[0, 100]])).toBeUndefined()
    expect(fitLine([[3, 100], [3, 101], [3, 102]])).toBeUndefined() // biome-ignore format: points of one line
  })

  test('two points leave no freedom to say how far the line is off', () => {
    const line = fitLine(four.slice(0, 2))!
    expect(line.residual).toBeNull()
    expect(predictionInterval(line, 2, 0.95)).toBeUndefined()
  })

  test('where the price never moves the slope is 0 and R² says nothing', () => {
    const line = fitLine([
      [0, 100.1],
      [1, 100.1],
      [2, 100.1],
    ])!
    expect(line.slope).toBe(0)
    expect(line.r2).toBeNull()
  })
})

// Bid and ask of 19 books; their times have microseconds. The expected figures were made elsewhere (numpy, in doubles).
// Exact fractions (python3, fractions.Fraction, sums of (x - mean) (y - mean)) give 71245.50210877194 (index),
// 71245.55469011344 (5 s) and 71285.56208353298 (300 s): the outside figures agree to nine digits and more.
describe('nineteen books', () => {
  const { rows, expected } = JSON.parse(
    readFileSync(new URL('../../../fixtures/golden/nineteen-crossed-books.json', import.meta.url), 'utf8'),
  ) as {
    rows: { highestBid: string; lowestAsk: string; at: string }[]
    expected: Record<string, number>
  }
  const mids = rows.map(({ highestBid, lowestAsk }) => (Number(highestBid) + Number(lowestAsk)) / 2)
  const seconds = rows.map(({ at }) => Date.parse(`${at.slice(0, 19)}Z`) / 1_000 + Number(at.slice(19)))

  test('by index, the next mid is 71245.50210877192', () => {
    const line = fitByIndex(mids)!
    expect(valueAt(line, mids.length)).toBeCloseTo(71245.50210877192, 9)
    expect(valueAt(line, mids.length)).toBeCloseTo(expected['indexOlsNextStep']!, 9)
    expect(line.slope).toBeCloseTo(expected['indexOlsSlope']!, 12)
    expect(line.intercept).toBeCloseTo(expected['indexOlsIntercept']!, 9)
    expect(line.r2).toBeCloseTo(expected['r2']!, 12)
  })

  test('by time, five seconds and five minutes after the last book', () => {
    const last = seconds.at(-1)!
    const line = fitLine(mids.map((mid, i) => [seconds[i]! - last, mid]))!
    expect(valueAt(line, 5)).toBeCloseTo(expected['timeOlsNextStep5s']!, 6)
    expect(valueAt(line, 300)).toBeCloseTo(expected['timeOlsAt300s']!, 5)
    expect(valueAt(line, 5)).toBeCloseTo(71245.55469011344, 6)
  })

  test('the origin of time changes nothing but the intercept', () => {
    const [fromFirst, fromLast] = [seconds[0]!, seconds.at(-1)!].map(
      (origin) => fitLine(mids.map((mid, i) => [seconds[i]! - origin, mid])) as Line,
    )
    const length = seconds.at(-1)! - seconds[0]!
    expect(valueAt(fromFirst!, length + 60)).toBeCloseTo(valueAt(fromLast!, 60), 8)
  })
})
