import { setTimeout as sleep } from 'node:timers/promises'
import { type Admin, type Consumer, Kafka, logLevel, type Message } from 'kafkajs'
import type { OutgoingRecord } from '../../src/broker/broker.ts'
import { type Follow, type Follower, secondsToFollow } from './follow.ts'

/** kafkajs as a competent person uses it who wants nothing else: what our own figures are held against. */

export function bareKafka(brokers: readonly string[]): Kafka {
  return new Kafka({ brokers: [...brokers], clientId: 'bare', logLevel: logLevel.NOTHING })
}

const WARM_UP_TOPIC = 'warm-up'
const LOOK_MS = 10
/** A thousand topics take seconds on a busy machine. */
const LEADERS_MS_MAX = 120_000

/** One record there and back: a new broker makes its own topics for the first producer and the first group. */
export async function warmUp(brokers: readonly string[]): Promise<void> {
  const kafka = bareKafka(brokers)
  await createTopics(kafka, [WARM_UP_TOPIC], 1)
  const producer = await openBareProducer(kafka)
  const record = { topic: WARM_UP_TOPIC, partition: 0, key: null, run: 'warm-up', n: 1 }
  await producer.publish([{ ...record, value: '{"product":"none"}' }])
  await producer.close()
  await secondsToFollow(1, (onReached) =>
    followBare({ brokers, topic: WARM_UP_TOPIC, group: 'warm-up', onReached }),
  )
}

/** Resolves when every partition has a leader. */
export async function createTopics(
  kafka: Kafka,
  topics: readonly string[],
  partitions: number,
): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({
    topics: topics.map((topic) => ({ topic, numPartitions: partitions })),
    waitForLeaders: false,
  })
  for (let waitedMs = 0; !(await haveLeaders(admin, topics)); waitedMs += LOOK_MS) {
    if (waitedMs >= LEADERS_MS_MAX) throw new Error(`no leaders after ${LEADERS_MS_MAX} ms`)
    await sleep(LOOK_MS)
  }
  await admin.disconnect()
}

/** A broker says that it has made a topic before it knows the topic itself. */
async function haveLeaders(admin: Admin, topics: readonly string[]): Promise<boolean> {
  try {
    const metadata = await admin.fetchTopicMetadata({ topics: [...topics] })
    return metadata.topics.every((topic) => topic.partitions.every(({ leader }) => leader >= 0))
  } catch (error) {
    if ((error as { type?: unknown }).type === 'UNKNOWN_TOPIC_OR_PARTITION') return false
    throw error
  }
}

export async function deleteTopic(kafka: Kafka, topic: string): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
}

export type BareProducer = {
  publish(records: readonly OutgoingRecord[]): Promise<void>
  close(): Promise<void>
}

/** Idempotent, acknowledged by all replicas; one send a call. The records of a call are of one topic. */
export async function openBareProducer(kafka: Kafka): Promise<BareProducer> {
  const producer = kafka.producer({ idempotent: true, allowAutoTopicCreation: false })
  await producer.connect()
  return {
    async publish(records) {
      const { topic } = records[0]!
      await producer.send({ topic, acks: -1, messages: records.map(messageOf) })
    },
    close: () => producer.disconnect(),
  }
}

function messageOf({ partition, key, run, n, value }: OutgoingRecord): Message {
  return { partition, key, value, headers: { run, n: String(n) } }
}

/** Reads a topic from its start and JSON.parses every value. Settings as kafkajs has them, without its commits. */
export async function followBare({ brokers, topic, group, onReached }: Follow): Promise<Follower> {
  const consumer = bareKafka(brokers).consumer({ groupId: group })
  const done = crashOf(consumer)
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { value } of batch.messages) {
        const book = JSON.parse(value!.toString()) as { product?: unknown }
        if (book.product === undefined) throw new Error('not a book')
      }
      onReached(batch.partition, Number(batch.lastOffset()) + 1)
    },
  })
  return { done, close: () => consumer.disconnect() }
}

/** Rejects when the consumer has crashed for good; most of the time it starts again by itself. */
export function crashOf(consumer: Consumer): Promise<never> {
  const crash = new Promise<never>((_, reject) => {
    consumer.on('consumer.crash', ({ payload }) => {
      if (!payload.restart) reject(payload.error)
    })
  })
  crash.catch(() => undefined)
  return crash
}
