import { quantile } from 'simple-statistics'
import { HOUR_MS, SECOND_MS } from '../models/time.ts'
import { fitLine, type Line, predictionInterval, valueAt } from './formulas/least-squares.ts'
import { POINTS_MIN } from './formulas/sliding-line.ts'
import { type Score, scores, type WalkForward } from './formulas/walk-forward.ts'
import type { MidSample } from './samples.ts'

/** The past that forecasts are judged on. */
export const JUDGED_MS = 6 * HOUR_MS

/** The share of outcomes that both intervals speak of. */
const SHARE = 0.95

/** An empirical range of fewer errors than this says nothing about one in twenty. */
export const ERRORS_MIN = 30

export type Interval = { readonly low: number; readonly high: number; readonly errors: number }

/** A forecast with everything that says how far to trust it. Prices that statistics made are doubles. */
export type Forecast = {
  readonly last: MidSample
  readonly targetMs: number
  readonly mid: number
  readonly line: Line
  readonly interval: Interval | null
  readonly olsInterval: { readonly low: number; readonly high: number } | null
  readonly scores: readonly Score[]
  /** How many forecasts of the last six hours have met their outcome. */
  readonly judged: number
  /** Decimal places that the feed's mids are written with. */
  readonly places: number
}

/** The forecast as of the last sample; undefined where the formula refuses. */
export function forecastOf(
  { walk, last, places }: { walk: WalkForward; last: MidSample; places: number },
  horizonMs: number,
): Forecast | undefined {
  const samples = walk.line.samples()
  const line =
    samples.length < POINTS_MIN
      ? undefined
      : fitLine(samples.map(({ atMs, mid }) => [(atMs - last.atMs) / SECOND_MS, mid]))
  if (line === undefined) return undefined
  const x = horizonMs / SECOND_MS
  const mid = valueAt(line, x)
  const judged = walk.trials().filter(({ atMs }) => atMs > last.atMs - JUDGED_MS)
  return {
    last,
    targetMs: last.atMs + horizonMs,
    mid,
    line,
    interval: errorInterval(
      mid,
      judged.map(({ error }) => error),
    ),
    olsInterval: predictionInterval(line, x, SHARE) ?? null,
    scores: scores(judged, last.atMs),
    judged: judged.length,
    places,
  }
}

/** The forecast plus the middle 95 % of its past errors (R's type 7 quantiles); null below 30 of them. */
function errorInterval(mid: number, errors: readonly number[]): Interval | null {
  if (errors.length < ERRORS_MIN) return null
  const all = [...errors]
  const low = mid + quantile(all, (1 - SHARE) / 2)
  const high = mid + quantile(all, (1 + SHARE) / 2)
  return { low, high, errors: errors.length }
}
