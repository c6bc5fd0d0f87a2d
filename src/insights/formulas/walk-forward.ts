import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../models/time.ts'
import { type Sample, type SlidingLine, slidingLine } from './sliding-line.ts'

/** A forecast is made at every whole minute (UTC) ... */
export const TRIAL_EVERY_MS = MINUTE_MS
/** ... and judged over these spans before the last sample. */
export const SCORE_SPANS_MS = [15 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS] as const

/** A sample stands for a moment if it is the last one at or before it and not older than this. */
export const SAMPLE_AGE_MS_MAX = 10 * SECOND_MS

/** One forecast that has met its outcome; errors are outcome - forecast. `naive` forecasts the last mid. */
export type Trial = { readonly atMs: number; readonly error: number; readonly naiveError: number }

export type Score = {
  readonly spanMs: number
  readonly n: number
  /** Mean absolute errors, in the product's quote; null where n is 0. */
  readonly mae: number | null
  readonly naiveMae: number | null
}

type Pending = {
  readonly atMs: number
  readonly anchor: Sample
  readonly mid: number
  readonly targetMs: number
}

export type WalkForward = {
  /** The next sample; times never go back. */
  add(sample: Sample): void
  /** Trials that have met their outcome, oldest first. */
  trials(): readonly Trial[]
  /** The look-back as it stands after the last sample. */
  readonly line: SlidingLine
}

/**
 * Judges the forecast on the past, without ever looking ahead: at each whole minute t it is made from samples at or
 * before t only (the last of them, the anchor, at most 10 s old), for the anchor's time + horizon, and compared with the
 * sample that stands for that moment. A minute without an anchor, with too few samples or without an outcome has no trial.
 */
export function walkForward(about: { lookbackMs: number; horizonMs: number }): WalkForward {
  const line = slidingLine(about.lookbackMs)
  const trials: Trial[] = []
  let pending: Pending[] = []
  let nextMs: number | undefined

  function forecastAt(atMs: number): void {
    const anchor = line.last()
    if (anchor === undefined || atMs - anchor.atMs > SAMPLE_AGE_MS_MAX) return
    const targetMs = anchor.atMs + about.horizonMs
    const mid = line.midAt(targetMs)
    if (mid !== undefined) pending.push({ atMs, anchor, mid, targetMs })
  }

  /** Everything that was awaited before `untilMs` has met its outcome, or never will. */
  function settle(untilMs: number): void {
    const outcome = line.last()
    for (const one of pending) {
      if (one.targetMs >= untilMs || outcome === undefined) continue
      const isThere = outcome.atMs > one.anchor.atMs && one.targetMs - outcome.atMs <= SAMPLE_AGE_MS_MAX
      if (isThere) trials.push(trialOf(one, outcome))
    }
    pending = pending.filter((one) => one.targetMs >= untilMs)
  }

  return {
    line,
    trials: () => trials,
    add(sample) {
      nextMs ??= ceilTo(sample.atMs, TRIAL_EVERY_MS)
      if (nextMs < sample.atMs) {
        forecastAt(nextMs)
        // The minutes of a long silence have no anchor: on to the first one that this sample does not follow.
        nextMs = ceilTo(sample.atMs, TRIAL_EVERY_MS)
      }
      if (pending.length > 0 && pending[0]!.targetMs < sample.atMs) settle(sample.atMs)
      line.add(sample)
    },
  }
}

function trialOf(one: Pending, outcome: Sample): Trial {
  return { atMs: one.atMs, error: outcome.mid - one.mid, naiveError: outcome.mid - one.anchor.mid }
}

/** Ours and the naive forecast, side by side, over each span before `endMs`. */
export function scores(trials: readonly Trial[], endMs: number): Score[] {
  return SCORE_SPANS_MS.map((spanMs) => {
    const within = trials.filter(({ atMs }) => atMs > endMs - spanMs)
    return {
      spanMs,
      n: within.length,
      mae: meanAbsolute(within.map(({ error }) => error)),
      naiveMae: meanAbsolute(within.map(({ naiveError }) => naiveError)),
    }
  })
}

function meanAbsolute(errors: readonly number[]): number | null {
  if (errors.length === 0) return null
  return errors.reduce((sum, error) => sum + Math.abs(error), 0) / errors.length
}

function ceilTo(timeMs: number, stepMs: number): number {
  return Math.ceil(timeMs / stepMs) * stepMs
}
