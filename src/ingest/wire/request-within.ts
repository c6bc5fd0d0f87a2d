import { setMaxListeners } from 'node:events'
import type { HttpAnswer, RequestLimits, Transport } from '../transport.ts'
import type { HttpRequest } from '../venue.ts'
import { refusalText, retryMs, staysAwayMs } from './backoff.ts'
import type { WireBudget } from './budget.ts'

export type RequestAbout = RequestLimits & {
  /** Further calls where a call brought no answer; none where it is left out. */
  readonly retries?: number
  readonly random: () => number
}

/** Requests of a wire that wait: one for every product there may be. What asks for more has lost count. */
const WAITING_MAX = 10_000

/**
 * One request, or with `retries` up to so many more, within what the wire's budget leaves: in the order of asking, and after
 * whatever time the venue has told all of the wire to stay away (429, 418). Never rejects; a refusal's message is for
 * people, and an abort of `stop` is `failed`.
 */
export async function requestWithin(
  budget: WireBudget,
  transport: Transport,
  request: HttpRequest,
  about: RequestAbout,
): Promise<HttpAnswer> {
  // Every request that waits listens to it.
  setMaxListeners(WAITING_MAX, about.stop)
  for (let failed = 0; ; failed++) {
    const answer = await askOnce(budget, transport, request, about)
    if (about.stop.aborted || failed >= (about.retries ?? 0) || !mayBeOtherwise(answer)) return answer
    await waited(budget, retryMs(answer.kind === 'refused' ? answer : {}, failed, about.random), about.stop)
  }
}

async function askOnce(
  budget: WireBudget,
  transport: Transport,
  request: HttpRequest,
  { timeoutMs, bodyBytesMax, stop }: RequestAbout,
): Promise<HttpAnswer> {
  if (budget.requests.waiting >= WAITING_MAX) return failed(`${WAITING_MAX} requests are waiting already`)
  const done = await turn(budget, request.weight, stop)
  if (done === undefined) return failed('stopped')
  try {
    const answer = await transport.request(request, { timeoutMs, bodyBytesMax, stop })
    if (answer.kind !== 'refused') return answer
    const awayMs = staysAwayMs(answer)
    if (awayMs !== undefined) budget.requests.pause(awayMs)
    return { ...answer, message: refusalText(answer.status, answer.message) }
  } finally {
    done()
  }
}

/** Resolves at the request's turn with what is to be called at its end, or with undefined once `stop` aborts. */
function turn(budget: WireBudget, weight: number, stop: AbortSignal): Promise<(() => void) | undefined> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve(undefined)
    const leave = () => {
      giveUp()
      resolve(undefined)
    }
    stop.addEventListener('abort', leave)
    const giveUp = budget.requests.turn(weight, (done) => {
      stop.removeEventListener('abort', leave)
      resolve(done)
    })
  })
}

/** Whether another call may bring another answer: no answer at all, the venue's own trouble, too much asked for. */
function mayBeOtherwise(answer: HttpAnswer): boolean {
  if (answer.kind !== 'refused') return answer.kind === 'failed'
  return answer.status >= 500 || answer.status === 429 || answer.status === 418 || answer.status === 408
}

function waited({ timers }: WireBudget, ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel()
      stop.removeEventListener('abort', end)
      resolve()
    }
    const cancel = timers.after(ms, end)
    stop.addEventListener('abort', end)
    if (stop.aborted) end()
  })
}

function failed(message: string): HttpAnswer {
  return { kind: 'failed', message }
}
