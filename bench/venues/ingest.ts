import { tmpdir } from 'node:os'
import { FEED_KINDS } from '../../src/models/topics.ts'
import { inFolder } from '../measuring.ts'
import { type BenchRow, holds } from '../row.ts'
import { type IngestLoad, type Market, measureIngest, PRODUCTS } from './ingest-run.ts'

const CORES_MAX = 1
const MEGABYTES_MAX = 400
const LOOP_MS_MAX = 50
/** What is not conflated and not lost is in a book. */
const CHANGES_SHARE_MIN = 0.98
/** A queue that grows by a hundredth of what comes makes of 100 ms at the beginning 600 at the end. */
const LAG_GROWTH_MAX = 2

/** Some 20,000 pieces of news a second, of books alone and of all three kinds. */
const MARKETS: readonly Market[] = [
  { feeds: ['books'], changesPerSecond: 10 },
  { feeds: FEED_KINDS, changesPerSecond: 5 },
]

/** What `ingest` takes for all there is on five simulated venues. */
export async function ingestRows(): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  for (const market of MARKETS) {
    rows.push(...rowsOf(market, await inFolder(tmpdir(), (dir) => measureIngest(dir, market))))
  }
  return rows
}

function rowsOf(market: Market, load: IngestLoad): BenchRow[] {
  const { products, cores, keptWaiting, residentMegabytes, loop, changesPerSecond, lag } = load
  const wanted = PRODUCTS * market.changesPerSecond
  const what = `${PRODUCTS} products, ${market.feeds.length === 1 ? 'books' : 'everything'}`
  const published = `${Math.round(load.recordsPerSecond)} records/s published`
  const busy = `its thread waited ${Math.round(100 * keptWaiting)} % of the time for a core`
  const row = (name: string, value: number, unit: string, reference: string, most: number): BenchRow =>
    bounded({ name: `ingest, ${what}: ${name}`, value, unit, reference }, value / most, '<= 1')
  return [
    bounded(
      {
        name: `ingest, ${what}: changes into published books`,
        value: changesPerSecond,
        unit: 'changes/s',
        reference: `made: ${wanted} changes/s; ${products} books in step, ${published}`,
      },
      changesPerSecond / wanted,
      `>= ${CHANGES_SHARE_MIN}`,
    ),
    row('processor time', cores, 'cores', `1 core; ${busy}`, CORES_MAX),
    row('resident memory, the most', residentMegabytes, 'MB', `${MEGABYTES_MAX} MB`, MEGABYTES_MAX),
    row(
      'event-loop delay, p99',
      loop.p99Ms,
      'ms',
      `${LOOP_MS_MAX} ms; the longest: ${ms(loop.maxMs)}`,
      LOOP_MS_MAX,
    ),
    lagRow(`ingest, ${what}: received to durable, last 10 s`, lag.begin.received, lag.end.received),
    lagRow(`ingest, ${what}: stamped to durable, last 10 s`, lag.begin.stamped, lag.end.stamped),
  ]
}

function lagRow(name: string, begin: IngestLoad['lag']['begin']['stamped'], end: typeof begin): BenchRow {
  const reference = `first 10 s: ${begin.p50} ms; p99 ${begin.p99} ms, then ${end.p99} ms`
  return bounded({ name, value: end.p50, unit: 'ms', reference }, end.p50 / begin.p50, `<= ${LAG_GROWTH_MAX}`)
}

function bounded(
  row: Pick<BenchRow, 'name' | 'value' | 'unit' | 'reference'>,
  ratio: number,
  bound: string,
): BenchRow {
  return { ...row, ratio, bound, holds: holds(ratio, bound) }
}

function ms(value: number): string {
  return `${Math.round(value)} ms`
}
