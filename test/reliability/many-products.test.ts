import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { realTimers } from '../../src/commands/real-timers.ts'
import { VENUES } from '../../src/models/scalars.ts'
import { type ServedSimulator, serveSimulator } from '../../src/simulator/serve.ts'
import { openSimulator, type Simulator } from '../../src/simulator/sim.ts'
import { type Running, start, temporaryDir } from './commands.ts'
import { askAll, endInOrder, startProcess } from './tables.ts'

/** Many products at once: whatever share of a machine they get, what two processes take for them is bounded. */

const PRODUCTS_A_VENUE = 400
const PRODUCTS = PRODUCTS_A_VENUE * VENUES.length
/** Of every book; with the trades and tickers that come with that it is some 20,000 pieces of news a second. */
const CHANGES_A_SECOND = 5
/** Beyond what lives in it a heap holds garbage, as much as it is allowed: so much must do. */
const HEAP_MEGABYTES = 256
const MEGABYTES_MAX = 400
const LOOK_MS = 200
/** From the start on; long enough for heaps to have grown as far as they will. */
const RUN_MS = 60_000
const timers = realTimers({ nowMs: () => Date.now(), monotonicMs: () => performance.now() })

let venues: { readonly simulator: Simulator; readonly served: ServedSimulator } | undefined
afterEach(async () => {
  venues?.simulator.close()
  await venues?.served.close()
})

test('2,000 products of five venues, 20,000 pieces of news a second, take at most 400 MB of ingest and as much of process', async () => {
  const dir = temporaryDir()
  const simulator = openSimulator({
    seed: 1,
    timers,
    products: PRODUCTS_A_VENUE,
    rates: { stepsPerSecond: CHANGES_A_SECOND },
  })
  const served = await serveSimulator(simulator, { port: 0, after: timers.after })
  venues = { simulator, served }
  const env = {
    NODE_OPTIONS: `--max-old-space-size=${HEAP_MEGABYTES}`,
    SIMULATOR_URL: served.url,
    VENUES: VENUES.map((venue) => `${venue}:*,*-*-PERP`).join(';'),
    COINBASE_BOOKS: 'level2_batch',
  }
  const untilMs = performance.now() + RUN_MS
  const ingest = start(dir, ['ingest'], { env })
  const processing = startProcess(dir, [], { env })

  while (performance.now() < untilMs || booksIn(dir) < PRODUCTS) {
    if (ingest.hasEnded()) throw new Error(`ingest ended: ${(await ingest.ended).stderr}`)
    if (processing.hasEnded()) throw new Error(`process ended: ${(await processing.ended).stderr}`)
    await delay(LOOK_MS)
  }

  const taken = { ingest: peakMegabytes(ingest), process: peakMegabytes(processing) }
  ingest.signal('SIGTERM')
  expect(await ingest.ended).toMatchObject({ code: 0, stderr: '' })
  await endInOrder(dir, processing)
  expect(taken.ingest).toBeLessThanOrEqual(MEGABYTES_MAX)
  expect(taken.process).toBeLessThanOrEqual(MEGABYTES_MAX)
  expect(askAll(dir, 'SELECT count(*) AS n FROM rejections')).toEqual([{ n: 0 }])
}, 150_000)

/** Products whose book has come all the way into the tables. */
function booksIn(dir: string): number {
  if (!existsSync(`${dir}/store.db`)) return 0
  const tables = askAll(dir, "SELECT 1 FROM sqlite_master WHERE name = 'top_of_book'")
  return tables.length === 0 ? 0 : askAll<{ n: number }>(dir, 'SELECT count(*) AS n FROM top_of_book')[0]!.n
}

/** The most memory that it ever had, in megabytes. */
function peakMegabytes({ pid }: Running): number {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Number(kilobytes) / 1_024
}
