import { linearRegression, linearRegressionLine, rSquared } from 'simple-statistics'
import { studentT } from './student-t.ts'

/** [x, y]. Statistics work on doubles; give x near zero (seconds from the last sample, say), so that none are lost. */
export type Point = [number, number]

/** A straight line through points, and what is needed to say how far to trust it. */
export type Line = {
  readonly slope: number
  /** The line's value at x = 0. */
  readonly intercept: number
  /** Share of the variance of y that the line explains, 0..1; null where y never changes. */
  readonly r2: number | null
  readonly n: number
  readonly meanX: number
  /** Sum of the squared distances of x from its mean. */
  readonly spreadX: number
  /** Standard deviation of the residuals, with n - 2 degrees of freedom; null below three points. */
  readonly residual: number | null
}

/**
 * Ordinary least squares of y on x. Undefined below two points, and where every x is the same: no line is better than
 * another then.
 *
 * Source: https://en.wikipedia.org/wiki/Simple_linear_regression; line and R2 by simple-statistics.
 *
 * @example the points (0, 100) (1, 101) (2, 103) (3, 104): mean x 1.5, mean y 102;
 * Sxx = 2.25 + 0.25 + 0.25 + 2.25 = 5; Sxy = 3 + 0.5 + 0.5 + 3 = 7; Syy = 4 + 1 + 1 + 4 = 10;
 * slope = 7 / 5 = 1.4; intercept = 102 - 1.4 x 1.5 = 99.9; R2 = 7 x 7 / (5 x 10) = 0.98;
 * residual = sqrt((10 - 7 x 7 / 5) / 2) = sqrt(0.1) = 0.316...; at x = 4 the line says 105.5.
 */
export function fitLine(points: readonly Point[]): Line | undefined {
  const n = points.length
  if (n < 2) return undefined
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n
  const spreadX = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  if (!(spreadX > 0)) return undefined
  const all = points as Point[] // simple-statistics asks for a mutable array and changes nothing
  const { m: slope, b: intercept } = linearRegression(all)
  const valueAt = linearRegressionLine({ m: slope, b: intercept })
  const errors = points.reduce((sum, [x, y]) => sum + (y - valueAt(x)) ** 2, 0)
  const explained = rSquared(all, valueAt)
  const isFlat = points.every(([, y]) => y === points[0]![1])
  return {
    slope,
    intercept,
    r2: isFlat ? null : explained,
    n,
    meanX,
    spreadX,
    residual: n < 3 ? null : Math.sqrt(errors / (n - 2)),
  }
}

/** Least squares on the row index, 0 for the first value: no clock at all; the next value's index is `values.length`. */
export function fitByIndex(values: readonly number[]): Line | undefined {
  return fitLine(values.map((y, index) => [index, y]))
}

export function valueAt(line: Line, x: number): number {
  return linearRegressionLine({ m: line.slope, b: line.intercept })(x)
}

/**
 * The textbook range of one new value at `x`: value ± t(share, n - 2) x residual x sqrt(1 + 1/n + (x - meanX)² / spreadX).
 * It assumes independent, normal errors around a true line; prices are closer to a random walk, where it holds far less
 * often than `share` says. Undefined below three points.
 *
 * Source: https://en.wikipedia.org/wiki/Prediction_interval#Regression_analysis
 *
 * @example the line of `fitLine`'s example at x = 4: sqrt(0.1) x sqrt(1 + 0.25 + 6.25 / 5) = 0.5; t(0.95, 2) = 4.3027;
 * so 105.5 ± 2.1513.
 */
export function predictionInterval(
  line: Line,
  x: number,
  share: number,
): { readonly low: number; readonly high: number } | undefined {
  if (line.residual === null) return undefined
  const width = Math.sqrt(1 + 1 / line.n + (x - line.meanX) ** 2 / line.spreadX)
  const half = studentT(share, line.n - 2) * line.residual * width
  const value = valueAt(line, x)
  return { low: value - half, high: value + half }
}
