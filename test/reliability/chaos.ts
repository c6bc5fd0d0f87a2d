import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { chance } from '../broker/logs.ts'
import { book, openLocalVenue } from '../ingest/local-venue.ts'
import { type Cluster, SESSION_MS, until } from './cluster.ts'
import type { Running } from './commands.ts'
import { factsOfLog } from './kafka-log.ts'
import { differences, type Processing } from './tables.ts'

/**
 * A market that is made, polled and processed on a cluster where nothing stays up: what may happen, in the order of a seed,
 * each thing while a stretch of the market is under way.
 */

export type ChaosAbout = {
  readonly seed: number
  /** What happens, in any order; each is a name of `HAPPENINGS`. */
  readonly happenings: readonly Happening[]
  /** Ticks of the whole market: divided among the happenings. */
  readonly ticks: number
  /** How long the broker is away where it does not come back at once. */
  readonly awayMs: number
}

type Made = { readonly run: string; readonly books: number }

export type ChaosOutcome = {
  /** What every worker that ever was said. */
  readonly workersSaid: string
  /** Sequences of the books that an ingestor took and went on from, by feed: it asks for the next when it has kept the last. */
  readonly acknowledged: ReadonlyMap<string, readonly number[]>
  /** What each maker that came to its end says it has published. */
  readonly made: readonly Made[]
}

export const PRODUCTS = 'ADA BTC DOGE DOT ETH LINK LTC SOL UNI XLM XRP ZEC'
  .split(' ')
  .map((base) => `${base}-USD`)
const POLLED = ['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD']
const MARKET =
  `--products ${PRODUCTS.join(',')} --interval 1s --levels 20 --faults 0.02 --crossed 0.01`.split(' ')
const STARTS_AT_MS = Date.UTC(2026, 10, 20, 12)

/** Ticks of one product in a market of so many books. */
export function ticksFor(books: number): number {
  return Math.ceil(books / PRODUCTS.length)
}

/** A thing happens at a random moment of the first so many milliseconds of a stretch. */
const MOMENT_MS_MAX = 1_500
/** Longer than a session, so that the group has given a stalled worker up, and others its partitions, when it is woken. */
const STALL_MS = 2 * SESSION_MS

const HAPPENINGS = {
  'a worker is killed': ({ crew }) => crew.kill(),
  'a worker stands still for longer than its session': ({ crew }) => crew.stall(),
  'a third worker joins': async ({ crew }) => crew.hire(),
  'a worker leaves': ({ crew }) => crew.dismiss(),
  'the maker is killed': async ({ maker }) => maker.kill(),
  'the ingestor is killed': ({ ingestor }) => ingestor.kill(),
  'the broker is killed and started again': ({ cluster }) => restart(cluster, 0),
  'the broker is away': ({ cluster, awayMs }) => restart(cluster, awayMs),
} satisfies Record<string, (stage: Stage) => Promise<void>>
export type Happening = keyof typeof HAPPENINGS

type Stage = {
  readonly cluster: Cluster
  readonly crew: Crew
  readonly maker: Maker
  readonly ingestor: Ingestor
  readonly awayMs: number
}

/** Plays it to the end: everything that was made or polled is on the log and in the tables, and all processes have ended. */
export async function playChaos(cluster: Cluster, about: ChaosAbout): Promise<ChaosOutcome> {
  const below = chance(about.seed)
  const order = shuffled(about.happenings, below)
  process.stderr.write(`chaos of seed ${about.seed}: ${order.join(', ')}\n`)
  const ticks = Math.ceil(about.ticks / order.length)
  const crew = await openCrew(cluster, below)
  const ingestor = await openIngestor(cluster)
  const made: Made[] = []
  for (const [index, happening] of order.entries()) {
    const maker = makeStretch(cluster, index, ticks)
    await delay(below(MOMENT_MS_MAX))
    const startedMs = performance.now()
    await HAPPENINGS[happening]({ cluster, crew, maker, ingestor, awayMs: about.awayMs })
    made.push(await maker.through)
    process.stderr.write(`  ${happening}: ${Math.round(performance.now() - startedMs)} ms\n`)
  }
  const acknowledged = await ingestor.stop()
  await cluster.untilThrough()
  return { workersSaid: await crew.leave(), acknowledged, made }
}

/**
 * The log holds all that was acknowledged, each product's books in their order; the tables are byte for byte those that one
 * undisturbed processor makes of the same log; and both ledgers add up.
 */
export async function expectNothingLost(
  cluster: Cluster,
  { acknowledged, made }: ChaosOutcome,
): Promise<void> {
  const facts = await cluster.withBroker((broker) => factsOfLog(broker))
  process.stderr.write(`  ${facts.books} books on the log, ${facts.duplicates} records came twice\n`)
  expect(facts.faults).toEqual([])
  for (const [feed, taken] of acknowledged) {
    const there = new Set(facts.sequences.get(feed))
    expect({ feed, missing: taken.filter((sequence) => !there.has(sequence)) }).toEqual({ feed, missing: [] })
  }
  for (const { run, books } of made) expect(facts.booksOf.get(run) ?? 0).toBeGreaterThanOrEqual(books)
  const [tables, expected] = [await cluster.tables(), await cluster.undisturbed()]
  expect(differences(tables, expected)).toEqual([])
  const verified = await cluster.run(['verify'], { LOG_LEVEL: 'error' })
  expect(verified.stdout.split('\n').filter((line) => line.startsWith('BAD'))).toEqual([])
  expect(verified.code).toBe(0)
}

