import kafkajs from 'kafkajs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePorts } from '../../ops/ports.ts'
import type { Broker, ConsumeOptions } from '../../src/broker/broker.ts'
import { withKafka } from '../services/kafka.ts'
import { brokerSuite } from './broker-suite.ts'
import { freshTopic, openKafka, openWithTopics } from './kafka-brokers.ts'
import { chance, listen, readAll, record, records } from './logs.ts'

withKafka('kafka', (brokers) => {
  brokerSuite('kafka', () => openWithTopics(brokers))

  /** Others on the same Kafka, as they come. */
  const bare = new kafkajs.Kafka({
    brokers,
    clientId: 'somebody-else',
    logLevel: kafkajs.logLevel.NOTHING,
  })

  async function withAdmin<T>(work: (admin: ReturnType<typeof bare.admin>) => Promise<T>): Promise<T> {
    const admin = bare.admin()
    await admin.connect()
    try {
      return await work(admin)
    } finally {
      await admin.disconnect()
    }
  }

  async function bareProducer(options: Parameters<typeof bare.producer>[0] = {}) {
    const producer = bare.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, ...options })
    await producer.connect()
    onTestFinished(() => producer.disconnect())
    return producer
  }

  async function open() {
    const { broker, books } = await openWithTopics(brokers)
    const { topic } = books
    return { broker, books, topic, tp: { topic, partition: 0 } }
  }

  describe('kafka: a group', () => {
    /** A member that says what happens to it, and knows where every member stands. */
    async function member(broker: Broker, topic: string, name: string, shared: Shared) {
      return listen(broker, {
        topics: [topic],
        group: `${topic}.group`,
        onAssigned: async (tps) => {
          shared.events.push(`${name} has ${tps.map(({ partition }) => partition)}`)
          return new Map(
            tps.map(({ partition }) => [`${topic}/${partition}`, shared.positions.get(partition) ?? 0]),
          )
        },
        onLost: async (tps) =>
          void shared.events.push(`${name} lost ${tps.map(({ partition }) => partition)}`),
        onBatch: async ({ partition }, batch) => {
          shared.heard.push(...batch.map(({ n }) => `${partition}: ${n}`))
          shared.positions.set(partition, batch.at(-1)!.offset + 1)
        },
      })
    }
    type Shared = { events: string[]; heard: string[]; positions: Map<number, number> }
    const nothingShared = (): Shared => ({ events: [], heard: [], positions: new Map() })

    test('shares the partitions out, and what one loses the other goes on with', async () => {
      const { broker, topic } = await open()
      const shared = nothingShared()
      await member(broker, topic, 'one', shared)
      await broker.publish([...records(1, 9, { topic }), ...records(1, 9, { topic, partition: 1 })])
      await expect.poll(() => shared.heard.length, { timeout: 10_000 }).toBe(18)
      const two = await member(broker, topic, 'two', shared)
      await expect.poll(() => shared.events.length, { timeout: 10_000 }).toBe(4)
      expect(shared.events.slice(0, 2)).toEqual(['one has 0,1', 'one lost 0,1'])
      expect(shared.events.slice(2).map((event) => event.split(' has ')[1])).toSatisfy(
        (shares: string[]) => shares.toSorted().join(' ') === '0 1',
      )
      await broker.publish([...records(10, 20, { topic }), ...records(10, 20, { topic, partition: 1 })])
      await expect.poll(() => shared.heard.length, { timeout: 10_000 }).toBe(40)
      await two.consumer.close()
      await expect.poll(() => shared.events.at(-1), { timeout: 15_000 }).toBe('one has 0,1')
      await broker.publish([record(21, { topic }), record(21, { topic, partition: 1 })])
      await expect.poll(() => shared.heard.length, { timeout: 10_000 }).toBe(42)
      for (const partition of [0, 1]) {
        const heard = shared.heard.filter((each) => each.startsWith(`${partition}`))
        expect(heard).toEqual(Array.from({ length: 21 }, (_, i) => `${partition}: ${i + 1}`))
      }
    })

    test('may have more members than partitions: the others have nothing, and wait', async () => {
      const { broker, topic } = await open()
      const shared = nothingShared()
      for (const name of ['one', 'two', 'three']) await member(broker, topic, name, shared)
      const last = (name: string) => shared.events.findLast((event) => event.startsWith(`${name} has`))
      await expect
        .poll(() => ['one', 'two', 'three'].map((name) => last(name)?.split(' has ')[1]).toSorted(), {
          timeout: 15_000,
        })
        .toEqual(['', '0', '1'])
    })
  })

  describe('kafka: positions', () => {
    const at = (topic: string, offset: number) => async () => new Map([[`${topic}/0`, offset]])

    test('one past the end of the log is never taken for another', async () => {
      const { broker, topic } = await open()
      await broker.publish(records(1, 3, { topic }))
      const about: Partial<ConsumeOptions> = { topics: [topic], group: topic, onAssigned: at(topic, 4) }
      await expect(listen(broker, about)).rejects.toMatchObject({
        code: 'log-lost',
        message: `${topic}/0 ends at 3, before position 4`,
      })
    })

    test('one before the oldest record leads to the oldest record', async () => {
      const { broker, topic, tp } = await open()
      await broker.publish(records(1, 9, { topic }))
      await withAdmin(async (admin) => {
        await admin.fetchTopicMetadata({ topics: [topic] })
        await admin.fetchTopicOffsets(topic)
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '5' }] })
      })
      const listener = await listen(broker, { topics: [topic], group: topic, onAssigned: at(topic, 2) })
      await listener.until(4)
      expect(listener.heard.map(({ offset }) => offset)).toEqual([5, 6, 7, 8])
      expect((await broker.read(tp, 2, 2)).map(({ offset }) => offset)).toEqual([5, 6])
      expect((await broker.topics()).find((info) => info.topic === topic)!.partitionInfos[0]).toMatchObject({
        startOffset: 5,
        endOffset: 9,
      })
    })

    test('those of a topic that is made anew under a reader are of another log', {
      timeout: 60_000,
    }, async () => {
      const { broker, books, topic } = await open()
      const idOf = async () => (await broker.topics()).find((info) => info.topic === topic)!.logId
      await broker.publish(records(1, 3, { topic }))
      const positions = new Map<string, number>()
      const listener = await listen(broker, {
        topics: [topic],
        group: topic,
        onAssigned: async () => positions,
        onBatch: async (_tp, batch) => void positions.set(`${topic}/0`, batch.at(-1)!.offset + 1),
      })
      await expect.poll(() => positions.size, { timeout: 10_000 }).toBe(1)
      const before = await idOf()
      await withAdmin((admin) => admin.deleteTopics({ topics: [topic] }))
      await broker.ensureTopics([books])
      expect(await idOf()).not.toBe(before)
      await expect(listener.consumer.done).rejects.toMatchObject({ code: 'log-lost' })
    })
  })

  describe('kafka: records of others', () => {
    test('are handed over as they are, with what is missing missing', async () => {
      const { broker, topic, tp } = await open()
      const producer = await bareProducer()
      const twice = { run: 'r', n: '01x', other: ['a', 'b'] }
      await producer.send({
        topic,
        messages: [
          { value: Buffer.of(0xff, 0x00, 0xfe), partition: 0 },
          { key: 'BTC-USD', value: null, partition: 0 },
          { value: 'text', headers: twice, partition: 0 },
          { key: Buffer.of(0xc3), value: '', headers: { run: 'r', n: '12' }, partition: 0 },
        ],
      })
      const [binary, tombstone, text, empty] = await readAll(broker, tp)
      expect(binary).toMatchObject({ key: null, run: null, n: null, headers: null, value: null })
      expect(binary!.bytes).toEqual(Uint8Array.of(0xff, 0x00, 0xfe))
      expect(tombstone).toMatchObject({ key: 'BTC-USD', value: null })
      expect(tombstone!.bytes).toBeUndefined()
      expect(text).toMatchObject({ run: 'r', n: null, headers: { other: 'b' }, value: 'text' })
      expect(empty).toMatchObject({ key: null, run: 'r', n: 12, headers: null, value: '' })
    })

    test('a record of 1 MiB and a byte is one as any other', async () => {
      const { broker, topic, tp } = await open()
      const producer = await bareProducer()
      const value = 'x'.repeat(1_048_577)
      await producer.send({ topic, messages: [{ value, partition: 0 }] })
      const listener = await listen(broker, { topics: [topic], group: topic })
      await listener.until(1)
      expect(listener.heard[0]!.value === value).toBe(true)
      expect((await broker.read(tp, 0, 1))[0]!.value === value).toBe(true)
    })

    test('the ends of transactions are records of nothing, so that offsets stay dense', async () => {
      const { broker, topic } = await open()
      const producer = await bareProducer({
        transactionalId: topic,
        idempotent: true,
        maxInFlightRequests: 1,
      })
      for (const isCommitted of [true, false, true]) {
        const transaction = await producer.transaction()
        await transaction.send({ topic, messages: [{ value: `${isCommitted}`, partition: 0 }] })
        await (isCommitted ? transaction.commit() : transaction.abort())
      }
      const listener = await listen(broker, { topics: [topic], group: topic })
      await listener.until(6)
      const heard = listener.heard.map(({ offset, value }) => [offset, value])
      expect(heard).toEqual([
        [0, 'true'],
        [1, null],
        [2, 'false'],
        [3, null],
        [4, 'true'],
        [5, null],
      ])
      const last = await producer.transaction()
      await last.send({ topic, messages: [{ value: 'last', partition: 0 }] })
      await listener.until(7)
      await last.commit()
      await listener.until(8)
      expect(listener.heard.slice(6).map(({ offset, value }) => [offset, value])).toEqual([
        [6, 'last'],
        [7, null],
      ])
    })
  })

  describe('kafka: publish', () => {
    test('large and small calls at once keep their order in every partition', async () => {
      const { broker, topic, tp } = await open()
      const value = 'x'.repeat(1_000)
      const calls = Array.from({ length: 40 }, (_, i) => {
        const [from, count] = [1 + i * 100, i % 3 === 0 ? 100 : 1]
        return records(from, from + count - 1, { topic, partition: i % 2, value })
      })
      await Promise.all(calls.map((call) => broker.publish(call)))
      for (const partition of [0, 1]) {
        const sent = calls.filter((_, i) => i % 2 === partition).flatMap((call) => call.map(({ n }) => n))
        expect((await readAll(broker, { ...tp, partition })).map(({ n }) => n)).toEqual(sent)
      }
    })

    test('a record that is too large is refused alone', async () => {
      const { broker, topic, tp } = await open()
      const large = record(2, { topic, value: 'x'.repeat(3 * 1_048_576) })
      const calls = [[record(1, { topic })], [large], [record(3, { topic })]]
      const [first, refused, last] = await Promise.allSettled(calls.map((call) => broker.publish(call)))
      expect([first!.status, last!.status]).toEqual(['fulfilled', 'fulfilled'])
      expect(refused).toMatchObject({
        reason: { code: 'broker-refused', message: expect.stringContaining(`more than ${topic} takes`) },
      })
      expect((await readAll(broker, tp)).map(({ n }) => n)).toEqual([1, 3])
    })

    test('what only the broker can refuse takes along what waits behind it, and nothing else', async () => {
      const { books } = await open()
      const { topic } = books
      const broker = await openKafka(brokers, { compression: 'gzip', lingerMs: 100 })
      await broker.ensureTopics([books])
      const below = chance(3)
      const noise = Buffer.from(Array.from({ length: 3 * 1_048_576 }, () => below(256))).toString('base64')
      const calls = [
        [record(1, { topic })],
        [record(2, { topic, value: noise })],
        [record(3, { topic })],
        [record(1, { topic, partition: 1 })],
      ]
      const settled = await Promise.allSettled(calls.map((call) => broker.publish(call)))
      expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
      expect(settled[1]).toMatchObject({ reason: { code: 'broker-refused', retry: 'no' } })
      await broker.publish([record(3, { topic })])
      expect((await readAll(broker, { topic, partition: 0 })).map(({ n }) => n)).toEqual([1, 3])
    })

    test('calls that went together with one that is refused are sent without it', async () => {
      const { books, topic } = await open()
      const broker = await openKafka(brokers, { lingerMs: 100 })
      const compacted = freshTopic()
      await withAdmin((admin) =>
        admin.createTopics({
          topics: [{ topic: compacted, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }],
        }),
      )
      await broker.ensureTopics([books, { ...books, topic: compacted, partitions: 1 }])
      // Kafka takes no record without a key there.
      const calls = [record(1, { topic }), record(1, { topic: compacted, key: null }), record(2, { topic })]
      const settled = await Promise.allSettled(calls.map((call) => broker.publish([call])))
      expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      expect(settled[1]).toMatchObject({ reason: { code: 'broker-refused' } })
      const kept = (await readAll(broker, { topic, partition: 0 })).map(({ n }) => n)
      expect([...new Set(kept)]).toEqual([1, 2])
    })

    test('beyond a bound of what may wait, it refuses', async () => {
      const { books } = await open()
      const { topic } = books
      const broker = await openKafka(brokers, { lingerMs: 200, limits: { waitingBytesMax: 1_000 } })
      await broker.ensureTopics([books])
      await broker.publish([record(1, { topic })])
      const taken = broker.publish([record(2, { topic, value: 'x'.repeat(2_000) })])
      await expect(broker.publish([record(3, { topic })])).rejects.toMatchObject({ code: 'overloaded' })
      await taken
      await broker.publish([record(3, { topic })])
      expect((await readAll(broker, { topic, partition: 0 })).map(({ n }) => n)).toEqual([1, 2, 3])
    })

    test('what waits is written before the broker closes', async () => {
      const { broker, books } = await open()
      const { topic } = books
      const other = await openKafka(brokers, { lingerMs: 5_000 })
      await other.ensureTopics([books])
      const published = other.publish([record(1, { topic })])
      await broker.topics()
      await Promise.all([other.close(), published])
      expect(await readAll(broker, { topic, partition: 0 })).toHaveLength(1)
    })

    test('packed with gzip, records come back as they were sent', async () => {
      const { books, topic } = await open()
      const broker = await openKafka(brokers, { compression: 'gzip' })
      await broker.ensureTopics([books])
      const value = '{"price":"64930.00"}'.repeat(1_000)
      await broker.publish(records(1, 100, { topic, value }))
      const back = await readAll(broker, { topic, partition: 0 })
      expect(back.map(({ n }) => n)).toEqual(records(1, 100).map(({ n }) => n))
      expect(back.every((each) => each.value === value)).toBe(true)
      const info = (await broker.topics()).find((each) => each.topic === topic)!
      expect(info.partitionInfos[0]!.bytes).toBeGreaterThan(0)
      expect(info.partitionInfos[0]!.bytes).toBeLessThan((100 * value.length) / 10)
    })
  })

  describe('kafka: what stands in the way', () => {
    test('a wrong address is told with what was seen there', async () => {
      const [port] = await freePorts(1)
      const wrong = `127.0.0.1:${port}`
      await expect(openKafka([wrong])).rejects.toMatchObject({
        code: 'broker-unreachable',
        retry: 'yes',
        message: expect.stringContaining(`${wrong}: connect ECONNREFUSED`),
      })
    })

    test('more copies than brokers are refused, and the setting is named', async () => {
      const broker = await openKafka(brokers, { replication: 9 })
      const settings = { topic: freshTopic(), partitions: 1, retentionMs: 60_000, retentionBytes: 1e9 }
      await expect(broker.ensureTopics([settings])).rejects.toMatchObject({
        code: 'broker-refused',
        hint: expect.stringContaining('KAFKA_REPLICATION'),
      })
    })

    test('a topic with dangerous settings is told, and left as it is', async () => {
      const broker = await openKafka(brokers)
      const topic = freshTopic()
      const configs = { 'cleanup.policy': 'compact', 'max.message.bytes': '1000' }
      await withAdmin((admin) =>
        admin.createTopics({
          topics: [
            { topic, configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })) },
          ],
        }),
      )
      const settings = { topic, partitions: 1, retentionMs: 60_000, retentionBytes: 1e9 }
      const told = await broker.ensureTopics([settings])
      expect(told).toEqual([
        expect.stringContaining('retention.ms='),
        expect.stringContaining('retention.bytes=-1'),
        expect.stringContaining('cleanup.policy=compact'),
        expect.stringContaining('max.message.bytes=1000'),
      ])
      expect(await broker.ensureTopics([settings])).toEqual(told)
    })
  })
})
