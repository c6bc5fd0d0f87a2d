import kafkajs from 'kafkajs'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Cluster, SESSION_MS, until, withClusters } from './cluster.ts'
import type { Running } from './commands.ts'
import { BOOKS } from './kafka-log.ts'
import { differences, type Processing } from './tables.ts'

/** How long a partition may stand still when its worker is gone. */
const ELSEWHERE_MS_MAX = 2 * SESSION_MS
const PARTITIONS = 6

const LIVE = '--history 10s --interval 20ms --levels 5'.split(' ')
const PRODUCTS = 'ADA BTC DOGE DOT ETH LINK LTC SOL UNI XLM XRP ZEC'.split(' ').map((base) => `${base}-USD`)

withClusters('workers that share the partitions', ({ open }) => {
  let cluster: Cluster
  let making: Running
  beforeAll(async () => {
    cluster = await open()
  })
  beforeEach(() => {
    making = cluster.start(['generate-mock', '--products', PRODUCTS.join(','), ...LIVE])
  })

  describe.each([1, 2, 3])('%i of them', (count) => {
    test('have all of the partitions, each an equal share', async () => {
      const crew = await hire(cluster, count)
      const shares = [...(await sharesIn(cluster)).values()].map((partitions) => partitions.length)
      expect(shares).toEqual(Array.from({ length: count }, () => PARTITIONS / count))
      await expectMoving(cluster)
      await leave(crew)
    }, 60_000)
  })

  const endings: [string, (worker: Processing) => void, (worker: Processing) => Promise<unknown>][] = [
    ['is told to stop', (worker) => worker.signal('SIGTERM'), (worker) => worker.ended],
    ['is killed', (worker) => worker.signal('SIGKILL'), (worker) => worker.ended],
    ['stands still', (worker) => worker.signal('SIGSTOP'), async (worker) => worker.signal('SIGCONT')],
  ]
  test.each(endings)(
    `the partitions of a worker that %s go on elsewhere within ${ELSEWHERE_MS_MAX / 1_000} s`,
    async (how, end, after) => {
      const crew = await hire(cluster, 3)
      await expectMoving(cluster)
      const [gone, ...others] = crew as [Processing, ...Processing[]]
      end(gone)
      const ms = await expectMoving(cluster)
      process.stderr.write(`a worker ${how}: all partitions go on after ${Math.round(ms)} ms\n`)
      expect(ms).toBeLessThanOrEqual(ELSEWHERE_MS_MAX)
      await after(gone)
      await leave(gone.hasEnded() ? others : crew)
    },
    60_000,
  )

  test('and what they have made together is what one makes alone', async () => {
    const crew = await hire(cluster, 3)
    await expectMoving(cluster)
    making.signal('SIGTERM')
    expect(await making.ended).toMatchObject({ code: 0 })
    await cluster.untilThrough()
    await leave(crew)
    expect(differences(await cluster.tables(), await cluster.undisturbed())).toEqual([])
  }, 120_000)
})

/** So many workers that all have joined, and shared out the partitions among them. */
async function hire(cluster: Cluster, count: number): Promise<Processing[]> {
  const crew = Array.from({ length: count }, () => cluster.worker())
  await Promise.all(crew.map(({ ready }) => ready))
  await until(`${count} workers share the partitions`, 4 * SESSION_MS, async () => {
    const shares = [...(await sharesIn(cluster)).values()]
    return shares.length === count && shares.flat().length === PARTITIONS
  })
  return crew
}

async function leave(crew: readonly Processing[]): Promise<void> {
  for (const worker of crew) worker.signal('SIGTERM')
  expect(await Promise.all(crew.map(async ({ ended }) => (await ended).code))).toEqual(crew.map(() => 0))
}

/** Which partitions of the books each worker has, as Kafka knows it. */
async function sharesIn(cluster: Cluster): Promise<Map<string, readonly number[]>> {
  const { groups } = await cluster.withAdmin((admin) => admin.describeGroups(['tidebook']))
  return new Map(
    groups[0]!.members.map(({ memberId, memberAssignment }) => {
      const decoded = kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment)
      return [memberId, decoded?.assignment[BOOKS] ?? []]
    }),
  )
}

/** Waits until every partition has moved on from where it stands now. Answers how long the last one took. */
async function expectMoving(cluster: Cluster): Promise<number> {
  const startedMs = performance.now()
  const before = await slowest(cluster)
  await until('every partition goes on', 4 * ELSEWHERE_MS_MAX, async () => {
    const now = await slowest(cluster)
    return now.size === PARTITIONS && [...now].every(([partition, at]) => at > (before.get(partition) ?? -1))
  })
  return performance.now() - startedMs
}

/** How far the slowest processor has come on each partition of the books. */
async function slowest(cluster: Cluster): Promise<Map<number, number>> {
  const reached = new Map<number, number>()
  for (const { topic, partition, position } of await cluster.positions()) {
    if (topic === BOOKS) reached.set(partition, Math.min(reached.get(partition) ?? position, position))
  }
  return reached
}