function shuffled<Thing>(things: readonly Thing[], below: (n: number) => number): Thing[] {
  const left = [...things]
  return things.map(() => left.splice(below(left.length), 1)[0]!)
}

async function restart({ kafka }: Cluster, awayMs: number): Promise<void> {
  await kafka.node(1).crash()
  await delay(awayMs)
  await kafka.node(1).start()
}

type Maker = { kill(): void; readonly through: Promise<Made> }

const STARTS_MAX = 100

/** Makes a stretch of the market, and is started again until it has: killed, or left alone by Kafka. */
function makeStretch(cluster: Cluster, index: number, ticks: number): Maker {
  const endsAt = new Date(STARTS_AT_MS + (index + 1) * ticks * 1_000).toISOString()
  const args = ['generate-mock', '--until', endsAt, '--count', String(ticks), ...MARKET]
  let making: Running
  async function make(): Promise<Made> {
    for (let starts = 1; ; starts++) {
      making = cluster.start(args)
      const { code, stderr } = await making.ended
      if (code === 0) return madeBy(stderr)
      if (starts === STARTS_MAX) throw new Error(`the market is not made after ${starts} starts: ${stderr}`)
    }
  }
  return { through: make(), kill: () => making.signal('SIGKILL') }
}

/** The last line of a maker: `{...,"run":"mock-...","books":8213,...,"msg":"made 8,213 books ..."}`. */
export function madeBy(stderr: string): Made {
  const line = stderr.split('\n').find((text) => text.includes('"msg":"made '))
  if (line === undefined) throw new Error(`a maker that does not say what it has made: ${stderr}`)
  return JSON.parse(line) as Made
}

type Ingestor = { kill(): Promise<void>; stop(): Promise<ChaosOutcome['acknowledged']> }

/** Polls a venue of our own, whose books are numbered, ten times a second or as often as it may. */
async function openIngestor(cluster: Cluster): Promise<Ingestor> {
  const venue = await openLocalVenue((_, call) => book(call))
  const env = {
    VENUES: `coinbase:${POLLED.join(',')}`,
    COINBASE_REST_URL: venue.baseUrl,
    FEEDS: 'books',
    POLL_MS: '100',
  }
  const begin = () => cluster.start(['ingest'], env)
  const acknowledged = new Map(POLLED.map((product) => [product, [] as number[]]))
  let running = begin()
  let seen = 0

  /** All that this ingestor was served, but for the last book of each product: that one it may have had in hand. */
  function note(): void {
    for (const [product, taken] of acknowledged) {
      const before = venue.calls.slice(0, seen).filter((call) => call.product === product).length
      const now = venue.calls.filter((call) => call.product === product).length
      for (let call = before + 1; call < now; call++) taken.push(call)
    }
    seen = venue.calls.length
  }

  return {
    async kill() {
      running.signal('SIGKILL')
      await running.ended
      note()
      running = begin()
    },
    async stop() {
      running.signal('SIGTERM')
      const { code, stderr } = await running.ended
      if (code !== 0) throw new Error(`ingest ended with ${code}: ${stderr}`)
      note()
      await venue.close()
      return new Map([...acknowledged].map(([product, taken]) => [`simulator ${product}`, taken]))
    },
  }
}

const BUSY_MS_MAX = 30_000

/** Waits until records are being applied: whoever is stopped then has work in hand that is not committed. */
async function untilBusy(cluster: Cluster): Promise<void> {
  const applied = async () => (await cluster.positions()).reduce((sum, { position }) => sum + position, 0)
  const before = await applied()
  await until('records are applied', BUSY_MS_MAX, async () => (await applied()) > before)
}

type Crew = {
  hire(): Promise<void>
  kill(): Promise<void>
  stall(): Promise<void>
  dismiss(): Promise<void>
  /** All leave in order. Answers everything that any worker has said. */
  leave(): Promise<string>
}

/** Workers that share the partitions: two, and more or fewer as things happen, but never none. */
async function openCrew(cluster: Cluster, below: (n: number) => number): Promise<Crew> {
  const crew: Processing[] = []
  const said: string[] = []
  const take = () => crew.splice(below(crew.length), 1)[0]!

  async function hire(): Promise<void> {
    const worker = cluster.worker()
    crew.push(worker)
    worker.ended.then(({ stderr }) => said.push(stderr))
  }

  async function goes(worker: Processing): Promise<void> {
    await worker.ready
    worker.signal('SIGTERM')
    const { code, stderr } = await worker.ended
    if (code !== 0) throw new Error(`process ended with ${code}: ${stderr}`)
  }

  await Promise.all([hire(), hire()])
  await Promise.all(crew.map(({ ready }) => ready))
  return {
    hire,
    async kill() {
      const victim = take()
      victim.signal('SIGKILL')
      await victim.ended
      await hire()
    },
    async stall() {
      await untilBusy(cluster)
      const zombie = crew[below(crew.length)]!
      zombie.signal('SIGSTOP')
      await delay(STALL_MS)
      zombie.signal('SIGCONT')
    },
    async dismiss() {
      if (crew.length > 1) await goes(take())
      else await hire()
    },
    async leave() {
      await Promise.all(crew.splice(0).map(goes))
      return said.join('')
    },
  }
}
