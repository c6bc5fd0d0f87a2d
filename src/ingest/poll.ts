import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Alert } from '../alerts/alert.ts'
import { openPublisher, type Publishing } from '../broker/publisher.ts'
import { EngineError } from '../models/engine-error.ts'
import type { FeedRecord } from '../models/feed-records.ts'
import type { SourceId } from '../models/scalars.ts'
import { formatDuration } from '../models/time.ts'
import { openDrops } from './drops.ts'
import { type ClockSkew, NO_SKEW, skewMs, skewText, withAnswer } from './polling/clock-skew.ts'
import type { Answer } from './polling/fetch-body.ts'
import { type BodySorter, openBodySorter, type PollLedger } from './polling/poll-bodies.ts'
import { effectivePollMs, firstPollMs, nextPollMs } from './polling/poll-schedule.ts'
import { fetchRetrying, type RetryPolicy } from './polling/retrying-fetch.ts'
import { sourceOf } from './source.ts'
import type { PolledVenue } from './venue.ts'
import type { Instant } from './watch.ts'
import { type Line, openWatchedFeed, type WatchedFeed } from './watched-feed.ts'
import { type Bucket, fullBucket, type Rate, takeToken } from './wire/token-bucket.ts'

export type PollSettings = {
  readonly broker: Publishing
  /** Unique for ever: it names this run's records. */
  readonly run: string
  readonly venue: PolledVenue
  readonly baseUrl: string
  readonly products: readonly string[]
  /** Levels a side that travel. */
  readonly levelsMax: number
  readonly pollMs: number
  readonly policy: RetryPolicy
  /** Shared by all products, retries too. */
  readonly rate: Rate
  readonly markMs: number
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly stop: AbortSignal
  readonly log: Logger
  /** Tells people. Bounded in time and never rejects: telling must not change how the run ends. */
  readonly tell: (alert: Alert) => Promise<void>
}

/** How a run ended. Without `failure` it was stopped, and its marks say goodbye. */
export type PollOutcome = { readonly ledger: PollLedger; readonly failure: EngineError | undefined }

type Run = PollSettings & {
  readonly source: SourceId
  readonly intervalMs: number
  readonly startedMonotonicMs: number
  readonly lines: ReadonlyMap<string, Line>
  readonly feed: WatchedFeed
  readonly bodies: BodySorter
  /** Aborted by `stop` and by the first failure. */
  readonly ending: AbortController
  readonly refused: Set<string>
  readonly tellings: Promise<void>[]
  bucket: Bucket
  skew: ClockSkew
  failure: EngineError | undefined
}

/**
 * Polls every product's book until `stop` aborts or the run fails: one product's calls are used up, no product is left,
 * or the broker breaks its promise. A full spool is no failure: what there is no room for is a hole. Rejects only where
 * the broker cannot even be opened for writing.
 */
export async function runPoll(settings: PollSettings): Promise<PollOutcome> {
  const run = await begin(settings)
  const end = () => run.ending.abort()
  run.stop.addEventListener('abort', end)
  if (run.stop.aborted) end()
  sayStart(run)
  const polls = run.products.map((product, index) => guarded(run, pollProduct(run, product, index)))
  await Promise.all([...polls, guarded(run, markSteadily(run))])
  run.stop.removeEventListener('abort', end)
  if (run.failure === undefined) await guarded(run, run.feed.mark(now(run), true))
  await sayEnd(run)
  return { ledger: run.bodies.ledger, failure: run.failure }
}

async function begin(settings: PollSettings): Promise<Run> {
  const { venue, products, baseUrl, rate, levelsMax, log } = settings
  const source = sourceOf(venue, baseUrl)
  const intervalMs = effectivePollMs(products.length, settings.pollMs, rate)
  const publisher = await openPublisher(settings.broker, settings.run)
  // A poll vouches until the one after the next: one missed answer is not yet a hole.
  const vouchMs = 2 * intervalMs
  const onRecord = (record: FeedRecord) => sayRecord(log, record)
  const tellings: Promise<void>[] = []
  const onFate = openDrops({
    ...settings,
    venue: venue.id,
    tell: (alert) => tellings.push(settings.tell(alert)),
  })
  const lines = new Map(products.map((product) => [product, lineOf(product)]))
  const about = { venue: venue.id, source, vouchMs, onRecord, onFate }
  const feed = openWatchedFeed(publisher, [...lines.values()], about)
  const startedMonotonicMs = settings.monotonicMs()
  const ending = new AbortController()
  // Each product waits for one thing at a time, and the marks for theirs: more listeners would be a leak.
  setMaxListeners(products.length + 1, ending.signal)
  return {
    ...settings,
    source,
    intervalMs,
    startedMonotonicMs,
    lines,
    feed,
    bodies: openBodySorter({ venue, source, feed, levelsMax, log }),
    ending,
    refused: new Set(),
    tellings,
    bucket: fullBucket(rate, startedMonotonicMs),
    skew: NO_SKEW,
    failure: undefined,
  }
}

