import { join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Broker } from '../broker/broker.ts'
import { openBroker } from '../broker/open-broker.ts'
import { type Config, type Environment, readEnvironment } from '../config.ts'
import { EngineError } from '../models/engine-error.ts'
import { VENUES } from '../models/scalars.ts'
import { MINUTE_MS, parseDuration, SECOND_MS } from '../models/time.ts'
import type { Context } from './context.ts'
import { demoFigures, demoLine, type Figures, historyIsIn, madeUpToMs } from './demo-figures.ts'
import { DEMO_PRODUCTS, openDemoMarket } from './demo-market.ts'
import { insights } from './insights.ts'
import { terminal } from './start.ts'
import { supervise } from './supervise.ts'

/** Half an hour, and a minute at either end: what thirty judged forecasts need, the fewest that make an interval. */
const HISTORY_MS = 32 * MINUTE_MS

/** History is in the tables after a few seconds; a machine that needs longer than this is told what it waits for. */
const HISTORY_WAIT_MS_MAX = 120_000
const LOOK_MS = 100

/**
 * A made market of five venues with everything running on it, in a folder of its own: half an hour of history, the report,
 * then a status line a second, live over sockets. A second run goes on where the first one ended.
 */
export async function demo(context: Context, options: { forText?: string | undefined }): Promise<number> {
  const forMs = durationOf(options.forText)
  const ended = new AbortController()
  const inDemo = demoContext(context, ended.signal)
  const broker = await openBroker(inDemo.config, context)
  const timer = forMs === undefined ? undefined : setTimeout(() => ended.abort('time is up'), forMs)
  context.out(`${introduction(inDemo.config)}\n`)
  const startedAtMs = context.nowMs()
  const fromMs = Math.max(startedAtMs - HISTORY_MS, await madeUpToMs(inDemo.config))
  const market = openDemoMarket(inDemo, broker, fromMs)
  let tellFed: () => void = () => {}
  const others = new Promise<void>((resolve) => {
    tellFed = resolve
  })
  const tables = beginParts(inDemo, ['schedule', 'process'], { others })
  let ingesting: Promise<string[]> = Promise.resolve([])
  try {
    await market.makeHistory()
    const url = await market.goLive()
    ingesting = beginParts(inDemo, ['ingest'], { env: { SIMULATOR_URL: url } })
    void Promise.all([tables, ingesting]).then(() => ended.abort('every part has ended'))
    await report(inDemo, startedAtMs)
    await statusLines(inDemo, broker)
  } finally {
    clearTimeout(timer)
    ended.abort('done')
    await ingesting
    tellFed()
    await tables
    await market.close()
    await broker.close()
  }
  const gaveUp = [...(await tables), ...(await ingesting)]
  return gaveUp.length === 0 ? 0 : 1
}

function introduction({ dataDir }: Config): string {
  return `A made market (source simulator) of ${VENUES.join(', ')}, kept in ${relative('', dataDir)}.`
}

/** Processes of their own. */
function beginParts(
  context: Context,
  names: readonly string[],
  more: { readonly env?: Readonly<Record<string, string>>; readonly others?: Promise<unknown> } = {},
): Promise<string[]> {
  const { config, log, stop } = context
  const parts = names.map((name) => ({ name, args: [] }))
  const env = {
    ...environmentAtHome(),
    DATA_DIR: config.dataDir,
    LOG_LEVEL: log.level,
    ...DEMO_SETTINGS,
    ...more.env,
  }
  const { others } = more
  return supervise(parts, { env, log, stop, ...(others && { others }), ...terminal(context) })
}

/** What is watched, whatever the settings say. */
const DEMO_SETTINGS = {
  VENUES: VENUES.map((venue) => `${venue}:${DEMO_PRODUCTS[venue].join(',')}`).join(';'),
  FEEDS: 'books,trades,tickers',
  COINBASE_BOOKS: 'level2_batch',
}

/** The demo is at home on the embedded log and store, whatever the settings say; an empty text unsets a variable. */
function environmentAtHome(): Environment {
  const env = readEnvironment()
  const elsewhere = Object.keys(env).filter((name) => /^(KAFKA_|DATABASE_URL)/.test(name))
  return { ...env, ...Object.fromEntries(elsewhere.map((name) => [name, ''])) }
}

/** In a folder of its own; telling only what has gone wrong, unless LOG_LEVEL asks for more: made faults are no news. */
function demoContext(context: Context, ended: AbortSignal): Context {
  const { config, log, stop } = context
  const level = readEnvironment()['LOG_LEVEL'] ? config.logLevel : 'error'
  return {
    ...context,
    config: {
      ...config,
      dataDir: join(config.dataDir, 'demo'),
      kafkaBrokers: undefined,
      databaseUrl: undefined,
    },
    log: log.child({}, { level }),
    stop: AbortSignal.any([stop, ended]),
  }
}

function durationOf(text: string | undefined): number | undefined {
  const durationMs = text === undefined ? undefined : parseDuration(text)
  if (text !== undefined && durationMs === undefined) {
    throw new EngineError('usage', `--for got "${text}", expected a duration such as 20s`)
  }
  return durationMs
}

async function report(context: Context, startedAtMs: number): Promise<void> {
  await untilHistoryIsIn(context, startedAtMs)
  if (context.stop.aborted) return
  await insights(context, { format: 'text', venue: 'coinbase' })
  const file = relative('', join(context.config.dataDir, 'store.db'))
  context.out(`\nLook further: sqlite3 ${file} 'SELECT * FROM best_prices'\n\n`)
}

async function untilHistoryIsIn(context: Context, startedAtMs: number): Promise<void> {
  const began = context.monotonicMs()
  while (!context.stop.aborted && context.monotonicMs() - began < HISTORY_WAIT_MS_MAX) {
    if (await historyIsIn(context.config, startedAtMs)) return
    await pause(LOOK_MS, context.stop)
  }
  if (!context.stop.aborted)
    context.log.warn('the history is not in the tables yet; the report shows what is')
}

async function statusLines(context: Context, broker: Broker): Promise<void> {
  let last: Figures | undefined
  while (!context.stop.aborted) {
    const figures = await demoFigures(context, broker)
    context.out(`${demoLine(figures, last)}\n`)
    last = figures
    await pause(SECOND_MS, context.stop)
  }
}

/** Resolves after `ms`, or at once when `stop` is aborted. */
async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal: stop }).catch(() => {})
}
