import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { SqliteBroker } from '../../src/broker/sqlite-broker.ts'
import { VENUES } from '../../src/models/scalars.ts'
import type { FeedKind } from '../../src/models/topics.ts'
import {
  booksOf,
  type Lag,
  openLog,
  productsWithBooks,
  recordsPerSecond,
  type Stretch,
} from './ingest-log.ts'
import type { LoopReport } from './ingest-probe.ts'

/** Five simulated venues in one process, `ingest` onto the embedded log in another, and what the second one takes. */

export const PRODUCTS_A_VENUE = 400
export const PRODUCTS = PRODUCTS_A_VENUE * VENUES.length

/** What is streamed, and how often a second each book changes; trades and tickers come with that. */
export type Market = { readonly feeds: readonly FeedKind[]; readonly changesPerSecond: number }

/** Everything the simulator lists: spot, and what is no spot. */
const ALL = VENUES.map((venue) => `${venue}:*,*-*-PERP`).join(';')
const BIN = fileURLToPath(new URL('../../src/commands/tidebook.js', import.meta.url))
const PROBE = new URL('./ingest-probe.js', import.meta.url).href

/** Beyond what lives in it a heap holds garbage, as much as it is allowed. */
const HEAP_MEGABYTES = 256

const WARM_UP_MS_MAX = 60_000
const MEASURED_MS = 60_000
/** The beginning and the end, whose lags are held against each other. */
const EDGE_MS = 10_000
/** So long in step before anything counts: what came with the snapshots is garbage by then. */
const SETTLE_MS = 5_000
const LOOK_MS = 2_000
const STARTING_MS = 30_000
/** What a tick of /proc/<pid>/stat is. */
const TICK_MS = 10

export type IngestLoad = {
  /** Products whose books were in step in the last second of the measured time. */
  readonly products: number
  /** Processor time by time, all threads: 1 is one core. */
  readonly cores: number
  /** Share of the time that its main thread could have run, and the machine was busy with others. */
  readonly keptWaiting: number
  /** The most that it ever had, from its start on. */
  readonly residentMegabytes: number
  readonly loop: LoopReport
  readonly recordsPerSecond: number
  readonly changesPerSecond: number
  readonly lag: { readonly begin: Lag; readonly end: Lag }
}

/** Measures one run in `dir`, which is empty. Everything it starts has ended when it resolves. */
export async function measureIngest(dir: string, market: Market): Promise<IngestLoad> {
  const simulator = await startSimulator(join(dir, 'simulator'), market)
  try {
    const ingest = startIngest(dir, simulator.url, market)
    try {
      return await measured(ingest, dir)
    } finally {
      await ended(ingest)
    }
  } finally {
    await ended(simulator.child)
  }
}

async function measured(ingest: ChildProcess, dir: string): Promise<IngestLoad> {
  const broker = await openedLog(dir)
  try {
    await warmedUp(broker, ingest)
    const before = usageOf(ingest.pid!)
    await loopOf(ingest)
    const fromMs = Date.now()
    await sleep(MEASURED_MS)
    const stretch = { fromMs, toMs: Date.now() }
    const after = usageOf(ingest.pid!)
    const loop = await loopOf(ingest)
    // What is looked at now is not to be measured with it.
    await ended(ingest)
    const tookMs = stretch.toMs - fromMs
    return {
      cores: (after.cpuMs - before.cpuMs) / tookMs,
      keptWaiting: (after.keptWaitingMs - before.keptWaitingMs) / tookMs,
      residentMegabytes: after.peakMegabytes,
      loop,
      ...(await onTheLog(broker, stretch)),
    }
  } finally {
    await broker.close()
  }
}

async function onTheLog(broker: SqliteBroker, { fromMs, toMs }: Stretch) {
  const begin = await booksOf(broker, { fromMs, toMs: fromMs + EDGE_MS })
  const end = await booksOf(broker, { fromMs: toMs - EDGE_MS, toMs })
  return {
    products: await productsWithBooks(broker, { fromMs: toMs - 1_000, toMs }),
    recordsPerSecond: await recordsPerSecond(broker, { fromMs, toMs }),
    changesPerSecond: (begin.changesPerSecond + end.changesPerSecond) / 2,
    lag: { begin: begin.lag, end: end.lag },
  }
}

/** Until every book is in step, or as long as that may take; then a little longer. */
async function warmedUp(broker: SqliteBroker, ingest: ChildProcess): Promise<void> {
  const untilMs = performance.now() + WARM_UP_MS_MAX
  while (performance.now() < untilMs) {
    await sleep(LOOK_MS)
    if (ingest.exitCode !== null) throw new Error(`ingest ended with ${ingest.exitCode}`)
    const nowMs = Date.now()
    if ((await productsWithBooks(broker, { fromMs: nowMs - 1_000, toMs: nowMs })) === PRODUCTS) break
  }
  await sleep(SETTLE_MS)
}

/** Opened beside its writer as soon as that has begun. */
async function openedLog(dir: string): Promise<SqliteBroker> {
  const broker = await openLog(dir)
  for (
    const untilMs = performance.now() + STARTING_MS;
    performance.now() < untilMs;
    await sleep(LOOK_MS / 10)
  ) {
    if ((await broker.topics()).length > 0) return broker
  }
  await broker.close()
  throw new Error(`ingest made no topics within ${STARTING_MS} ms`)
}

async function startSimulator(
  dataDir: string,
  { changesPerSecond }: Market,
): Promise<{ child: ChildProcess; url: string }> {
  const args = ['--products', `${PRODUCTS_A_VENUE}`, '--rate', `${changesPerSecond}`, '--port', '0']
  const child = spawn(process.execPath, [BIN, 'simulate', ...args], {
    env: { ...process.env, DATA_DIR: dataDir, LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  for await (const line of createInterface({ input: child.stdout! })) {
    const [url] = /http:\/\/\S+$/.exec(line) ?? []
    if (url !== undefined) return { child, url }
  }
  throw new Error(`simulate ended with ${child.exitCode}`)
}

/** Both hold a channel to this process: however it ends, they end with it. */
function startIngest(dir: string, simulatorUrl: string, { feeds }: Market): ChildProcess {
  return fork(BIN, ['ingest'], {
    execArgv: [`--max-old-space-size=${HEAP_MEGABYTES}`, '--import', PROBE],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      ...process.env,
      DATA_DIR: dir,
      LOG_LEVEL: 'error',
      SIMULATOR_URL: simulatorUrl,
      VENUES: ALL,
      COINBASE_BOOKS: 'level2_batch',
      FEEDS: feeds.join(','),
    },
  })
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const end = once(child, 'exit')
  child.kill('SIGTERM')
  await end
}

async function loopOf(ingest: ChildProcess): Promise<LoopReport> {
  const answer = once(ingest, 'message')
  ingest.send('how late is the loop?')
  const [report] = await answer
  return report as LoopReport
}

function usageOf(pid: number) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [, waitedNs] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    keptWaitingMs: Number(waitedNs) / 1e6,
    peakMegabytes: Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) / 1_024,
  }
}
