import type { Logger } from 'pino'
import { EngineError } from '../../models/engine-error.ts'
import { allTopics } from '../../models/topics.ts'
import { type TopicInfo, type TopicPartition, type TopicSettings, tpName } from '../broker.ts'
import type { KafkaCluster, KafkaNodes } from './cluster.ts'
import { saysAny } from './errors.ts'
import { grouped, type KafkaLooks } from './fetch.ts'
import { DESCRIBE_LOG_DIRS, logDirsRequest, type TopicMetadata } from './protocol.ts'

/**
 * What our topics take in one batch of records. A rejection carries up to 900 kB of somebody's bytes, which are up to
 * 1.3 MB as JSON; Kafka's own default is 1 MB.
 */
const RECORD_BYTES_MAX = 2 * 1_048_576
/** How long the controller may take over new topics. */
const CREATE_MS = 10_000

const TOPIC_RESOURCE = 2
const RETENTION_MS = 'retention.ms'
const RETENTION_BYTES = 'retention.bytes'
const RECORD_BYTES = 'max.message.bytes'
const CLEANUP = 'cleanup.policy'
const CONFIGS = [RETENTION_MS, RETENTION_BYTES, RECORD_BYTES, CLEANUP]

type Configs = ReadonlyMap<string, string | null>

/** What the publisher must know of a topic. */
export type TopicBounds = { readonly partitions: number; readonly batchBytesMax: number }

export type KafkaTopics = {
  ensure(settings: readonly TopicSettings[]): Promise<string[]>
  infos(): Promise<TopicInfo[]>
  /** Of those topics that are there. */
  bounds(topics: readonly string[]): Promise<Map<string, TopicBounds>>
  /** Every partition of the topics. Rejects where one is not there. */
  partitionsOf(topics: readonly string[]): Promise<TopicPartition[]>
  /** Whether it is a topic that this broker speaks of. */
  isOurs(topic: string): boolean
}

export type TopicsOptions = {
  readonly cluster: KafkaCluster
  readonly looks: KafkaLooks
  readonly replication: number
  readonly log: Logger | undefined
}

