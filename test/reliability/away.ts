import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { chance } from '../broker/logs.ts'
import { book, type LocalVenue, openLocalVenue } from '../ingest/local-venue.ts'
import { type ChaosProxy, openChaosProxy } from '../services/chaos-proxy.ts'
import { type Cluster, type Clusters, until } from './cluster.ts'
import type { Running } from './commands.ts'
import { factsOfLog } from './kafka-log.ts'
import { differences, type Processing } from './tables.ts'

/** An ingestor and a worker that reach Kafka over a way that can be made bad, and a venue that numbers its books. */
type Outpost = {
  readonly proxy: ChaosProxy
  readonly ingestor: Running
  readonly worker: Processing
  /** Waits until so many more were served. */
  untilServed(more: number): Promise<void>
  /** Waits until the tables hold every book that was served up to now. Answers how long that took, in milliseconds. */
  untilCaughtUp(): Promise<number>
  /** What the ingestor's memory grew by since it was started, at its highest, in bytes. */
  grownBytes(): number
  /**
   * Everybody leaves in order. Every book that was served is on the log exactly once, in order, and in the tables, which
   * are those of an undisturbed run; and what waited was sent on faster than new books came.
   */
  expectNothingLost(): Promise<void>
}

const PRODUCTS = ['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD']
const CAUGHT_UP_MS = 60_000
/** Eight are polled a second: four times as long as that takes. */
const SERVED_MS_MAX = 500
/** Eight books, and a mark of each of four partitions. */
const LIVE_PER_SECOND = 12

type OutpostAbout = {
  /** Before anybody of ours is started. */
  readonly before?: (proxy: ChaosProxy) => Promise<void>
  readonly seed: number
}

async function openOutpost(clusters: Clusters, about: OutpostAbout): Promise<Outpost> {
  const proxy = await openChaosProxy(chance(about.seed))
  const cluster = await clusters.open({ address: proxy.address })
  proxy.leadTo(cluster.kafka.node(1).address)
  const venue = await openLocalVenue((_, call) => book(call))
  await about.before?.(proxy)
  const env = {
    VENUES: `coinbase:${PRODUCTS.join(',')}`,
    COINBASE_REST_URL: venue.baseUrl,
    FEEDS: 'books',
    POLL_MS: '100',
  }
  const ingestor = cluster.start(['ingest'], env)
  const worker = cluster.worker()
  const startBytes = { at: undefined as number | undefined }

  return {
    proxy,
    ingestor,
    worker,
    async untilServed(more) {
      const goal = venue.calls.length + more
      await until(
        `${more} more books are polled`,
        CAUGHT_UP_MS + more * SERVED_MS_MAX,
        async () => venue.calls.length >= goal,
      )
      startBytes.at ??= peakBytes(ingestor.pid)
    },
    async untilCaughtUp() {
      const startedMs = performance.now()
      const goal = new Map(PRODUCTS.map((product) => [product, callsOf(venue, product) - 1]))
      await until('the tables have all that was polled', CAUGHT_UP_MS, async () => {
        const latest = await latestSequences(cluster)
        return [...goal].every(([product, call]) => (latest.get(product) ?? 0) >= call)
      })
      return performance.now() - startedMs
    },
    grownBytes: () => peakBytes(ingestor.pid) - (startBytes.at ?? 0),
    async expectNothingLost() {
      ingestor.signal('SIGTERM')
      const { code, stderr } = await ingestor.ended
      expect(code).toBe(0)
      expect(catchUpPerSecond(stderr)).toBeGreaterThan(5 * LIVE_PER_SECOND)
      await venue.close()
      await cluster.untilThrough()
      worker.signal('SIGTERM')
      expect(await worker.ended).toMatchObject({ code: 0 })
      await expectAllThere(cluster, venue)
      await proxy.close()
    },
  }
}

async function expectAllThere(cluster: Cluster, venue: LocalVenue): Promise<void> {
  const { faults, sequences } = await cluster.withBroker((broker) => factsOfLog(broker))
  expect(faults).toEqual([])
  for (const product of PRODUCTS) {
    // The very last may have come when the ingestor was already leaving.
    const taken = Array.from({ length: callsOf(venue, product) - 1 }, (_, i) => i + 1)
    expect(sequences.get(`simulator ${product}`)?.slice(0, taken.length)).toEqual(taken)
  }
  expect(differences(await cluster.tables(), await cluster.undisturbed())).toEqual([])
  expect((await cluster.run(['verify'], { LOG_LEVEL: 'error' })).code).toBe(0)
}

/** Records a second that the ingestor has sent on out of its spool, by its own account. */
function catchUpPerSecond(stderr: string): number {
  const accounts = [...stderr.matchAll(/"drainMs":(\d+),"kept":\d+,"drained":(\d+)/g)]
  const [ms, records] = [1, 2].map((group) =>
    accounts.reduce((sum, account) => sum + Number(account[group]), 0),
  )
  const perSecond = records! / (Math.max(1, ms!) / 1_000)
  process.stderr.write(`  ${records} records were sent on in ${ms} ms: ${Math.round(perSecond)} a second\n`)
  return perSecond
}

function callsOf(venue: LocalVenue, product: string): number {
  return venue.calls.filter((call) => call.product === product).length
}

/** The sequence of each product's latest book in the tables; none where there are no tables yet. */
async function latestSequences(cluster: Cluster): Promise<Map<string, number>> {
  const rows = await cluster.withTables((db) =>
    db.selectFrom('top_of_book').select(['product', 'sequence']).execute(),
  )
  return new Map(rows?.map(({ product, sequence }) => [product, sequence ?? 0]))
}

/** The most memory that a process ever had, as Linux counts it; elsewhere it is not looked at. */
function peakBytes(pid: number): number {
  if (process.platform !== 'linux') return 0
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

const MEMORY_BYTES_MAX = 64 * 1024 * 1024

/** How many books are polled meanwhile, eight a second: how long the way is bad. */
export type Spells = { readonly short: number; readonly long: number; readonly bad: number }

/** Everything that can be wrong with the way to Kafka, one after another. */
export async function playAway(clusters: Clusters, seed: number, spells: Spells): Promise<void> {
  const outpost = await openOutpost(clusters, { seed, before: (proxy) => proxy.refuse() })
  const { proxy, worker, ingestor } = outpost

  async function lasts(what: string, books: number, spoil: () => Promise<void>): Promise<void> {
    await spoil()
    await outpost.untilServed(books)
    expect([worker.hasEnded(), ingestor.hasEnded()]).toEqual([false, false])
    await proxy.pass()
    const ms = await outpost.untilCaughtUp()
    process.stderr.write(`  ${what}: all in the tables ${Math.round(ms)} ms after it was over\n`)
  }

  await lasts('down at the start', spells.short, () => worker.said('processing waits and begins anew'))
  await lasts('down for a second', spells.short, () => proxy.refuse())
  await lasts('down for longer', spells.long, () => proxy.refuse())
  await lasts('half-open', spells.long, () => proxy.halfOpen())
  await lasts('late by 50 ms ± 50 ms', spells.bad, () => proxy.blow({ latencyMs: 50, jitterMs: 50 }))
  await lasts('1 % of everything answered by a reset', spells.bad, () => proxy.blow({ resetPercent: 1 }))
  expect(outpost.grownBytes()).toBeLessThan(MEMORY_BYTES_MAX)
  await outpost.expectNothingLost()
}
