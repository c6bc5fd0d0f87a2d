import { join } from 'node:path'
import type { Publishing } from '../broker/publisher.ts'
import { capturing } from '../ingest/capture/capture.ts'
import { type CaptureFile, openCaptureFile } from '../ingest/capture/capture-file.ts'
import { runStream } from '../ingest/stream.ts'
import { sourceOfUses, usesOf } from '../ingest/streaming/wire-uses.ts'
import type { Transport } from '../ingest/transport.ts'
import { venues } from '../ingest/venues.ts'
import { realTransport } from '../ingest/wire/real-transport.ts'
import { EngineError } from '../models/engine-error.ts'
import { VENUES, type VenueId } from '../models/scalars.ts'
import { formatDuration, parseDuration, SECOND_MS } from '../models/time.ts'
import type { Timers } from '../models/timers.ts'
import type { Context } from './context.ts'
import { captureAbout } from './ingest-capture.ts'
import { realTimers } from './real-timers.ts'

export type CaptureOptions = {
  /** One venue; left out: all of VENUES. */
  readonly venue?: string | undefined
  /** Its products, as in VENUES; left out: those that stand there. */
  readonly products?: string | undefined
  readonly forText?: string | undefined
  readonly folder?: string | undefined
  /** Where it goes through; the network where it is left out. */
  readonly transport?: Transport
}

/** A file that a person can still send. */
const FILE_BYTES_MAX = 64 * 1024 * 1024
/** A real book is 1.2 MB, a list of all products of a venue 5 MB. */
const BODY_BYTES_MAX = 16 * 1024 * 1024

type Wanted = { readonly venue: VenueId; readonly patterns: readonly string[] }

/**
 * Writes down what the venues send, to be played again: everything `ingest` would ask for and hear, published nowhere. One
 * capture a venue, until stopped (0), the time is up (0), or a venue or the disk gives up (1).
 */
export async function capture(context: Context, options: CaptureOptions): Promise<number> {
  const wanted = wantedOf(context, options)
  const timers = realTimers(context)
  const ended = new AbortController()
  const cancel = endAfter(options.forText, timers, ended)
  const stop = AbortSignal.any([context.stop, ended.signal])
  const inOrder = await Promise.all(
    wanted.map((one) => captureVenue({ ...context, stop }, one, timers, options)),
  )
  cancel()
  return inOrder.every(Boolean) ? 0 : 1
}

async function captureVenue(
  context: Context,
  { venue, patterns }: Wanted,
  timers: Timers,
  options: CaptureOptions,
): Promise<boolean> {
  const { config } = context
  const log = context.log.child({ venue })
  const uses = usesOf(venues[venue], { ...config, kinds: config.feeds })
  if (uses.length === 0) throw nothingStreams(venue)
  const source = sourceOfUses(venues[venue], uses)
  const failed = new AbortController()
  const folder = options.folder ?? join(config.dataDir, 'captures')
  const file = openCaptureFile({
    folder,
    name: venue,
    about: captureAbout({ venue, patterns, source }),
    fileBytesMax: Math.min(FILE_BYTES_MAX, config.captureBytes),
    filesMax: Math.max(1, Math.floor(config.captureBytes / FILE_BYTES_MAX)),
    timers,
    onFailure: (error) => failed.abort(error),
  })
  log.info({ folder, products: patterns.join(',') }, 'capturing')
  const { failure } = await runStream({
    broker: NOWHERE,
    run: `capture-${context.nowMs().toString(36)}`,
    venue: venues[venue],
    source,
    uses,
    patterns,
    levelsMax: config.bookLevels,
    bookIntervalMs: config.bookIntervalMs,
    lingerMs: config.lingerMs,
    markMs: SECOND_MS,
    requestMs: config.requestTimeoutMs,
    bodyBytesMax: BODY_BYTES_MAX,
    transport: capturing(options.transport ?? realTransport(), file),
    timers,
    random: context.random,
    stop: AbortSignal.any([context.stop, failed.signal]),
    log,
    tell: async ({ title }) => log.warn(title),
  })
  file.close()
  return sayEnd(log, file, failed.signal.aborted ? (failed.signal.reason as EngineError) : failure)
}

function sayEnd(log: Context['log'], { written }: CaptureFile, failure: EngineError | undefined): boolean {
  if (failure === undefined) log.info(written, 'captured')
  else log.error({ ...written, code: failure.code, hint: failure.hint }, failure.message)
  return failure === undefined
}

/** What is captured is read again when it is played, and goes to the log then. */
const NOWHERE: Publishing = { publish: async () => {}, topics: async () => [] }

function wantedOf({ config }: Context, { venue, products }: CaptureOptions): Wanted[] {
  if (venue === undefined) return [...config.venues]
  const id = VENUES.find((name) => name === venue)
  if (id === undefined) {
    throw new EngineError('usage', `there is no venue "${venue}"`, {
      hint: `it is one of ${VENUES.join(', ')}`,
    })
  }
  if (products !== undefined) return [{ venue: id, patterns: products.split(',').map((one) => one.trim()) }]
  const configured = config.venues.filter((one) => one.venue === id)
  if (configured.length > 0) return configured
  throw new EngineError('usage', `VENUES names no products of ${id}`, {
    hint: `name them: capture ${id} BTC-USD,ETH-USD`,
  })
}

function nothingStreams(venue: VenueId): EngineError {
  return new EngineError('usage', `nothing of ${venue} comes by socket as it is configured`, {
    hint: 'FEEDS says which kinds are taken, COINBASE_BOOKS=level2_batch streams books of Coinbase',
  })
}

const FOR_MS_MAX = parseDuration('24d')! // what one timer takes

/** Answers how to call it off. */
function endAfter(text: string | undefined, timers: Timers, ended: AbortController): () => void {
  if (text === undefined) return () => {}
  const ms = parseDuration(text)
  if (ms === undefined || ms === 0 || ms > FOR_MS_MAX) {
    throw new EngineError(
      'usage',
      `--for got "${text}", expected a duration up to ${formatDuration(FOR_MS_MAX)}`,
      {
        hint: 'such as 30s, 10m or 1d',
      },
    )
  }
  return timers.after(ms, () => ended.abort())
}
