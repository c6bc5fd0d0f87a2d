import { quantile } from 'simple-statistics'
import { formatDuration, HOUR_MS, isoTime, SECOND_MS } from '../models/time.ts'
import { feedName, feedsOf, type KnownFeed } from './feeds.ts'
import { forecastRow, scoreRows } from './forecast-text.ts'
import { fitLine, type Line, predictionInterval, valueAt } from './formulas/least-squares.ts'
import { POINTS_MIN } from './formulas/sliding-line.ts'
import { type Score, scores, type WalkForward, walkForward } from './formulas/walk-forward.ts'
import type { Insight, InsightAbout, InsightAnswer } from './insight.ts'
import { type MidSample, readSamples } from './samples.ts'
import { age, clock } from './words.ts'

/** The past that forecasts are judged on. */
const JUDGED_MS = 6 * HOUR_MS

/** The share of outcomes that both intervals speak of. */
const SHARE = 0.95

/** An empirical range of fewer errors than this says nothing about one in twenty. */
const ERRORS_MIN = 30

/**
 * Where the mid will be, if it goes on as it went: ordinary least squares of the mid on time in seconds, over the
 * one-second samples of the look-back (15 min) before the last sample, read off at the last sample's time + horizon (60 s).
 * A second without an ok book has no sample. It refuses below five samples, and where all are of one moment.
 *
 * It is judged, not admired: the same forecast was made at every whole minute of the last six hours from what was known
 * then, and so was the naive one (the mid stays where it is). `interval` is the forecast plus the middle 95 % of those
 * errors, from 30 of them on; `olsInterval` is the textbook's, which on a random walk holds only about 70 % of the time.
 *
 * Source: https://en.wikipedia.org/wiki/Simple_linear_regression; the worked example stands at `fitLine`.
 */
export const midPriceForecast: Insight = {
  name: 'mid-price-forecast',
  tables: [
    {
      title: 'Mid-price forecast',
      says: 'a straight line through the last mids, read off ahead of the last one; prices in the quote currency',
      columns: [
        ['product', 'left'],
        ['last mid', 'point'],
        ['age', 'right'],
        ['forecast', 'point'],
        ['for', 'left'],
        ['95 % of past errors', 'left'],
        ['textbook OLS 95 %', 'left'],
        ['slope/min', 'point'],
        ['R²', 'right'],
        ['n', 'right'],
        ['', 'left'],
      ],
    },
    {
      title: 'How good that forecast was',
      says: 'mean absolute error over past forecasts, beside the naive one (the last mid); quote currency',
      columns: [
        ['product', 'left'],
        ['over', 'right'],
        ['forecasts', 'right'],
        ['error', 'point'],
        ['naive error', 'point'],
        ['', 'left'],
      ],
    },
  ],
  async answer(db, about) {
    const states = new Map<string, State>()
    const ranges = (await feedsOf(db, about)).map((feed) => {
      const { forecastLookbackMs: lookbackMs, forecastHorizonMs: horizonMs } = about
      states.set(feedName(feed), { feed, walk: walkForward({ lookbackMs, horizonMs }), last: undefined })
      return { feed, fromMs: feed.lastMs - JUDGED_MS - lookbackMs, toMs: feed.lastMs }
    })
    await readSamples(db, about, ranges, (feed, sample) => {
      const state = states.get(feedName(feed))!
      state.last = sample
      state.walk.add(sample)
    })
    return [...states.values()].map((state) => answerOf(state, about))
  },
}

type State = { readonly feed: KnownFeed; readonly walk: WalkForward; last: MidSample | undefined }

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
}

function answerOf({ feed, walk, last }: State, about: InsightAbout): InsightAnswer {
  const { venue, source, product } = feed
  const base = { venue, source, product }
  if (last === undefined) {
    return { ...base, fromMs: null, toMs: null, ...refusal(feed, 'no uncrossed mid', null, about) }
  }
  const fromMs = walk.line.samples()[0]!.atMs
  const forecast = forecastOf(walk, last, about.forecastHorizonMs)
  if (forecast === undefined) {
    const count = walk.line.samples().length
    const reason = `${count} of at least ${POINTS_MIN} samples in ${formatDuration(about.forecastLookbackMs)}`
    return { ...base, fromMs, toMs: last.atMs, ...refusal(feed, reason, last, about) }
  }
  return {
    ...base,
    fromMs,
    toMs: last.atMs,
    result: resultOf(forecast, about),
    sentence: sentenceOf(feed, forecast, about.nowMs),
    rows: [[forecastRow(product, forecast, about.nowMs)], scoreRows(product, forecast)],
  }
}

/** The forecast as of the last sample; undefined where the formula refuses. */
export function forecastOf(walk: WalkForward, last: MidSample, horizonMs: number): Forecast | undefined {
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

function resultOf(forecast: Forecast, about: InsightAbout) {
  const { last, line } = forecast
  return {
    lastMid: last.text,
    lastMidAt: isoTime(last.atMs),
    ageMs: about.nowMs - last.atMs,
    lookbackMs: about.forecastLookbackMs,
    horizonMs: about.forecastHorizonMs,
    forecast: forecast.mid,
    forecastFor: isoTime(forecast.targetMs),
    naiveForecast: last.text,
    slopePerSecond: line.slope,
    r2: line.r2,
    samples: line.n,
    interval: forecast.interval,
    olsInterval: forecast.olsInterval,
    scores: forecast.scores.map(({ spanMs, ...score }) => ({ over: formatDuration(spanMs), ...score })),
  }
}

function refusal(feed: KnownFeed, reason: string, last: MidSample | null, about: InsightAbout) {
  const lastMid = last === null ? null : last.text
  const lastMidAt = last === null ? null : isoTime(last.atMs)
  const row = [feed.product, lastMid ?? '–', last === null ? '–' : age(about.nowMs - last.atMs)]
  const note = `no forecast: ${reason}`
  return {
    result: { forecast: null, reason, lastMid, lastMidAt },
    sentence: `${feed.product} (${feed.source}): ${note}`,
    rows: [[[...row, '–', '–', '–', '–', '–', '–', '–', note]], []],
  }
}

function sentenceOf(feed: KnownFeed, forecast: Forecast, nowMs: number): string {
  const target = clock(forecast.targetMs, nowMs)
  const last = `${forecast.last.text} at ${clock(forecast.last.atMs, nowMs)}`
  return `${feed.product} (${feed.source}): mid is forecast at ${forecast.mid.toPrecision(10)} for ${target}, from ${last}`
}
