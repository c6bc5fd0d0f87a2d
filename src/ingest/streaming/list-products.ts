import type { Logger } from 'pino'
import type { Alert } from '../../alerts/alert.ts'
import type { Timers } from '../../models/timers.ts'
import type { HttpAnswer } from '../transport.ts'
import type { HttpRequest, Listing } from '../venue.ts'
import { type Refusing, retryMs } from '../wire/backoff.ts'
import { patternsFor, type WireUse } from './product-list.ts'

export type ListAbout = {
  readonly timers: Timers
  readonly random: () => number
  readonly stop: AbortSignal
  readonly log: Logger
  readonly tell: (title: string, text: string, severity: Alert['severity']) => void
}

/** So many answers in vain are worth a word to people. */
const FAILURES_TOLD = 5
/** To be refused where we are, once, is. */
const NOT_HERE = 451

export type ListOf = { readonly use: WireUse; readonly listings: readonly Listing[] }

/**
 * The product lists of every wire that any of the patterns speaks of, however long the venue takes to answer. Nothing can be
 * watched before, so there is nothing else to do; an abort of `stop` ends it with what there is.
 */
export async function listProducts(
  uses: readonly WireUse[],
  patterns: readonly string[],
  ask: (use: WireUse, request: HttpRequest) => Promise<HttpAnswer>,
  about: ListAbout,
): Promise<ListOf[]> {
  const spokenOf = uses.filter(({ wire }) => patternsFor(wire, patterns).length > 0)
  return Promise.all(
    spokenOf.map(async (use) => {
      const requests = use.wire.listingRequests(use.restUrl)
      const lists = await Promise.all(requests.map((request) => list(use, request, ask, about)))
      return { use, listings: lists.flat() }
    }),
  )
}

async function list(
  use: WireUse,
  request: HttpRequest,
  ask: (use: WireUse, request: HttpRequest) => Promise<HttpAnswer>,
  about: ListAbout,
): Promise<readonly Listing[]> {
  const { stop, random, log, tell } = about
  const { host } = new URL(request.url)
  let isTold = false
  for (let failures = 0; !stop.aborted; ) {
    const answer = await ask(use, request)
    if (stop.aborted) break
    const read = answer.kind === 'body' ? use.wire.parseListing(answer.bytes) : answer
    if ('listings' in read) {
      if (isTold) tell(`${host} lists its products again`, 'Streaming begins.', 'info')
      return read.listings
    }
    failures++
    const message = 'refusal' in read ? `cannot be read: ${read.refusal.message}` : read.message
    log.warn({ host, failures }, `no product list from ${host}: ${message}`)
    const refusing: Refusing = 'status' in read ? read : {}
    if (!isTold && (failures >= FAILURES_TOLD || refusing.status === NOT_HERE)) {
      isTold = true
      const answers = failures === 1 ? 'The answer' : `The last of ${failures} answers`
      const text = `${answers}: ${message}\nNothing can be streamed before it comes; we go on asking.`
      tell(`${host} does not list its products`, text, 'warning')
    }
    await paused(retryMs(refusing, failures, random), about)
  }
  return []
}

function paused(ms: number, { timers, stop }: ListAbout): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel()
      stop.removeEventListener('abort', end)
      resolve()
    }
    const cancel = timers.after(ms, end)
    stop.addEventListener('abort', end)
  })
}
