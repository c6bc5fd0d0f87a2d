import { expect } from 'vitest'
import { type Cluster, type Clusters, until } from './cluster.ts'
import { BOOKS, factsOfLog } from './kafka-log.ts'
import { type Load, openLoad } from './load.ts'
import { differences } from './tables.ts'

const FAILOVER_MS_MAX = 60_000
const BATCHES = 20

/** Kills the leader of one of our partitions under load, so often, and sees that nothing acknowledged is lost. */
export async function playFailover({ open }: Clusters, kills: number): Promise<void> {
  const cluster = await open({ brokers: 3 })
  const worker = cluster.worker()
  await worker.ready
  const load = await openLoad(cluster)
  await load.untilMore(BATCHES, FAILOVER_MS_MAX)
  let dead: number | undefined
  for (let kill = 0; kill < kills; kill++) {
    if (dead !== undefined) await cluster.kafka.node(dead).start()
    await untilInSync(cluster)
    dead = await leaderOf(cluster, kill % PARTITIONS)
    await killUnderLoad(cluster, dead, load)
  }
  const acknowledged = await load.stop()
  const { faults, lastN } = await cluster.withBroker((broker) => factsOfLog(broker))
  expect(faults).toEqual([])
  for (const [partition, n] of acknowledged) {
    expect(lastN.get(`${BOOKS}/${partition} ${load.run}`)).toBeGreaterThanOrEqual(n)
  }
  await cluster.untilThrough()
  worker.signal('SIGTERM')
  expect(await worker.ended).toMatchObject({ code: 0 })
  expect(differences(await cluster.tables(), await cluster.undisturbed())).toEqual([])
  expect((await cluster.run(['verify'], { LOG_LEVEL: 'error' })).code).toBe(0)
}

const PARTITIONS = 6

async function killUnderLoad({ kafka }: Cluster, leader: number, load: Load): Promise<void> {
  const startedMs = performance.now()
  await kafka.node(leader).crash()
  await load.untilMore(BATCHES, FAILOVER_MS_MAX)
  const ms = Math.round(performance.now() - startedMs)
  process.stderr.write(`broker ${leader} killed: ${BATCHES} more batches are acknowledged after ${ms} ms\n`)
}

async function leaderOf(cluster: Cluster, partition: number): Promise<number> {
  const partitions = await partitionsIn(cluster)
  return partitions.find(({ partitionId }) => partitionId === partition)!.leader
}

/** Two of three must have a record before it is acknowledged: each kill is one of three. */
function untilInSync(cluster: Cluster): Promise<void> {
  return until('every broker has every partition', FAILOVER_MS_MAX, async () =>
    (await partitionsIn(cluster)).every(({ isr, replicas }) => isr.length === replicas.length),
  )
}

async function partitionsIn(cluster: Cluster) {
  const { topics } = await cluster.withAdmin((admin) => admin.fetchTopicMetadata({ topics: [BOOKS] }))
  return topics[0]!.partitions
}