/** Between two polls a book may be anywhere. */
function lineOf(product: string): Line {
  return { kind: 'books', product, continuity: 'unproven' }
}

async function pollProduct(run: Run, product: string, index: number): Promise<void> {
  let dueMs = run.startedMonotonicMs + firstPollMs(index, run.products.length, run.intervalMs)
  while (!run.refused.has(product)) {
    await sleepUntil(run, dueMs)
    await pollOnce(run, product)
    dueMs = nextPollMs(dueMs, run.monotonicMs(), run.intervalMs)
  }
}

async function pollOnce(run: Run, product: string): Promise<void> {
  const { answer, askedMonotonicMs } = await ask(run, product)
  if (answer.kind === 'refused') return refuse(run, product, answer)
  const at = now(run)
  const exchangeTimeMs = await run.bodies.take(run.lines.get(product)!, answer, at)
  // By the clock that never jumps: the other may be set while an answer is under way.
  const askedAtMs = at.timeMs - (at.monotonicMs - askedMonotonicMs)
  if (exchangeTimeMs !== null) noteSkew(run, { exchangeTimeMs, askedAtMs, receivedAtMs: at.timeMs })
}

/** The answer, and when the request that brought it left. */
async function ask(run: Run, product: string): Promise<{ answer: Answer; askedMonotonicMs: number }> {
  const stop = run.ending.signal
  const url = run.venue.bookUrl(run.baseUrl, product)
  let askedMonotonicMs = 0
  try {
    const answer = await fetchRetrying(url, {
      policy: run.policy,
      nowMs: run.nowMs,
      stop,
      turn: async () => {
        await takeTurn(run)
        askedMonotonicMs = run.monotonicMs()
      },
      onFailure: (error, { attempt, retriesLeft }) =>
        noteFailure(run, product, { attempt, retriesLeft, error: error.message }),
    })
    return { answer, askedMonotonicMs }
  } catch (error) {
    const isExhausted = error instanceof EngineError && error.code === 'venue-unreachable'
    throw isExhausted ? exhausted(run, product, error) : error
  }
}

/** A wrong clock spoils no book, but windows are cut and closed by the venue's time: people are warned once. */
function noteSkew(run: Run, answer: Parameters<typeof withAnswer>[1]): void {
  const { skew, warn } = withAnswer(run.skew, answer)
  run.skew = skew
  if (!warn) return
  const ms = skewMs(skew)!
  run.log.warn({ skewMs: ms }, `the clock of ${run.venue.id} stands ${skewText(ms)}`)
}

async function noteFailure(
  run: Run,
  product: string,
  about: { attempt: number; retriesLeft: number; error: string },
): Promise<void> {
  run.log.warn({ product, ...about }, `no answer for ${product}: ${about.error}`)
  await run.feed.trouble(run.lines.get(product)!, now(run), 'unreachable')
}

function exhausted(run: Run, product: string, last: EngineError): EngineError {
  const calls = run.policy.retries + 1
  return new EngineError(
    'venue-unreachable',
    `${run.venue.id} gave no answer for ${product} in ${calls} calls; the last: ${last.message}`,
    { cause: last, hint: 'The ingestor stays down. See to the network and the venue, then start it again.' },
  )
}

