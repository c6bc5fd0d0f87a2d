import { formatDuration } from '../models/time.ts'
import { ERRORS_MIN, type Forecast } from './forecast.ts'
import type { Score } from './formulas/walk-forward.ts'
import type { TextRow } from './insight.ts'
import { age, clock, NOTHING } from './words.ts'

/** How people read a forecast: with the places of its mids, what is not known yet said so. */
export function forecastRow(product: string, forecast: Forecast, nowMs: number): TextRow {
  const { last, line, interval, olsInterval, places } = forecast
  const range = (low: number, high: number) => `${low.toFixed(places)} to ${high.toFixed(places)}`
  return [
    product,
    last.text,
    age(nowMs - last.atMs),
    forecast.mid.toFixed(places),
    clock(forecast.targetMs, nowMs).slice(0, -4),
    interval === null
      ? `not yet (${forecast.judged} of ${ERRORS_MIN} errors)`
      : range(interval.low, interval.high),
    olsInterval === null ? NOTHING : range(olsInterval.low, olsInterval.high),
    signed(line.slope * 60, places + 1),
    line.r2 === null ? NOTHING : line.r2.toFixed(2),
    String(line.n),
    forecast.targetMs < nowMs ? 'its moment has passed' : '',
  ]
}

export function scoreRows(product: string, forecast: Forecast): TextRow[] {
  const places = forecast.places + 1
  return forecast.scores.map((score) => [
    product,
    formatDuration(score.spanMs),
    String(score.n),
    score.mae === null ? NOTHING : score.mae.toFixed(places),
    score.naiveMae === null ? NOTHING : score.naiveMae.toFixed(places),
    verdict(score),
  ])
}

function verdict({ mae, naiveMae }: Score): string {
  if (mae === null || naiveMae === null || mae === naiveMae) return ''
  const worse = Math.max(mae, naiveMae)
  const percent = Math.round((1 - Math.min(mae, naiveMae) / worse) * 100)
  if (percent === 0) return ''
  return mae < naiveMae ? `${percent} % better than naive` : `the naive one was ${percent} % better`
}

function signed(value: number, places: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(places)}`
}
