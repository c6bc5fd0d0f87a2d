import { setTimeout as sleep } from 'node:timers/promises'
import pRetry from 'p-retry'
import { EngineError } from '../../models/engine-error.ts'
import { type Answer, type FetchLimits, fetchBody } from './fetch-body.ts'

/** One call and `retries` more; between them `retryMs`, doubled each time, with jitter up to twice that. */
export type RetryPolicy = FetchLimits & { readonly retries: number; readonly retryMs: number }

/** A server may ask us to wait, but not longer: the product is in a hole meanwhile. */
const RETRY_AFTER_MS_MAX = 5 * 60_000

export type RetryingFetch = {
  readonly policy: RetryPolicy
  readonly nowMs: () => number
  readonly stop: AbortSignal
  /** Resolves when one more request may leave; each attempt asks. */
  readonly turn: () => Promise<void>
  /** Waited for after every call that brought no answer; what it throws ends everything. */
  readonly onFailure: (error: Error, about: { attempt: number; retriesLeft: number }) => Promise<void>
}

/**
 * The server's answer, however many calls it takes within the policy. Throws the last call's EngineError when all are
 * used up, or the abort when `stop` ends it. The budget is this answer's own: the next one begins anew.
 */
export function fetchRetrying(url: string, about: RetryingFetch): Promise<Answer> {
  const { policy, stop, turn, nowMs } = about
  const attempt = async () => {
    await turn()
    return fetchBody(url, policy, { nowMs, stop })
  }
  return pRetry(attempt, {
    retries: policy.retries,
    factor: 2,
    minTimeout: policy.retryMs,
    randomize: true,
    signal: stop,
    onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
      if (!stop.aborted) await about.onFailure(error, { attempt: attemptNumber, retriesLeft })
    },
    shouldRetry: async ({ error }) => {
      if (stop.aborted || !(error instanceof EngineError)) return false
      if (typeof error.retry === 'object') await waitAsAsked(error.retry.afterMs, stop)
      return true
    },
  })
}

async function waitAsAsked(afterMs: number, stop: AbortSignal): Promise<void> {
  await sleep(Math.min(afterMs, RETRY_AFTER_MS_MAX), undefined, { signal: stop })
}
