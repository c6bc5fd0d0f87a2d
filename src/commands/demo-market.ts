import { setTimeout as delay } from 'node:timers/promises'
import type { OutgoingRecord } from '../broker/broker.ts'
import type { Publishing } from '../broker/publisher.ts'
import { runStream } from '../ingest/stream.ts'
import { usesOf } from '../ingest/streaming/wire-uses.ts'
import { venues } from '../ingest/venues.ts'
import { VENUES, type VenueId } from '../models/scalars.ts'
import { MINUTE_MS, SECOND_MS } from '../models/time.ts'
import type { FeedKind } from '../models/topics.ts'
import { virtualTimers } from '../models/virtual-timers.ts'
import type { ScriptedFault } from '../simulator/exchange-faults.ts'
import { serveSimulator } from '../simulator/serve.ts'
import { openSimulator } from '../simulator/sim.ts'
import { simTransport } from '../simulator/sim-transport.ts'
import type { Context } from './context.ts'

/** What the demo's venues list: the same currencies, and a perpetual. */
export const DEMO_PRODUCTS: Readonly<Record<VenueId, readonly string[]>> = {
  coinbase: ['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD'],
  binance: ['BTC-USDT', 'ETH-USDT', 'SOL-USDT'],
  kucoin: ['BTC-USDT', 'ETH-USDT'],
  okx: ['BTC-USDT', 'ETH-USDT'],
  deribit: ['BTC-USD-PERP'],
}

const SEED = 1
/** A change of each book and half a trade a second: a calm market, made in seconds for half an hour. */
const RATES = { stepsPerSecond: 1, tradesPerSecond: 0.5 }
/** Of half an hour ago nobody asks for a ticker. */
const PAST_KINDS: readonly FeedKind[] = ['books', 'trades']
/** The clock of the past goes on in such steps; what a step has made is on the log before the next. */
const STEP_MS = 5 * SECOND_MS
/** The clock of the present follows the real one this often. */
const FOLLOW_MS = 5
/** A little goes wrong in every minute, so that rejections, digests and holes have something to show. */
const TROUBLE_EVERY_MS = MINUTE_MS
const TROUBLES: readonly ScriptedFault[] = [
  { atMs: 7_000, venue: 'coinbase', fault: 'garbage', product: 'XRP-USD', kind: 'books' },
  { atMs: 22_000, venue: 'binance', fault: 'truncated', product: 'SOL-USDT', kind: 'books' },
  { atMs: 37_000, venue: 'kucoin', fault: 'garbage', product: 'ETH-USDT', kind: 'trades' },
  { atMs: 49_000, venue: 'okx', fault: 'cut' },
]

export type DemoMarket = {
  /** The market from its beginning up to now, through the venues' own parsers, onto the log. */
  makeHistory(): Promise<void>
  /** The same market from now on, over real sockets on this machine; answers its address. */
  goLive(): Promise<string>
  close(): Promise<void>
}

/** A made market of five venues that begins at `fromMs`, in the past. */
export function openDemoMarket(context: Context, broker: Publishing, fromMs: number): DemoMarket {
  const { nowMs, random, stop } = context
  const timers = virtualTimers(fromMs)
  const simulator = openSimulator({ seed: SEED, timers, products: DEMO_PRODUCTS, rates: RATES })
  const closing = new AbortController()
  let following: Promise<void> | undefined
  let served: Awaited<ReturnType<typeof serveSimulator>> | undefined

  const makeTrouble = () => {
    simulator.play(TROUBLES)
    timers.after(TROUBLE_EVERY_MS, makeTrouble)
  }
  makeTrouble()

  /** The clock of the past must not run ahead of what is being written. */
  async function makeHistory(): Promise<void> {
    const past = new AbortController()
    const log = inSteps(broker)
    const streams = VENUES.map((venue) => streamOf(venue, log, past.signal))
    while (!stop.aborted && timers.nowMs() + STEP_MS < nowMs()) {
      await timers.advanceBy(STEP_MS)
      await log.write()
    }
    past.abort()
    following = follow()
    await Promise.all(streams)
    await log.write()
  }

  function streamOf(id: VenueId, publishing: Publishing, past: AbortSignal) {
    const venue = venues[id]
    const run = `demo-${id}-${fromMs.toString(36)}-${Math.floor(random() * 2 ** 40).toString(36)}`
    return runStream({
      broker: publishing,
      run,
      venue,
      source: 'simulator',
      uses: usesOf(venue, {
        kinds: PAST_KINDS,
        coinbaseBooks: 'level2_batch',
        simulatorUrl: 'http://simulator',
      }),
      patterns: DEMO_PRODUCTS[id],
      levelsMax: context.config.bookLevels,
      bookIntervalMs: context.config.bookIntervalMs,
      lingerMs: SECOND_MS,
      markMs: SECOND_MS,
      requestMs: 10 * SECOND_MS,
      bodyBytesMax: 16 * 1024 * 1024,
      transport: simTransport(simulator, timers),
      timers,
      random,
      stop: past,
      log: context.log,
      tell: async () => {},
    })
  }

  async function follow(): Promise<void> {
    while (!closing.signal.aborted) {
      await timers.advanceTo(nowMs())
      await delay(FOLLOW_MS, undefined, { signal: closing.signal }).catch(() => {})
    }
  }

  return {
    makeHistory,
    async goLive() {
      following ??= follow()
      served = await serveSimulator(simulator, { port: 0, after: timers.after })
      return served.url
    },
    async close() {
      closing.abort()
      await following
      simulator.close()
      await served?.close()
    },
  }
}

/**
 * A log that takes everything of a step at once: the past is made in thousands of small publications, and each would wait
 * for the disk. Should it break off, the market is made anew from what is on the log.
 */
function inSteps(broker: Publishing): Publishing & { write(): Promise<void> } {
  let records: OutgoingRecord[] = []
  return {
    topics: () => broker.topics(),
    async publish(more) {
      records.push(...more)
    },
    async write() {
      const written = records
      records = []
      if (written.length > 0) await broker.publish(written)
    },
  }
}