/** Our topics on a Kafka that may have others: those of the table of contents, and those that a caller has ensured. */
export function openKafkaTopics({ cluster, looks, replication, log }: TopicsOptions): KafkaTopics {
  const ours = new Set(allTopics())

  async function ensure(settings: readonly TopicSettings[]): Promise<string[]> {
    const names = settings.map(({ topic }) => topic)
    for (const name of names) ours.add(name)
    const found = await cluster.run('a look for topics', (nodes) => nodes.topics(names))
    const missing = settings.filter(({ topic }) => !found.some((each) => each.topic === topic))
    if (missing.length > 0) await create(missing)
    const there = settings.filter((each) => !missing.includes(each))
    const configs = await configsOf(there.map(({ topic }) => topic))
    return there.flatMap((wanted) => {
      const topic = found.find((each) => each.topic === wanted.topic)!
      return differences(wanted, topic, configs.get(wanted.topic), replication)
    })
  }

  async function create(settings: readonly TopicSettings[]): Promise<void> {
    const topics = settings.map((each) => ({
      topic: each.topic,
      numPartitions: each.partitions,
      replicationFactor: replication,
      configEntries: [...wantedConfigs(each)].map(([name, value]) => ({ name, value })),
    }))
    await cluster.run('new topics', async (nodes) => {
      try {
        await (await nodes.controller()).createTopics({ topics, timeout: CREATE_MS })
      } catch (error) {
        // Another process of ours makes the same ones at the same time.
        if (!onlyMadeAlready(error)) throw error
      }
    })
    // A leader is named before it knows of it. Whoever answers for every partition does.
    const made = await cluster.run('new topics', (nodes) => allThere(nodes, settings))
    await looks.ranges(made.flatMap(tpsOf))
  }

  async function configsOf(topics: readonly string[]): Promise<Map<string, Configs>> {
    if (topics.length === 0) return new Map()
    const resources = topics.map((name) => ({ type: TOPIC_RESOURCE, name, configNames: CONFIGS }))
    try {
      const answer = await cluster.run('a look at topic settings', async (nodes) =>
        (await nodes.any()).describeConfigs({ resources }),
      )
      return new Map(
        answer.resources.map(({ resourceName, configEntries }) => [
          resourceName,
          new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
        ]),
      )
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'broker-refused') throw error
      log?.debug({ err: error }, 'Kafka does not tell the settings of topics to this user')
      return new Map()
    }
  }

  /** What partitions take on disk, by `tpName`; nothing where Kafka does not tell. */
  async function sizesOf(topics: readonly TopicMetadata[]): Promise<Map<string, number>> {
    const asked = topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => partition),
    }))
    try {
      return await cluster.run('a look at sizes', async (nodes) => {
        const answers = await Promise.all((await nodes.all()).map((node) => leaderSizes(node, asked, topics)))
        return new Map(answers.flat())
      })
    } catch (error) {
      log?.debug({ err: error }, 'Kafka does not tell what topics take on disk')
      return new Map()
    }
  }

  async function found(topics: readonly string[]): Promise<TopicMetadata[]> {
    const all = await cluster.run('a look for topics', (nodes) => nodes.topics(topics))
    return all.sort((a, b) => (a.topic < b.topic ? -1 : 1))
  }

  return {
    ensure,
    isOurs: (topic) => ours.has(topic),
    async infos() {
      const topics = await found([...ours])
      const [ranges, configs, sizes] = await Promise.all([
        looks.ranges(topics.flatMap(tpsOf)),
        configsOf(topics.map(({ topic }) => topic)),
        sizesOf(topics),
      ])
      return topics.map((topic) => infoOf(topic, configs.get(topic.topic), ranges, sizes))
    },
    async bounds(topics) {
      const there = await found(topics)
      const configs = await configsOf(there.map(({ topic }) => topic))
      return new Map(
        there.map(({ topic, partitions }) => [
          topic,
          {
            partitions: partitions.length,
            // Where it is not told, the broker itself has to refuse what is too large.
            batchBytesMax: numberOf(configs.get(topic), RECORD_BYTES, Number.POSITIVE_INFINITY),
          },
        ]),
      )
    },
    async partitionsOf(topics) {
      const there = await found(topics)
      const missing = topics.find((name) => !there.some(({ topic }) => topic === name))
      if (missing !== undefined) {
        throw new EngineError('bug', `Kafka has no topic ${missing}`, { hint: 'Call ensureTopics first.' })
      }
      return there.flatMap(tpsOf)
    },
  }
}

function tpsOf({ topic, partitions }: TopicMetadata): TopicPartition[] {
  return partitions.map(({ partition }) => ({ topic, partition })).sort((a, b) => a.partition - b.partition)
}

function onlyMadeAlready(error: unknown): boolean {
  if (!(error instanceof Error) || !('errors' in error) || !Array.isArray(error.errors)) return false
  return error.errors.every((each: unknown) => saysAny(each, 'TOPIC_ALREADY_EXISTS'))
}

/** The controller knows of them first, the other brokers soon. */
async function allThere(nodes: KafkaNodes, settings: readonly TopicSettings[]): Promise<TopicMetadata[]> {
  const topics = await nodes.topics(settings.map(({ topic }) => topic))
  if (topics.length === settings.length) return topics
  throw new EngineError('broker-unreachable', 'new topics are not known everywhere yet', { retry: 'yes' })
}

/** Retention in bytes counts per partition on Kafka; ours is of the whole topic. */
function wantedConfigs({ retentionMs, retentionBytes, partitions }: TopicSettings): Map<string, string> {
  return new Map([
    [CLEANUP, 'delete'],
    [RETENTION_MS, String(retentionMs)],
    [RETENTION_BYTES, String(Math.floor(retentionBytes / partitions))],
    [RECORD_BYTES, String(RECORD_BYTES_MAX)],
  ])
}

