import { setTimeout as delay } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import { endsOf } from '../../src/processors/running/caught-up.ts'
import type { Views } from '../../src/store/views.ts'
import { chance } from '../broker/logs.ts'
import { type ChaosOutcome, madeBy, PRODUCTS } from './chaos.ts'
import { type Cluster, until } from './cluster.ts'
import { BOOKS } from './kafka-log.ts'
import type { Processing } from './tables.ts'

/**
 * One worker after another on a live market, each killed. Kafka does not learn of it: it waits one session for a member that
 * is gone before the next one has its partitions, so what a kill hits depends on when it comes.
 */

export type Moment = 'before it has partitions' | 'as it takes them over' | 'at work'

export type WorkerKillsAbout = {
  readonly seed: number
  /** What each kill hits, in this order. */
  readonly kills: readonly Moment[]
  /** The market goes on until so many records of it are on the log. */
  readonly records: number
}

export type WorkerKillsOutcome = ChaosOutcome & {
  /** From a start to the first commit, of each worker that was let come so far. */
  readonly readyMs: readonly number[]
  /** Workers that were killed before Kafka gave them anything. */
  readonly neverAssigned: number
}

/** 240 books a second: after a session without a worker there is work to catch up with. */
const MARKET = `--products ${PRODUCTS.join(',')} --history 10s --interval 50ms --levels 20 --faults 0.02 --crossed 0.01`

/** A kill comes at a random moment within these after the start, or after the first commit. */
const KILL_MS_MIN = 20
const KILL_MS_MAX = 2_000
/** From the claim of partitions to the first commit it is a tenth of a second: a kill comes in or soon after it. */
const TAKING_OVER_MS_MAX = 150
const LOOK_MS = 20
/** Kafka may have to wait for one who was killed at work, and then for one who was killed while both were joining. */
const ASSIGNED_MS_MAX = 60_000
const RECORDS_MS_MAX = 900_000

/** Seeded: one kill in four before there are partitions, one in four as they are taken over, the others at work. */
export function killsOf(count: number, seed: number): Moment[] {
  const moments: Moment[] = ['before it has partitions', 'as it takes them over', 'at work', 'at work']
  const below = chance(seed)
  return Array.from({ length: count }, () => moments[below(moments.length)]!)
}

/** Plays it to the end: the last worker, which nobody kills, brings the tables up to the end of the log and leaves in order. */
export async function playWorkerKills(
  cluster: Cluster,
  about: WorkerKillsAbout,
): Promise<WorkerKillsOutcome> {
  const making = cluster.start(['generate-mock', ...MARKET.split(' ')])
  await makeTables(cluster)
  const readyMs: number[] = []
  let neverAssigned = 0
  await cluster.withTables(async (db) => {
    const below = chance(about.seed)
    for (const moment of about.kills) {
      const life = await beginLife(cluster, db)
      const came = await life.untilMoment(moment, below)
      await life.kill()
      if (came.readyMs !== undefined) readyMs.push(came.readyMs)
      if (moment === 'before it has partitions' && !(await life.hasClaimed())) neverAssigned++
    }
    const last = await beginLife(cluster, db)
    readyMs.push(await last.firstCommit())
    await untilRecords(cluster, about.records)
    making.signal('SIGTERM')
    await making.ended
    await cluster.untilThrough()
    await last.leave()
  })
  const { code, stderr } = await making.ended
  if (code !== 0) throw new Error(`generate-mock ended with ${code}: ${stderr}`)
  return { readyMs, neverAssigned, workersSaid: '', acknowledged: new Map(), made: [madeBy(stderr)] }
}

/** By a worker that nobody disturbs. */
async function makeTables(cluster: Cluster): Promise<void> {
  const worker = cluster.worker()
  await until('tables have begun to fill', ASSIGNED_MS_MAX, async () =>
    (await cluster.positions()).some(({ topic, position }) => topic === BOOKS && position > 0),
  )
  await leave(worker)
}

async function leave(worker: Processing): Promise<void> {
  await worker.ready
  worker.signal('SIGTERM')
  const { code, stderr } = await worker.ended
  if (code !== 0) throw new Error(`process ended with ${code}: ${stderr}`)
}

type Came = { readonly readyMs?: number }

/** One worker, from its start on. */
async function beginLife(cluster: Cluster, db: Kysely<Views>) {
  const before = await reachedIn(db)
  const startedMs = performance.now()
  const worker = cluster.worker()

  async function untilReached(what: string, isReached: (reached: Reached) => boolean): Promise<Reached> {
    let reached = before
    const look = async () => {
      if (worker.hasEnded()) throw new Error(`process ended by itself: ${(await worker.ended).stderr}`)
      reached = await reachedIn(db)
      return isReached(reached)
    }
    await until(what, ASSIGNED_MS_MAX, look, LOOK_MS)
    return reached
  }

  const claimed = () => untilReached('partitions are claimed', ({ epochs }) => epochs > before.epochs)

  /** Of this worker: nobody else can have committed once it has claimed the partition. */
  async function firstCommit(): Promise<number> {
    const atClaim = await claimed()
    await untilReached('records are applied', ({ positions }) => positions > atClaim.positions)
    return performance.now() - startedMs
  }

  async function untilMoment(moment: Moment, below: (n: number) => number): Promise<Came> {
    const afterMs = KILL_MS_MIN + below(KILL_MS_MAX - KILL_MS_MIN)
    if (moment === 'as it takes them over') {
      await claimed()
      await delay(below(TAKING_OVER_MS_MAX))
      return {}
    }
    const came = moment === 'at work' ? { readyMs: await firstCommit() } : {}
    await delay(afterMs)
    return came
  }

  return {
    firstCommit,
    untilMoment,
    hasClaimed: async () => (await reachedIn(db)).epochs > before.epochs,
    async kill() {
      worker.signal('SIGKILL')
      await worker.ended
    },
    leave: () => leave(worker),
  }
}

/** How often partitions of the books were claimed, and how far all processors have come on them; both only grow. */
type Reached = { readonly epochs: number; readonly positions: number }

async function reachedIn(db: Kysely<Views>): Promise<Reached> {
  const { rows } = await sql<Record<keyof Reached, string>>`
    SELECT (SELECT sum(epoch) FROM partitions WHERE topic = ${BOOKS}) AS epochs,
           (SELECT sum(position) FROM positions WHERE topic = ${BOOKS}) AS positions`.execute(db)
  return { epochs: Number(rows[0]!.epochs), positions: Number(rows[0]!.positions) }
}

async function untilRecords(cluster: Cluster, records: number): Promise<void> {
  await cluster.withBroker((broker) =>
    until(`${records} records are on the log`, RECORDS_MS_MAX, async () => {
      const ends = [...(await endsOf(broker))].filter(([name]) => name.startsWith(`${BOOKS}/`))
      return ends.reduce((sum, [, end]) => sum + end, 0) >= records
    }),
  )
}
