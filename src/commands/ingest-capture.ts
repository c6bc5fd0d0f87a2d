import { openPublishingBroker } from '../broker/open-broker.ts'
import { captureBeginning, captureFiles } from '../ingest/capture/read-capture.ts'
import { replayTransport } from '../ingest/capture/replay.ts'
import { runStream } from '../ingest/stream.ts'
import { usesOf } from '../ingest/streaming/wire-uses.ts'
import { venues } from '../ingest/venues.ts'
import { EngineError } from '../models/engine-error.ts'
import { SourceId, VENUES } from '../models/scalars.ts'
import { SECOND_MS } from '../models/time.ts'
import { virtualTimers } from '../models/virtual-timers.ts'
import type { Context } from './context.ts'
import { realTimers } from './real-timers.ts'

/** What a capture is of, as its files say it. */
export type CaptureOf = {
  readonly venue: string
  readonly patterns: readonly string[]
  readonly source: SourceId
}

export function captureAbout({ venue, patterns, source }: CaptureOf): string {
  return `${venue}:${patterns.join(',')} from ${source}`
}

const ABOUT = /^([a-z]+):(\S+) from ([a-z]+)$/
const BODY_BYTES_MAX = 64 * 1024 * 1024
/** What was on its way when a capture ended gets so long to be published. */
const DRAIN_MS = 5 * SECOND_MS

/**
 * `ingest --from-capture`: plays what `capture` wrote through the venue as it is now, onto the log, at the times it came at
 * then. The same capture always has the same run, so that playing it again counts once.
 */
export async function ingestCapture(
  context: Context,
  { path, speedText }: { readonly path: string; readonly speedText?: string | undefined },
): Promise<number> {
  const { config, log, nowMs, monotonicMs, random, stop } = context
  const factor = factorOf(speedText)
  const files = captureFiles(path)
  const { startMs, about } = await captureBeginning(files)
  const { venue: id, patterns, source } = parseAbout(about)
  const venue = venues[id]
  const timers = virtualTimers(startMs)
  const broker = await openPublishingBroker(config, { nowMs, monotonicMs, random, log })
  const ended = new AbortController()
  const transport = replayTransport(files, timers)
  try {
    const streaming = runStream({
      broker,
      run: `capture-${id}-${startMs.toString(36)}`,
      venue,
      source,
      uses: usesOf(venue, { ...config, kinds: config.feeds, simulatorUrl: simulatorOf(source) }),
      patterns,
      levelsMax: config.bookLevels,
      bookIntervalMs: config.bookIntervalMs,
      lingerMs: config.lingerMs,
      markMs: SECOND_MS,
      requestMs: config.requestTimeoutMs,
      bodyBytesMax: BODY_BYTES_MAX,
      transport,
      timers,
      // Only jitter asks for it, and a capture played twice must be the same.
      random: () => 0.5,
      stop: ended.signal,
      log: log.child({ venue: id }),
      tell: async ({ title }) => log.warn(title),
    })
    const speed = factor === undefined ? {} : { speed: { factor, timers: realTimers(context) } }
    const played = await transport.play({ ...speed, stop })
    ended.abort()
    await timers.advanceBy(DRAIN_MS)
    const { failure, ledger } = await streaming
    log.info({ ...played, ledger }, 'played')
    return failure === undefined ? 0 : 1
  } finally {
    await broker.close().catch((error: unknown) => log.error({ err: error }, 'the log did not close'))
  }
}

function parseAbout(about: string): CaptureOf & { readonly venue: (typeof VENUES)[number] } {
  const [, name, patterns = '', from] = ABOUT.exec(about) ?? []
  const venue = VENUES.find((id) => id === name)
  const source = SourceId.options.find((id) => id === from)
  if (venue !== undefined && source !== undefined) return { venue, patterns: patterns.split(','), source }
  throw new EngineError('usage', `the capture is of "${about}", which is no venue of ours`, {
    hint: 'captures are what `npm run capture` writes',
  })
}

/** Paths decide what is answered by what: below a simulator they are longer. */
function simulatorOf(source: SourceId): string | undefined {
  return source === 'simulator' ? 'http://simulator' : undefined
}

function factorOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const factor = /^\d{1,6}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0
  if (factor > 0) return factor
  throw new EngineError('usage', `--speed got "${text}", expected a number above zero`, {
    hint: '1 is as fast as it was, 10 ten times as fast; without it, as fast as it goes',
  })
}