/** A line for each thing that a topic has otherwise than wanted. */
function differences(
  wanted: TopicSettings,
  { topic, partitions }: TopicMetadata,
  configs: Configs | undefined,
  replication: number,
): string[] {
  const lines: string[] = []
  const copies = partitions[0]?.replicas ?? replication
  if (partitions.length !== wanted.partitions) {
    lines.push(`${topic} has ${partitions.length} partitions, not ${wanted.partitions}`)
  }
  if (copies !== replication) lines.push(`${topic} keeps ${copies} copies, not ${replication}`)
  if (configs === undefined) return lines
  for (const name of [RETENTION_MS, RETENTION_BYTES]) {
    const should = wantedConfigs({ ...wanted, partitions: partitions.length }).get(name)
    const is = configs.get(name)
    if (is !== should) lines.push(`${topic} has ${name}=${is}, not ${should}`)
  }
  if (configs.get(CLEANUP) !== 'delete') {
    lines.push(
      `${topic} has ${CLEANUP}=${configs.get(CLEANUP)}: Kafka will drop all but the last record of each product`,
    )
  }
  if (numberOf(configs, RECORD_BYTES, RECORD_BYTES_MAX) < RECORD_BYTES_MAX) {
    lines.push(
      `${topic} has ${RECORD_BYTES}=${configs.get(RECORD_BYTES)}: records up to ${RECORD_BYTES_MAX} are written`,
    )
  }
  return lines
}

function numberOf(configs: Configs | undefined, name: string, otherwise: number): number {
  const text = configs?.get(name)
  return text === undefined || text === null ? otherwise : Number(text)
}

/** Kafka says -1 where it keeps everything. */
function boundOf(configs: Configs | undefined, name: string): number {
  const bound = numberOf(configs, name, -1)
  return bound < 0 ? Number.POSITIVE_INFINITY : bound
}

function infoOf(
  { topic, topicId, partitions }: TopicMetadata,
  configs: Configs | undefined,
  ranges: ReadonlyMap<string, { start: number; end: number }>,
  sizes: ReadonlyMap<string, number>,
): TopicInfo {
  return {
    topic,
    partitions: partitions.length,
    retentionMs: boundOf(configs, RETENTION_MS),
    retentionBytes: boundOf(configs, RETENTION_BYTES) * partitions.length,
    logId: topicId,
    replication: partitions[0]?.replicas ?? 1,
    partitionInfos: tpsOf({ topic, topicId, errorCode: 0, partitions }).map((tp) => ({
      partition: tp.partition,
      startOffset: ranges.get(tpName(tp))?.start ?? 0,
      endOffset: ranges.get(tpName(tp))?.end ?? 0,
      bytes: sizes.get(tpName(tp)) ?? 0,
    })),
  }
}

/** Sizes of the partitions that this broker leads: the others have the same again. */
async function leaderSizes(
  node: Awaited<ReturnType<KafkaNodes['any']>>,
  asked: readonly { topic: string; partitions: number[] }[],
  topics: readonly TopicMetadata[],
): Promise<[string, number][]> {
  if ((node.versions[DESCRIBE_LOG_DIRS.apiKey]?.maxVersion ?? 0) < DESCRIBE_LOG_DIRS.version) return []
  const leaders = new Map(
    topics.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, leader }) => [tpName({ topic, partition }), leader] as const),
    ),
  )
  const sizes = await node.connectionPool.send(logDirsRequest(asked))
  const byName = grouped(sizes, tpName)
  return [...byName]
    .filter(([name]) => leaders.get(name) === Number(node.nodeId))
    .map(([name, its]) => [name, its.reduce((sum, { bytes }) => sum + bytes, 0)])
}
