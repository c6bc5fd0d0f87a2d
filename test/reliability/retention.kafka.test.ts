import { expect, test } from 'vitest'
import { type Cluster, until, withClusters } from './cluster.ts'
import { BOOKS } from './kafka-log.ts'

const LIVE = '--products BTC-USD,ETH-USD,SOL-USD,XRP-USD --history 10s --interval 20ms --levels 5'.split(' ')
/** Records of each partition that are dropped unread. */
const LOST = 50

withClusters('retention that runs past a stopped processor', ({ open }) => {
  test('is counted record by record, said, and a hole of every product: nothing is read again, and nothing skipped in silence', async () => {
    const cluster = await open({ env: { FEED_PARTITIONS: '2' } })
    const making = cluster.start(['generate-mock', ...LIVE])
    const before = cluster.worker()
    await before.ready
    await untilBeyond(cluster, [100, 100])
    before.signal('SIGTERM')
    expect(await before.ended).toMatchObject({ code: 0 })

    const stood = await positionsOf(cluster)
    const start = stood.map((position) => position + LOST)
    await until('more has come than is dropped', 30_000, async () =>
      (await endsOf(cluster)).every((end, partition) => end > start[partition]! + LOST),
    )
    const partitions = start.map((offset, partition) => ({ partition, offset: String(offset) }))
    await cluster.withAdmin(async (admin) => {
      // Deleting asks for leaders that something else must have looked up.
      await admin.fetchTopicOffsets(BOOKS)
      await admin.deleteTopicRecords({ topic: BOOKS, partitions })
    })

    const after = cluster.worker()
    await after.said(`${LOST} records of ${BOOKS}/0 were dropped by retention before they were read`)
    await after.said(`${LOST} records of ${BOOKS}/1 were dropped by retention before they were read`)
    await untilBeyond(cluster, start)
    making.signal('SIGTERM')
    expect(await making.ended).toMatchObject({ code: 0 })
    await cluster.untilThrough()
    after.signal('SIGTERM')
    expect(await after.ended).toMatchObject({ code: 0 })

    const books = (await cluster.positions()).filter(({ topic }) => topic === BOOKS)
    expect([...new Set(books.map(({ lost }) => lost))]).toEqual([LOST])
    const holes = await cluster.withTables((db) =>
      db.selectFrom('holes').select('product').where('reason', '=', 'lost-log').orderBy('product').execute(),
    )
    expect(holes?.map(({ product }) => product)).toEqual(['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD'])
    expect((await cluster.run(['verify'])).code).toBe(0)
  }, 120_000)
})

/** How far the slowest processor is on each partition of the books. */
async function positionsOf(cluster: Cluster): Promise<number[]> {
  const books = (await cluster.positions()).filter(({ topic }) => topic === BOOKS)
  return [0, 1].map((partition) =>
    Math.min(...books.filter((its) => its.partition === partition).map(({ position }) => position)),
  )
}

async function untilBeyond(cluster: Cluster, offsets: readonly number[]): Promise<void> {
  await until(`every partition is beyond ${offsets}`, 30_000, async () =>
    (await positionsOf(cluster)).every((at, partition) => at !== Infinity && at > offsets[partition]!),
  )
}

async function endsOf(cluster: Cluster): Promise<number[]> {
  const ends = await cluster.withAdmin((admin) => admin.fetchTopicOffsets(BOOKS))
  return ends.sort((a, b) => a.partition - b.partition).map(({ high }) => Number(high))
}