/** The venue will not answer for this product: people are told, it is left alone, the others go on. */
async function refuse(run: Run, product: string, answer: Answer & { kind: 'refused' }): Promise<void> {
  const { status, message } = answer
  const isUnknown = status === 400 || status === 404
  run.refused.add(product)
  run.log.error({ product, status, answer: message }, `${run.venue.id} refuses ${product}: ${status}`)
  run.tellings.push(run.tell(refusalAlert(run, product, answer)))
  await run.feed.refused(run.lines.get(product)!, now(run), isUnknown ? 'unknown-product' : 'bad-answer')
  if (run.refused.size < run.products.length) return
  throw new EngineError('venue-refused', `${run.venue.id} refuses every product: nothing is left to poll`, {
    hint: 'Check the products in VENUES against those the venue lists.',
  })
}

function refusalAlert(run: Run, product: string, answer: Answer & { kind: 'refused' }): Alert {
  const others = run.products.length - run.refused.size
  const rest = others === 0 ? 'No product is left: the ingestor stops.' : `The other ${others} go on.`
  return {
    id: `${run.run}-refused-${product}`,
    title: `${run.venue.id} refuses ${product}: ${answer.status}`,
    text: `It answered: ${answer.message}\n${product} is not polled any more in this run. ${rest}`,
    severity: others === 0 ? 'critical' : 'warning',
    atMs: run.nowMs(),
  }
}

async function markSteadily(run: Run): Promise<void> {
  let dueMs = run.startedMonotonicMs + run.markMs
  for (;;) {
    await sleepUntil(run, dueMs)
    await run.feed.mark(now(run), false)
    dueMs = nextPollMs(dueMs, run.monotonicMs(), run.markMs)
  }
}

/** The first failure ends the run; that the others are then aborted is no failure of theirs. */
async function guarded(run: Run, work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') return
    run.failure ??=
      error instanceof EngineError ? error : new EngineError('bug', String(error), { cause: error })
    run.ending.abort()
  }
}

async function takeTurn(run: Run): Promise<void> {
  const { bucket, waitMs } = takeToken(run.bucket, run.monotonicMs(), run.rate)
  run.bucket = bucket
  if (waitMs > 0) await sleep(waitMs, undefined, { signal: run.ending.signal })
}

async function sleepUntil(run: Run, dueMonotonicMs: number): Promise<void> {
  const waitMs = Math.max(0, dueMonotonicMs - run.monotonicMs())
  await sleep(waitMs, undefined, { signal: run.ending.signal })
}

function now(run: Run): Instant {
  return { timeMs: run.nowMs(), monotonicMs: run.monotonicMs() }
}

function sayStart(run: Run): void {
  const { log, venue, products, source, baseUrl, intervalMs, pollMs, rate } = run
  const every = formatDuration(intervalMs)
  const slowed = intervalMs > pollMs ? ` (${rate.perSecond} requests a second allow no more)` : ''
  log.info(
    {
      venue: venue.id,
      source,
      host: new URL(baseUrl).host,
      products: products.length,
      intervalMs,
      run: run.run,
    },
    `polling ${products.length} products of ${venue.id} every ${every}${slowed}`,
  )
}

function sayRecord(log: Logger, record: FeedRecord): void {
  if (record.type === 'up') log.info({ product: record.product }, `watching ${record.product}`)
  if (record.type === 'hole-open') {
    log.warn({ product: record.product, hole: record.id, reason: record.reason }, 'a hole opens')
  }
  if (record.type === 'hole-close')
    log.info({ product: record.product, hole: record.id }, 'the hole is closed')
}

async function sayEnd(run: Run): Promise<void> {
  const { failure, log, bodies } = run
  log.info({ ledger: bodies.ledger, skewMs: skewMs(run.skew) }, 'polling ended')
  if (failure !== undefined) {
    // Only a bug is found by its stack; what else ends a run is said by its message.
    const about = failure.code === 'bug' ? { err: failure.cause } : { hint: failure.hint }
    log.error({ code: failure.code, ...about }, failure.message)
    // Of a refused product people have been told already.
    if (failure.code !== 'venue-refused') run.tellings.push(run.tell(stopAlert(run, failure)))
  }
  await Promise.all(run.tellings)
}

function stopAlert(run: Run, failure: EngineError): Alert {
  return {
    id: `${run.run}-stopped`,
    title: `The ${run.venue.id} ingestor has stopped`,
    text: [failure.message, failure.hint ?? ''].join('\n').trim(),
    severity: 'critical',
    atMs: run.nowMs(),
  }
}
