import { beforeAll, expect, test } from 'vitest'
import { freePorts } from '../../ops/ports.ts'
import { type Cluster, withClusters } from './cluster.ts'
import { history } from './kills.ts'

withClusters('settings that do not fit', ({ open }) => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await open()
    expect(await cluster.run(history(20))).toMatchObject({ code: 0 })
  })

  test('a second processor with another LATE_MAX says what differs and exits 1; the first goes on', async () => {
    const first = cluster.worker()
    await first.ready
    const second = cluster.worker({ LATE_MAX: '10m' })
    const { code, stderr } = await second.ended
    expect(code).toBe(1)
    expect(stderr).toContain('LATE_MAX 3600000, here it is 600000')
    await cluster.untilThrough()
    expect(first.hasEnded()).toBe(false)
  }, 60_000)

  test('a topic with fewer partitions than configured is said, and works', async () => {
    const worker = cluster.worker({ FEED_PARTITIONS: '12' })
    await worker.said('books.coinbase')
    await worker.ready
    expect(await cluster.run(history(20, '2026-11-20T12:30:00Z'), { FEED_PARTITIONS: '12' })).toMatchObject({
      code: 0,
    })
    await cluster.untilThrough()
    worker.signal('SIGTERM')
    const { code, stderr } = await worker.ended
    expect(code).toBe(0)
    expect(stderr).toMatch(/books\.coinbase.*6 partitions.*12/)
  }, 60_000)

  test('where nobody listens, a command says what it tried, and what to look at', async () => {
    const [port] = await freePorts(1)
    const { code, stderr } = await cluster.run(['topics'], { KAFKA_BROKERS: `127.0.0.1:${port}` })
    expect(code).toBe(1)
    expect(stderr).toContain(`127.0.0.1:${port}`)
    expect(stderr).toContain('ECONNREFUSED')
    expect(stderr).toContain('KAFKA_BROKERS')
  }, 60_000)

  test('where the broker knows no passwords, a command with one says which settings to look at', async () => {
    const login = { KAFKA_SASL: 'plain', KAFKA_USERNAME: 'somebody', KAFKA_PASSWORD: 'of-all-secrets' }
    const { code, stderr } = await cluster.run(['topics'], login)
    expect(code).toBe(1)
    expect(stderr).toContain('KAFKA_SASL')
    expect(stderr).not.toContain('of-all-secrets')
  }, 60_000)
})
