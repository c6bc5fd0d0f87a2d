import { execFileSync } from 'node:child_process'
import { dirname } from 'node:path'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { beforeAll, expect, test, vi } from 'vitest'
import type { LocalKafka } from '../../../ops/kafka/local-kafka.ts'
import { cleanKafka, withKafka } from '../../services/kafka.ts'
import { type OwnKafkas, withOwnKafka } from '../../services/own-kafka.ts'

// Three brokers on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const READY = { timeout: 30_000, interval: 500 }

withKafka('the Kafka of the tests', (brokers) => {
  test('is as good as new after cleaning', async () => {
    await cleanKafka()
    await withAdmin(brokers, async (admin) => {
      await admin.createTopics({ topics: [{ topic: 'books.coinbase', numPartitions: 2 }] })
      const partitions = [{ partition: 0, offset: '0' }]
      // The first group of a broker waits for the topic that groups are kept on.
      await vi.waitFor(
        () => admin.setOffsets({ groupId: 'process', topic: 'books.coinbase', partitions }),
        READY,
      )
      await vi.waitFor(async () => expect((await admin.listGroups()).groups).toHaveLength(1), READY)
    })
    await cleanKafka()
    await withAdmin(brokers, async (admin) => {
      expect((await admin.listTopics()).filter((topic) => !topic.startsWith('__'))).toEqual([])
      expect((await admin.listGroups()).groups).toEqual([])
    })
  })
})

withOwnKafka('a local Kafka', (kafkas) => {
  let kafka: LocalKafka
  let dataDir: string
  beforeAll(async () => {
    kafka = await kafkas.start({ login: { username: 'tide', password: 'book' } })
    dataDir = dirname(dirname(kafka.node(1).logFile))
    await kafkas.tool('kafka-topics', [...server(kafka), '--create', '--topic', 'kept'])
  })

  test('answers under both names of this machine', async () => {
    const byName = kafka.brokers[0]!.replace('127.0.0.1', 'localhost')
    expect(await kafkas.tool('kafka-topics', ['--bootstrap-server', byName, '--list'])).toContain('kept')
  })

  test('lets in by its other door who knows the password', async () => {
    const enter = (password: string) => withAdmin([...kafka.loginBrokers], async () => {}, password)
    await expect(enter('book')).resolves.toBeUndefined()
    await expect(enter('worm')).rejects.toThrow(/authentication/i)
  })

  test('keeps its data and its address over kill -9', async () => {
    await produce(kafkas, kafka, 'before\n')
    const { address, pid } = kafka.node(1)
    await kafka.node(1).crash()
    expect(await kafka.node(1).ended).toBe('SIGKILL')
    await kafka.node(1).restart()
    expect(kafka.node(1).pid).not.toBe(pid)
    expect(kafka.brokers).toEqual([address])
    await produce(kafkas, kafka, 'after\n')
    expect(await consume(kafkas, kafka, 2)).toBe('before\nafter\n')
  })

  test('stands still while paused, and goes on', async () => {
    kafka.node(1).pause()
    expect(processState(kafka.node(1).pid!)).toBe('T')
    kafka.node(1).resume()
    await produce(kafkas, kafka, 'awake\n')
  })

  test('does not share its data with a second one', async () => {
    await expect(kafkas.start({ dataDir })).rejects.toMatchObject({ code: 'lock-held' })
  })

  test('says which port is taken', async () => {
    const port = Number(kafka.brokers[0]!.split(':')[1])
    await expect(kafkas.start({ port })).rejects.toThrow(`port ${port} of 127.0.0.1 is taken`)
  })

  test('stopped in order, it can be started again by others; but not with more brokers', async () => {
    await kafka.stop()
    await expect(kafkas.start({ dataDir, brokers: 3 })).rejects.toMatchObject({ code: 'log-foreign' })
    const again = await kafkas.start({ dataDir })
    expect(await kafkas.tool('kafka-topics', [...server(again), '--list'])).toContain('kept')
  })

  test('says what a server property that it does not accept was', async () => {
    const wrong = kafkas.start({ overrides: { 'num.io.threads': 'many' } })
    await expect(wrong).rejects.toMatchObject({ code: 'service-failed' })
    await expect(wrong).rejects.toThrow('num.io.threads')
  })
})

withOwnKafka('three brokers', (kafkas) => {
  let kafka: LocalKafka
  beforeAll(async () => {
    kafka = await kafkas.start({ brokers: 3 })
  })

  test('keep every record on three of them, and go on without any one', async () => {
    await kafkas.tool('kafka-topics', [...server(kafka), '--create', '--topic', 'kept'])
    await produce(kafkas, kafka, 'one\n')
    const leader = await leaderOf(kafkas, kafka)
    await kafka.node(leader).crash()
    await produce(kafkas, kafka, 'two\n')
    expect(await consume(kafkas, kafka, 2)).toBe('one\ntwo\n')
    await kafka.node(leader).restart()
  })

  test('all stop, whichever of them hang', async () => {
    kafka.node(2).pause()
    await kafka.stop()
    const ends = await Promise.all(kafka.nodes.map(({ ended }) => ended))
    expect(ends.filter((end) => !/^(exit 143|SIGKILL)$/.test(end))).toEqual([])
  })
})

async function withAdmin(
  brokers: string[],
  work: (admin: Admin) => Promise<void>,
  password?: string,
): Promise<void> {
  const sasl =
    password === undefined ? {} : { sasl: { mechanism: 'plain', username: 'tide', password } as const }
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING, ...sasl }).admin()
  await admin.connect()
  await work(admin)
  await admin.disconnect()
}

function server(kafka: LocalKafka): string[] {
  return ['--bootstrap-server', kafka.brokers.join(',')]
}

async function produce(kafkas: OwnKafkas, kafka: LocalKafka, lines: string): Promise<void> {
  await kafkas.tool('kafka-console-producer', [...server(kafka), '--topic', 'kept', '--sync'], lines)
}

async function consume(kafkas: OwnKafkas, kafka: LocalKafka, count: number): Promise<string> {
  const which = [
    '--topic',
    'kept',
    '--from-beginning',
    '--max-messages',
    String(count),
    '--timeout-ms',
    '60000',
  ]
  return await kafkas.tool('kafka-console-consumer', [...server(kafka), ...which])
}

async function leaderOf(kafkas: OwnKafkas, kafka: LocalKafka): Promise<number> {
  const told = await kafkas.tool('kafka-topics', [...server(kafka), '--describe', '--topic', 'kept'])
  expect(told).toContain('ReplicationFactor: 3')
  return Number(/Leader: (\d)/.exec(told)![1])
}

/** `T` where it is stopped. */
function processState(pid: number): string {
  return execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' })[0]!
}
