import { EngineError } from '../models/engine-error.ts'

/** When a sink may be used next, on a clock that never jumps. */
export type Pace = { readonly failures: number; readonly notBeforeMs: number }

export const NEW_PACE: Pace = { failures: 0, notBeforeMs: 0 }

const BACKOFF_MS_MIN = 1_000
const BACKOFF_MS_MAX = 60_000
/** A sink that asks for more than an hour is asked again after one: somebody may have mended it. */
const AFTER_MS_MAX = 3_600_000

export function paceAfterSent(nowMs: number, paceMs: number): Pace {
  return { failures: 0, notBeforeMs: nowMs + paceMs }
}

/** 1 s, 2 s, 4 s ... 60 s, each shortened by up to a half so that many do not come at once; or what the sink asks for. */
export function paceAfterFailed(pace: Pace, nowMs: number, error: unknown, random: number): Pace {
  const failures = pace.failures + 1
  const backoffMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** (failures - 1)) * (1 - random / 2)
  const askedMs = error instanceof EngineError && typeof error.retry === 'object' ? error.retry.afterMs : 0
  return { failures, notBeforeMs: nowMs + Math.max(backoffMs, Math.min(askedMs, AFTER_MS_MAX)) }
}
