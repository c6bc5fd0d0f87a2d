import { join } from 'node:path'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { openBroker } from '../broker/open-broker.ts'
import { type Holder, type Lock, takeLock } from '../broker/os-lock.ts'
import type { Config } from '../config.ts'
import { rejectionDraft } from '../ingest/rejecting.ts'
import { venues } from '../ingest/venues.ts'
import { EngineError } from '../models/engine-error.ts'
import { PRODUCT_PATTERN, TIME_MS_MAX, TIME_MS_MIN } from '../models/scalars.ts'
import { DAY_MS, isoTime, MINUTE_MS, parseDuration, parseIsoTime } from '../models/time.ts'
import { INTERVAL_MS_MAX, INTERVAL_MS_MIN, LEVELS_MAX, type Market } from '../simulator/made-market.ts'
import { type MockProgress, runMockMarket } from '../simulator/mock-market.ts'
import type { StretchWish } from '../simulator/stretch.ts'
import type { Context } from './context.ts'
import { type ProgressBar, progressBar } from './progress-bar.ts'

export type GenerateMockOptions = { readonly market: Market; readonly wish: StretchWish }

/** `tidebook generate-mock`: the past at full speed, then, unless told otherwise, live until stopped. */
export async function generateMock(context: Context, options: GenerateMockOptions): Promise<number> {
  const lock = await waitForLock(context)
  try {
    await makeMarket(context, options)
    return 0
  } finally {
    lock?.release()
  }
}

async function makeMarket(context: Context, options: GenerateMockOptions): Promise<void> {
  const { config, log, nowMs, monotonicMs, stop } = context
  const startedMs = monotonicMs()
  const terminal = process.stderr.isTTY === true
  const bar = progressBar({ terminal, write: (text) => process.stderr.write(text), monotonicMs })
  const broker = await openBroker(config, context)
  try {
    const made = await runMockMarket({
      broker,
      venue: venues.coinbase,
      reject: rejectionDraft,
      ...options,
      bookLevels: config.bookLevels,
      nowMs,
      waitUntil: (timeMs) => waitUntil(timeMs, nowMs, stop),
      stop,
      onProgress: progressTo(bar),
    })
    bar.end()
    log.info(summaryOf(made, monotonicMs() - startedMs), messageOf(made, options.market))
  } finally {
    bar.end()
    await broker.close()
  }
}

const LOCK_WAIT_MS = 10_000 // whoever was told to stop has left by then
const LOCK_LOOK_MS = 100

/** Two made markets on one log would contradict each other. Undefined where it was stopped while waiting. */
async function waitForLock({ config, nowMs, monotonicMs, stop }: Context): Promise<Lock | undefined> {
  const untilMs = monotonicMs() + LOCK_WAIT_MS
  const about = { does: 'generate-mock', startedAtMs: nowMs() }
  while (!stop.aborted) {
    const taken = takeLock(join(config.dataDir, 'generate-mock.lock'), about)
    if ('release' in taken) return taken
    if (monotonicMs() >= untilMs) throw lockHeld(taken.heldBy, config.dataDir)
    await setTimeout(LOCK_LOOK_MS)
  }
  return undefined
}

function lockHeld(holder: Holder | null, dataDir: string): EngineError {
  const who =
    holder === null ? 'another process' : `process ${holder.pid} since ${isoTime(holder.startedAtMs)}`
  return new EngineError('lock-held', `a made market is being published in ${dataDir} already, by ${who}`, {
    hint: 'stop it, or set DATA_DIR to another folder',
  })
}

const WAIT_MS_MAX = 60_000 // a clock set back or forth is noticed within a minute

async function waitUntil(timeMs: number, nowMs: () => number, stop: AbortSignal): Promise<void> {
  await setImmediate()
  while (!stop.aborted && nowMs() < timeMs) {
    const waitMs = Math.min(timeMs - nowMs(), WAIT_MS_MAX)
    await setTimeout(waitMs, undefined, { signal: stop }).catch(() => {})
  }
}

/** The bar is for the past; once live it ends. */
function progressTo(bar: ProgressBar): (progress: MockProgress) => void {
  let ended = false
  return ({ fromMs, upToMs, goalMs, books }) => {
    if (ended) return
    const done = goalMs > fromMs ? (upToMs - fromMs) / (goalMs - fromMs) : 1
    bar.show(done, `${count(books)} books up to ${isoTime(upToMs)}`)
    ended = goalMs - upToMs < LIVE_WITHIN_MS
    if (ended) bar.end()
  }
}

const LIVE_WITHIN_MS = 2_000

function summaryOf(made: MockProgress, tookMs: number) {
  const { run, books, rejected, fromMs, upToMs } = made
  return { run, books, rejected, from: isoTime(fromMs), upTo: isoTime(upToMs), tookMs: Math.round(tookMs) }
}

