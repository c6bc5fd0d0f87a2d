import { onTestFinished } from 'vitest'
import type { Broker } from '../../src/broker/broker.ts'
import { type KafkaBrokerOptions, openKafkaBroker } from '../../src/broker/kafka-broker.ts'
import type { Opened } from './broker-suite.ts'
import { chance, ONE_PARTITION, TWO_PARTITIONS } from './logs.ts'

/** Helpers of the tests on a real Kafka: brokers of ours, on topics that no other test has. */

/** Short, so that what waits for a session to end does not wait long; Kafka takes no shorter one without being told. */
export const SESSION_MS = 6_000

const RUN = `${process.pid.toString(36)}${Math.floor(performance.timeOrigin % 1e6).toString(36)}`
let topicsMade = 0

/** A broker of ours on that Kafka; closed when the test ends. */
export async function openKafka(
  brokers: readonly string[],
  about: Partial<KafkaBrokerOptions> = {},
): Promise<Broker> {
  const below = chance(7)
  let stampMs = 0
  const broker = await openKafkaBroker({
    brokers,
    clientId: 'tidebook-test',
    tls: false,
    replication: 1,
    compression: 'none',
    sessionMs: SESSION_MS,
    lingerMs: 5,
    // Ticks at every call, and is near the present: Kafka drops what is older than a topic keeps.
    nowMs: () => {
      stampMs = Math.max(stampMs + 1, Date.now())
      return stampMs
    },
    monotonicMs: () => performance.now(),
    random: () => below(1_000) / 1_000,
    ...about,
  })
  onTestFinished(() => broker.close())
  return broker
}

/** A name that no topic had before. */
export function freshTopic(name = 'books'): string {
  topicsMade += 1
  return `${name}.${RUN}-${topicsMade}`
}

/** As the suite of every broker wants it. */
export async function openWithTopics(
  brokers: readonly string[],
  about: Partial<KafkaBrokerOptions> = {},
): Promise<Opened> {
  const broker = await openKafka(brokers, about)
  const books = { ...TWO_PARTITIONS, topic: freshTopic() }
  const rejections = { ...ONE_PARTITION, topic: freshTopic('rejections') }
  await broker.ensureTopics([books, rejections])
  return { broker, books, rejections }
}
