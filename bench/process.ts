import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteBroker, type SqliteBroker } from '../src/broker/sqlite-broker.ts'
import { allTopics } from '../src/models/topics.ts'
import { pipeline } from '../src/pipeline.ts'
import { runProcessors } from '../src/processors/run-processors.ts'
import { openSqliteStore } from '../src/store/sqlite-store.ts'
import { bookRecords } from './made-books.ts'
import { type BenchRow, holds, median } from './row.ts'

/**
 * From the embedded log through all processors into the store, against a loop that only reads the same records and
 * JSON.parses them. Books of 20 levels a side, one a second and product.
 */

const RECORDS = 200_000
const ROUNDS = 5
const PRODUCTS = [10, 100, 1_000, 10_000] as const
const BOUNDS: Record<number, string> = { 10: '>= 1.5', 100: '>= 1.5', 1000: '>= 1.5', 10000: '>= 1.25' }
const TOPIC = 'books.coinbase'
const quiet = { info() {}, warn() {}, error() {} }

type Measured = { readonly bareSeconds: number; readonly ourSeconds: number; readonly longestPauseMs: number }

export async function run(): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  const perRecordUs = new Map<number, number>()
  for (const products of PRODUCTS) {
    const measured = await measure(products)
    const [bare, ours] = [RECORDS / measured.bareSeconds, RECORDS / measured.ourSeconds]
    perRecordUs.set(products, 1e6 / ours)
    const ratio = ours / bare
    const bound = BOUNDS[products]!
    const reference = `read + JSON.parse: ${Math.round(bare)} records/s`
    rows.push({
      name: `process, ${products} products`,
      value: Math.round(ours),
      unit: 'records/s',
      reference,
      ratio,
      bound,
      holds: holds(ratio, bound),
    })
    if (products === 10_000) rows.push(pauseRow(measured.longestPauseMs))
    if (products === 100) rows.push(catchUpRow(ours))
  }
  rows.push(growthRow(perRecordUs))
  rows.push(await memoryRow())
  return rows
}

function pauseRow(pauseMs: number): BenchRow {
  const ratio = pauseMs / 50
  return {
    name: 'longest pause of the loop, 10000 products',
    value: round(pauseMs),
    unit: 'ms',
    reference: '50 ms',
    ratio,
    bound: '<= 1',
    holds: ratio <= 1,
  }
}

/** An hour of 100 products at one book a second is 360,000 records; live takes 3,600 s for them. */
function catchUpRow(recordsPerSecond: number): BenchRow {
  const ratio = recordsPerSecond / 100
  return {
    name: 'catching up, 100 products',
    value: Math.round(ratio),
    unit: 'x live',
    reference: 'live: 100 records/s',
    ratio,
    bound: '>= 500',
    holds: ratio >= 500,
  }
}

function growthRow(perRecordUs: ReadonlyMap<number, number>): BenchRow {
  const [few, many] = [perRecordUs.get(10)!, perRecordUs.get(10_000)!]
  const ratio = many / few
  return {
    name: 'cost a record, 10000 products',
    value: round(many),
    unit: 'us',
    reference: `10 products: ${round(few)} us`,
    ratio,
    bound: '<= 2',
    holds: ratio <= 2,
  }
}

export async function measure(products: number): Promise<Measured> {
  const dir = mkdtempSync(join(tmpdir(), 'tidebook-bench-'))
  try {
    await fill(dir, products)
    const bare: number[] = []
    const ours: number[] = []
    let longestPauseMs = 0
    for (let round = 0; round < ROUNDS; round++) {
      bare.push(await bareSeconds(dir))
      const { seconds, pauseMs } = await ourSeconds(dir, round)
      ours.push(seconds)
      longestPauseMs = Math.max(longestPauseMs, pauseMs)
    }
    return { bareSeconds: median(bare), ourSeconds: median(ours), longestPauseMs }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

export function openBenchBroker(dir: string): Promise<SqliteBroker> {
  return openSqliteBroker({ dir, nowMs: () => Date.now(), random: () => Math.random() })
}

export async function fill(dir: string, products: number, records = RECORDS): Promise<void> {
  const broker = await openBenchBroker(dir)
  await broker.ensureTopics(
    allTopics().map((topic) => ({ topic, partitions: 1, retentionMs: 7 * 86_400_000, retentionBytes: 1e10 })),
  )
  for (const batch of bookRecords(products, records, 2_000)) await broker.publish(batch)
  await broker.close()
}

/** What a person would write who wants nothing but the objects. */
export async function bareSeconds(dir: string): Promise<number> {
  const broker = await openBenchBroker(dir)
  const startedMs = performance.now()
  let seen = 0
  await new Promise<void>((resolve, reject) => {
    broker
      .consume({
        topics: [TOPIC],
        group: 'bare',
        onAssigned: async (tps) => new Map(tps.map(({ topic, partition }) => [`${topic}/${partition}`, 0])),
        onLost: async () => undefined,
        onBatch: async (_tp, records) => {
          for (const { value } of records) if (JSON.parse(value!).product !== undefined) seen++
          if (seen >= RECORDS) resolve()
        },
      })
      .then((consumer) => consumer.done.catch(reject), reject)
  })
  const seconds = (performance.now() - startedMs) / 1_000
  await broker.close()
  return seconds
}

export async function ourSeconds(dir: string, round: number): Promise<{ seconds: number; pauseMs: number }> {
  const broker = await openBenchBroker(dir)
  const store = openSqliteStore({
    file: join(dir, `store-${round}.db`),
    monotonicMs: () => performance.now(),
  })
  const pauses = watchPauses()
  const startedMs = performance.now()
  const runner = await runProcessors({
    broker,
    store,
    processors: pipeline({ windowsMs: [300_000] }),
    group: `bench-${round}`,
    lateMaxMs: 3_600_000,
    monotonicMs: () => performance.now(),
    log: quiet,
  })
  await runner.caughtUp()
  const seconds = (performance.now() - startedMs) / 1_000
  const pauseMs = pauses.longestMs()
  const applied = await store.db
    .selectFrom('positions')
    .select('applied')
    .where('processor', '=', 'top-of-book')
    .where('topic', '=', TOPIC)
    .executeTakeFirstOrThrow()
  if (applied.applied !== RECORDS) throw new Error(`applied ${applied.applied} of ${RECORDS}`)
  await runner.close()
  await store.close()
  await broker.close()
  return { seconds, pauseMs }
}

/** The longest stretch in which a timer of one millisecond was not called. */
function watchPauses(): { longestMs(): number } {
  let last = performance.now()
  let longest = 0
  const timer = setInterval(() => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }, 1)
  return {
    longestMs() {
      clearInterval(timer)
      return longest
    },
  }
}

/** A processor process of its own, so that nothing but it is counted. */
async function memoryRow(): Promise<BenchRow> {
  const { peakMegabytes } = await import('./process-memory.ts')
  const megabytes = await peakMegabytes(2_000)
  const ratio = megabytes / 180
  return {
    name: 'resident memory of the processor, 2000 products',
    value: Math.round(megabytes),
    unit: 'MB',
    reference: '180 MB',
    ratio,
    bound: '<= 1',
    holds: ratio <= 1,
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
