import { formatDuration, isoTime } from '../models/time.ts'
import { feedsOf, type KnownFeed } from './feeds.ts'
import { type Forecast, forecastOf, JUDGED_MS } from './forecast.ts'
import { forecastRow, scoreRows } from './forecast-text.ts'
import { POINTS_MIN } from './formulas/sliding-line.ts'
import { type WalkForward, walkForward } from './formulas/walk-forward.ts'
import type { Insight, InsightAbout, InsightAnswer } from './insight.ts'
import { type MidSample, readSamples, type SampleRange } from './samples.ts'
import { age, clock, NOTHING, placesOf } from './words.ts'

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
        ['last mid (naive)', 'point'],
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
    const states = (await feedsOf(db, about)).map((feed) => stateOf(feed, about))
    await readSamples(db, about, states)
    return states.map((state) => answerOf(state, about))
  },
}

type State = SampleRange & {
  readonly feed: KnownFeed
  readonly walk: WalkForward
  last: MidSample | undefined
  places: number
}

function stateOf(feed: KnownFeed, about: InsightAbout): State {
  const { forecastLookbackMs: lookbackMs, forecastHorizonMs: horizonMs } = about
  const walk = walkForward({ lookbackMs, horizonMs })
  const state: State = {
    feed,
    fromMs: feed.lastMs - JUDGED_MS - lookbackMs,
    toMs: feed.lastMs,
    walk,
    last: undefined,
    places: 0,
    take(sample) {
      state.last = sample
      state.places = Math.max(state.places, placesOf(sample.text))
      walk.add(sample)
    },
  }
  return state
}

function answerOf({ feed, walk, last, places }: State, about: InsightAbout): InsightAnswer {
  const { venue, source, product } = feed
  const base = { venue, source, product }
  if (last === undefined) {
    return { ...base, fromMs: null, toMs: null, ...refusal(feed, 'no uncrossed mid', null, about) }
  }
  const fromMs = walk.line.samples()[0]!.atMs
  const forecast = forecastOf({ walk, last, places }, about.forecastHorizonMs)
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
  const row = [feed.product, lastMid ?? NOTHING, last === null ? NOTHING : age(about.nowMs - last.atMs)]
  const note = `no forecast: ${reason}`
  return {
    result: { forecast: null, reason, lastMid, lastMidAt },
    sentence: `${feed.product} (${feed.source}): ${note}`,
    rows: [[[...row, ...Array<string>(7).fill(NOTHING), note]], []],
  }
}

function sentenceOf(feed: KnownFeed, forecast: Forecast, nowMs: number): string {
  const mid = forecast.mid.toFixed(forecast.places)
  const target = clock(forecast.targetMs, nowMs)
  const last = `${forecast.last.text} at ${clock(forecast.last.atMs, nowMs)}`
  return `${feed.product} (${feed.source}): mid is forecast at ${mid} for ${target}, from ${last}`
}
