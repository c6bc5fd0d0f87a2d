import type { Logger } from 'pino'
import { EngineError } from '../models/engine-error.ts'
import type { Broker, ConsumeOptions, Consumer, GroupOffset } from './broker.ts'
import { tpName } from './broker.ts'
import { openKafkaAway } from './kafka/away.ts'
import { type KafkaAddress, openKafkaClients } from './kafka/client.ts'
import { openKafkaCluster } from './kafka/cluster.ts'
import { compressionType, type KafkaCompression } from './kafka/compression.ts'
import { KafkaConsumer } from './kafka/consumer.ts'
import { LATEST, openKafkaLooks } from './kafka/fetch.ts'
import { openKafkaGroups } from './kafka/groups.ts'
import { openKafkaPublisher, PUBLISHER_LIMITS, type PublisherLimits } from './kafka/publisher.ts'
import { openKafkaSender } from './kafka/sender.ts'
import { openKafkaTopics } from './kafka/topics.ts'

export type KafkaBrokerOptions = KafkaAddress & {
  /** Copies of every record of the topics that we make. */
  readonly replication: number
  readonly compression: KafkaCompression
  /** A member of a group that is not heard of for so long has lost its partitions. */
  readonly sessionMs: number
  /** So long a record waits for others to go with it. */
  readonly lingerMs: number
  /** A publish that is not acknowledged for so long fails (default 10 s): whoever keeps records meanwhile wants to know. */
  readonly publishMs?: number
  readonly limits?: Partial<PublisherLimits>
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly random: () => number
  readonly log?: Logger | undefined
}

const PUBLISH_MS = 10_000

/**
 * Topics on Apache Kafka or Redpanda. Rejects with an EngineError: `broker-unreachable` with what was tried,
 * `broker-refused` (credentials), `bad-config` (a codec that is not installed).
 */
export async function openKafkaBroker(options: KafkaBrokerOptions): Promise<Broker> {
  const { monotonicMs, nowMs, random, log, sessionMs } = options
  const compression = await compressionType(options.compression)
  const clients = openKafkaClients(options, log)
  const cluster = openKafkaCluster({ clients, monotonicMs })
  const looks = openKafkaLooks(cluster)
  const topics = openKafkaTopics({ cluster, looks, replication: options.replication, log })
  const groups = openKafkaGroups(cluster, topics.isOurs)
  const publisher = openKafkaPublisher({
    sender: openKafkaSender({ clients, compression, publishMs: options.publishMs ?? PUBLISH_MS }),
    boundsOf: topics.bounds,
    away: openKafkaAway('writing', monotonicMs, log),
    tried: clients.tried,
    isPacked: options.compression !== 'none',
    lingerMs: options.lingerMs,
    limits: { ...PUBLISHER_LIMITS, ...options.limits },
    nowMs,
    monotonicMs,
  })
  const consumers = new Map<KafkaConsumer, string>()
  let closing: Promise<void> | undefined

  async function consume(about: ConsumeOptions): Promise<Consumer> {
    if (closing !== undefined) throw new EngineError('closed', 'the broker is closed')
    await topics.partitionsOf(about.topics)
    const away = openKafkaAway('reading', monotonicMs, log)
    const on = { clients, looks, away, sessionMs, monotonicMs, random, log }
    const consumer = new KafkaConsumer(about, on)
    consumers.set(consumer, about.group)
    consumer.done.catch(() => undefined).then(() => consumers.delete(consumer))
    await consumer.start()
    return consumer
  }

  async function commitOffsets(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    if (closing !== undefined) throw new EngineError('closed', 'the broker is closed')
    const members = [...consumers].filter(([, its]) => its === group).map(([consumer]) => consumer)
    try {
      await (members[0]?.commit(offsets) ?? groups.commit(group, offsets))
    } catch (error) {
      log?.debug({ err: error, group }, 'Kafka was not told how far the group is')
    }
  }

  async function close(): Promise<void> {
    await Promise.all([...consumers.keys()].map((consumer) => consumer.close()))
    await publisher.close()
    await cluster.close()
  }

  try {
    await cluster.connect()
  } catch (error) {
    await close()
    throw error
  }
  return {
    sharesPartitions: true,
    publish: publisher.publish,
    ensureTopics: topics.ensure,
    topics: topics.infos,
    groups: groups.all,
    read: looks.read,
    async offsetAt(tp, timeMs) {
      const name = tpName(tp)
      const at = (await looks.offsetsAt([tp], Math.max(0, timeMs))).get(name)
      return at ?? (await looks.offsetsAt([tp], LATEST)).get(name) ?? 0
    },
    consume,
    commitOffsets,
    close() {
      closing ??= close()
      return closing
    },
  }
}
