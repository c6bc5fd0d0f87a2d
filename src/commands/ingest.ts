import { openSinks } from '../alerts/sinks.ts'
import { tellAll } from '../alerts/tell.ts'
import { openPublishingBroker } from '../broker/open-broker.ts'
import { runPoll } from '../ingest/poll.ts'
import { venues } from '../ingest/venues.ts'
import { SECOND_MS } from '../models/time.ts'
import type { Context } from './context.ts'

/** Coinbase allows 10 requests a second and address, shared with whatever else runs there; no bursts are needed. */
const RATE = { perSecond: 8, burst: 1 }
/** A real book is 1.2 MB. */
const BODY_BYTES_MAX = 16 * 1024 * 1024
const RETRIES = 5
const RETRY_MS = SECOND_MS
const MARK_MS = SECOND_MS
const ALERT_MS_MAX = 10 * SECOND_MS

/** Polls the configured products until stopped (0), or until the venue or the log fails it (1). */
export async function ingest(context: Context): Promise<number> {
  const { config, log, nowMs, monotonicMs, random, stop } = context
  const sinks = openSinks(config, log)
  const broker = await openPublishingBroker(config, { nowMs, monotonicMs, random, log })
  try {
    const { failure } = await runPoll({
      broker,
      run: runId(nowMs(), random()),
      venue: venues.coinbase,
      baseUrl: config.coinbaseRestUrl,
      products: config.products,
      levelsMax: config.bookLevels,
      pollMs: config.pollMs,
      policy: {
        timeoutMs: config.requestTimeoutMs,
        bodyBytesMax: BODY_BYTES_MAX,
        retries: RETRIES,
        retryMs: RETRY_MS,
      },
      rate: RATE,
      markMs: MARK_MS,
      nowMs,
      monotonicMs,
      stop,
      log,
      tell: (alert) => tellAll(sinks, alert, { timeoutMs: ALERT_MS_MAX, log }),
    })
    return failure === undefined ? 0 : 1
  } finally {
    // How the run ended is decided: a log that cannot even be closed must not hide it.
    await broker.close().catch((error: unknown) => log.error({ err: error }, 'the log did not close'))
  }
}

/** Unique for ever: the moment it began, and 40 bits of chance. */
function runId(startedMs: number, random: number): string {
  return `ingest-${startedMs.toString(36)}-${Math.floor(random * 2 ** 40).toString(36)}`
}