function messageOf({ fromMs, upToMs, books, rejected }: MockProgress, { products }: Market): string {
  if (upToMs <= fromMs) return `made nothing: the log holds a made market up to ${isoTime(fromMs)}`
  const spoiled = rejected === 0 ? '' : ` and ${count(rejected)} rejections`
  return `made ${count(books)} books${spoiled} of ${products.join(', ')} up to ${isoTime(upToMs)}`
}

function count(number: number): string {
  return number.toLocaleString('en-US')
}

/**
 * Options as typed, to what they mean. `--count N` makes N ticks of each product, spoiled ones counted, and ends; where
 * no `--history` says otherwise they are the N before now, or before `--until`. Throws one EngineError (`usage`) that
 * names every bad option with what was expected.
 */
export function parseGenerateMockOptions(
  raw: Readonly<Record<string, unknown>>,
  config: Pick<Config, 'venues'>,
): GenerateMockOptions {
  const problems: string[] = []
  function read<T>(name: string, fallback: T, expected: string, parse: (text: string) => T | undefined): T {
    if (raw[name] === undefined) return fallback
    const value = parse(String(raw[name]).trim())
    if (value === undefined) problems.push(`--${name} got "${String(raw[name])}", expected ${expected}`)
    return value ?? fallback
  }
  const products = read('products', coinbaseProducts(config), PRODUCTS_EXPECTED, parseProducts)
  const market: Market = {
    products: [...new Set(products)].sort(),
    intervalMs: read('interval', 5_000, 'a duration from 10ms to 1h, such as 5s', parseInterval),
    levels: read('levels', 50, `a whole number from 1 to ${count(LEVELS_MAX)}`, wholeUpTo(LEVELS_MAX, 1)),
    seed: read('seed', 1, 'a whole number', wholeUpTo(Number.MAX_SAFE_INTEGER, 0)),
    faultShare: read('faults', 0, SHARE_EXPECTED, parseShare),
    crossedShare: read('crossed', 0, SHARE_EXPECTED, parseShare),
  }
  const counted = read(
    'count',
    undefined,
    `a whole number from 1 to ${count(COUNT_MAX)}`,
    wholeUpTo(COUNT_MAX, 1),
  )
  const untilMs = read('until', undefined, 'an ISO time in UTC, such as 2026-11-20T14:35:00Z', parseUntil)
  const historyMs = counted === undefined ? HISTORY_MS : Math.min(counted * market.intervalMs, HISTORY_MS_MAX)
  const wish: StretchWish = {
    historyMs: read('history', historyMs, 'a duration from 0s to 366d, such as 30m', parseHistory),
    ...(untilMs === undefined ? {} : { untilMs }),
    ...(counted === undefined ? {} : { count: counted }),
    exit: raw['exit'] === true,
  }
  if (problems.length > 0) {
    const hint = 'tidebook generate-mock --help shows all options'
    throw new EngineError('usage', `generate-mock cannot be run so:\n  ${problems.join('\n  ')}`, { hint })
  }
  return { market, wish }
}

/** Those that VENUES names of Coinbase; where it names none, four that everybody knows. */
function coinbaseProducts({ venues: wishes }: Pick<Config, 'venues'>): string[] {
  const patterns = wishes.find(({ venue }) => venue === 'coinbase')?.patterns ?? []
  const named = patterns.filter((pattern) => !pattern.includes('*'))
  return named.length > 0 ? named : ['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD']
}

const HISTORY_MS = 30 * MINUTE_MS
const HISTORY_MS_MAX = 366 * DAY_MS // a leap year; nothing keeps more
const COUNT_MAX = 100_000_000 // ticks of a product: what a year has at three a second
const PRODUCTS_MAX = 10_000 // what one process is built to carry

const SHARE_EXPECTED = 'a share from 0 to 1, such as 0.05'
const PRODUCTS_EXPECTED = 'products separated by commas, such as BTC-USD,ETH-USD'

function parseProducts(text: string): string[] | undefined {
  const products = text.split(',').map((product) => product.trim())
  return products.length <= PRODUCTS_MAX && products.every((product) => PRODUCT_PATTERN.test(product))
    ? products
    : undefined
}

function parseInterval(text: string): number | undefined {
  const intervalMs = parseDuration(text)
  return intervalMs !== undefined && intervalMs >= INTERVAL_MS_MIN && intervalMs <= INTERVAL_MS_MAX
    ? intervalMs
    : undefined
}

function parseHistory(text: string): number | undefined {
  const historyMs = parseDuration(text)
  return historyMs !== undefined && historyMs <= HISTORY_MS_MAX ? historyMs : undefined
}

function parseUntil(text: string): number | undefined {
  const untilMs = parseIsoTime(text)
  return untilMs !== undefined && untilMs - HISTORY_MS_MAX >= TIME_MS_MIN && untilMs <= TIME_MS_MAX
    ? untilMs
    : undefined
}

function parseShare(text: string): number | undefined {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN
  return value <= 1 ? value : undefined
}

function wholeUpTo(max: number, min: number): (text: string) => number | undefined {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : undefined
    return value !== undefined && value >= min && value <= max ? value : undefined
  }
}
