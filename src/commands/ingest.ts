import type { Alert } from '../alerts/alert.ts'
import { openSinks } from '../alerts/sinks.ts'
import { tellAll } from '../alerts/tell.ts'
import { openPublishingBroker } from '../broker/open-broker.ts'
import type { Publishing } from '../broker/publisher.ts'
import { coinbase } from '../ingest/coinbase.ts'
import { runPoll } from '../ingest/poll.ts'
import { runStream } from '../ingest/stream.ts'
import { listProducts } from '../ingest/streaming/list-products.ts'
import { nothingToWatch, shareOut, type WireUse } from '../ingest/streaming/product-list.ts'
import { addressesOf, sourceOfUses, usesOf } from '../ingest/streaming/wire-uses.ts'
import type { Transport } from '../ingest/transport.ts'
import { venues } from '../ingest/venues.ts'
import { openBudget } from '../ingest/wire/budget.ts'
import { realTransport } from '../ingest/wire/real-transport.ts'
import { requestWithin } from '../ingest/wire/request-within.ts'
import { EngineError } from '../models/engine-error.ts'
import type { VenueId } from '../models/scalars.ts'
import { SECOND_MS } from '../models/time.ts'
import type { Timers } from '../models/timers.ts'
import type { Context } from './context.ts'
import { realTimers } from './real-timers.ts'

/** Coinbase allows 10 requests a second and address, shared with whatever else runs there; no bursts are needed. */
const POLL_RATE = { perSecond: 8, burst: 1 }
/** A real book is 1.2 MB, a list of all products of a venue 5 MB. */
const BODY_BYTES_MAX = 16 * 1024 * 1024
const RETRIES = 5
const RETRY_MS = SECOND_MS
const MARK_MS = SECOND_MS
const ALERT_MS_MAX = 10 * SECOND_MS

/** Everything that the ways of one process share. */
type Ingest = Context & {
  readonly broker: Publishing
  readonly transport: Transport
  readonly timers: Timers
  readonly tell: (alert: Alert) => Promise<void>
}

/** One way of one venue: resolves with whether it was stopped in order. */
type Way = (about: Ingest) => Promise<boolean>

/**
 * Takes what the venues offer until stopped (0). A way that gives up stays down, and the others go on; exit 1 once all have
 * ended and one of them had given up. `venue` names one of the configured venues.
 */
export async function ingest(context: Context, options: { readonly venue?: string } = {}): Promise<number> {
  const ways = waysOf(context, options.venue)
  const { config, log, nowMs, monotonicMs, random } = context
  const sinks = openSinks(config, log)
  const broker = await openPublishingBroker(config, { nowMs, monotonicMs, random, log })
  const about: Ingest = {
    ...context,
    broker,
    transport: realTransport(),
    timers: realTimers(context),
    tell: (alert) => tellAll(sinks, alert, { timeoutMs: ALERT_MS_MAX, log }),
  }
  try {
    const inOrder = await Promise.all(ways.map((way) => guarded(way, about)))
    return inOrder.every(Boolean) ? 0 : 1
  } finally {
    // How the run ended is decided: a log that cannot even be closed must not hide it.
    await broker.close().catch((error: unknown) => log.error({ err: error }, 'the log did not close'))
  }
}

/** What ends one way before it has begun ends none of the others. */
async function guarded(way: Way, about: Ingest): Promise<boolean> {
  try {
    return await way(about)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    about.log.error({ code: error.code, hint: error.hint }, error.message)
    return false
  }
}

function waysOf({ config }: Context, only: string | undefined): Way[] {
  const chosen = config.venues.filter(({ venue }) => only === undefined || venue === only)
  if (chosen.length === 0) {
    throw new EngineError('usage', `--venue got "${only}", expected one that VENUES names`, {
      hint: `VENUES names ${config.venues.map(({ venue }) => venue).join(', ')}`,
    })
  }
  return chosen.flatMap(({ venue, patterns }) => {
    const uses = usesOf(venues[venue], { ...config, kinds: config.feeds })
    const polls = venue === 'coinbase' && config.coinbaseBooks === 'rest' && config.feeds.includes('books')
    return [
      ...(polls ? [(about: Ingest) => pollCoinbase(about, patterns)] : []),
      ...(uses.length > 0 ? [(about: Ingest) => stream(about, venue, uses, patterns)] : []),
    ]
  })
}

async function pollCoinbase(about: Ingest, patterns: readonly string[]): Promise<boolean> {
  const { config, nowMs, random } = about
  const products = await coinbaseProducts(about, patterns)
  if (about.stop.aborted) return true
  const { failure } = await runPoll({
    ...about,
    run: runId(nowMs(), random()),
    venue: coinbase,
    baseUrl:
      config.simulatorUrl === undefined ? config.coinbaseRestUrl : `${config.simulatorUrl}/coinbase/exchange`,
    products,
    levelsMax: config.bookLevels,
    pollMs: config.pollMs,
    policy: {
      timeoutMs: config.requestTimeoutMs,
      bodyBytesMax: BODY_BYTES_MAX,
      retries: RETRIES,
      retryMs: RETRY_MS,
    },
    rate: POLL_RATE,
    markMs: MARK_MS,
  })
  return failure === undefined
}

/** Names need no list: a product that is none is refused when it is asked for. Patterns do. */
async function coinbaseProducts(about: Ingest, patterns: readonly string[]): Promise<readonly string[]> {
  if (!patterns.some((pattern) => pattern.includes('*'))) return patterns
  const { config, timers, transport, random, stop, log, tell } = about
  const wire = coinbase.wires[0]!
  const use: WireUse = { wire, kinds: ['books'], ...addressesOf(coinbase, wire, config.simulatorUrl) }
  const budget = openBudget(wire.limits, timers)
  const limits = { timeoutMs: config.requestTimeoutMs, bodyBytesMax: BODY_BYTES_MAX, stop, random }
  const lists = await listProducts(
    [use],
    patterns,
    (_, request) => requestWithin(budget, transport, request, limits),
    {
      timers,
      random,
      stop,
      log,
      tell: (title, text, severity) =>
        void tell({ id: `${title}-${timers.nowMs()}`, title, text, severity, atMs: timers.nowMs() }),
    },
  )
  if (stop.aborted) return []
  const products = shareOut(lists, patterns).shares.flatMap(({ wanted }) =>
    wanted.map(({ listing }) => listing.product),
  )
  if (products.length === 0) throw nothingToWatch('coinbase', patterns)
  return products
}

async function stream(
  about: Ingest,
  id: VenueId,
  uses: readonly WireUse[],
  patterns: readonly string[],
): Promise<boolean> {
  const { config, log, nowMs, random } = about
  const venue = venues[id]
  const { failure } = await runStream({
    ...about,
    log: log.child({ venue: id }),
    run: runId(nowMs(), random()),
    venue,
    source: sourceOfUses(venue, uses),
    uses,
    patterns,
    levelsMax: config.bookLevels,
    bookIntervalMs: config.bookIntervalMs,
    // On Kafka the spool waits for others itself.
    lingerMs: config.kafkaBrokers === undefined ? config.lingerMs : 0,
    markMs: MARK_MS,
    requestMs: config.requestTimeoutMs,
    bodyBytesMax: BODY_BYTES_MAX,
  })
  return failure === undefined
}

/** Unique for ever: the moment it began, and 40 bits of chance. */
function runId(startedMs: number, random: number): string {
  return `ingest-${startedMs.toString(36)}-${Math.floor(random * 2 ** 40).toString(36)}`
}
