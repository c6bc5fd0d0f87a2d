import { createRequire } from 'node:module'
import { setTimeout as pause } from 'node:timers/promises'
import type { KafkaConfig } from 'kafkajs'
import { EngineError } from '../../models/engine-error.ts'
import { allTopics } from '../../models/topics.ts'
import type { KafkaClients } from './client.ts'
import { brokenPromise, mayPass, NoAnswer } from './errors.ts'
import { METADATA, metadataRequest, type TopicMetadata } from './protocol.ts'
import type { KafkaRecord } from './records.ts'

/**
 * What is reached of the insides of kafkajs 2.2.4, which is finished and pinned: its connections to each broker, for looks
 * that its own faces do not offer (a read without a group, many topics at once) or make dear.
 */
export type KafkaRequest<T> = {
  readonly request: {
    readonly apiKey: number
    readonly apiVersion: number
    readonly apiName: string
    encode(): Promise<{ buf: Buffer; buffer: Buffer }>
  }
  readonly response: {
    decode(payload: Buffer): Promise<{ answer: T }>
    parse(decoded: { answer: T }): Promise<T>
  }
}

type OfTopic<P> = { readonly topic: string; readonly partitions: readonly P[] }
type ConfigEntry = { readonly configName: string; readonly configValue: string | null }

/** One broker of the cluster, connected. Every call rejects with a kafkajs error. */
export type KafkaNode = {
  readonly nodeId: number | string
  readonly versions: Readonly<Record<number, { readonly maxVersion: number } | undefined>>
  readonly connectionPool: { send<T>(request: KafkaRequest<T>): Promise<T> }
  metadata(topics: readonly string[]): Promise<{
    clusterId: string
    topicMetadata: {
      topic: string
      partitionMetadata: { partitionId: number; leader: number; replicas: number[] }[]
    }[]
  }>
  fetch(about: {
    maxWaitTime: number
    minBytes: number
    maxBytes: number
    isolationLevel: number
    topics: readonly OfTopic<{ partition: number; fetchOffset: string; maxBytes: number }>[]
  }): Promise<{ responses: { partitions: { partition: number; messages: KafkaRecord[] }[] }[] }>
  listOffsets(about: {
    isolationLevel: number
    topics: readonly OfTopic<{ partition: number; timestamp: number }>[]
  }): Promise<{ responses: OfTopic<{ partition: number; offset: string }>[] }>
  describeConfigs(about: {
    resources: readonly { type: number; name: string; configNames: readonly string[] }[]
  }): Promise<{ resources: { resourceName: string; configEntries: ConfigEntry[] }[] }>
  createTopics(about: {
    topics: readonly {
      topic: string
      numPartitions: number
      replicationFactor: number
      configEntries: readonly { name: string; value: string }[]
    }[]
    timeout: number
  }): Promise<unknown>
  listGroups(): Promise<{ groups: { groupId: string; protocolType: string }[] }>
  describeGroups(about: { groupIds: readonly string[] }): Promise<{
    groups: { groupId: string; members: unknown[] }[]
  }>
  offsetFetch(about: {
    groupId: string
    topics: readonly OfTopic<{ partition: number }>[]
  }): Promise<{ responses: OfTopic<{ partition: number; offset: string }>[] }>
  offsetCommit(about: {
    groupId: string
    memberId: string
    groupGenerationId: number
    topics: readonly OfTopic<{ partition: number; offset: string }>[]
  }): Promise<unknown>
}

type InsideCluster = {
  targetTopics: Set<string>
  readonly brokerPool: { findConnectedBroker(): Promise<KafkaNode> }
  isConnected(): boolean
  connect(): Promise<void>
  disconnect(): Promise<void>
  refreshMetadata(): Promise<void>
  getNodeIds(): string[]
  findBroker(about: { nodeId: string | number }): Promise<KafkaNode>
  findControllerBroker(): Promise<KafkaNode>
  findGroupCoordinator(about: { groupId: string }): Promise<KafkaNode>
}

const require = createRequire(import.meta.url)
const InsideCluster = require('kafkajs/src/cluster') as new (
  options: KafkaConfig & { logger: unknown; allowAutoTopicCreation: boolean; metadataMaxAge: number },
) => InsideCluster

/** A look that has no answer after so long fails. */
const LOOK_MS = 10_000
const PAUSE_MS_MIN = 50
const PAUSE_MS_MAX = 1_000
/** Error codes of a topic that is not there, in an answer to Metadata. */
const UNKNOWN_TOPIC = 3

export type KafkaCluster = {
  /**
   * Does one thing, again while the cluster changes under it, for at most ten seconds. Rejects with an EngineError
   * (`broker-unreachable`, `broker-refused`, `closed`) that says what was being done.
   */
  run<T>(doing: string, work: (nodes: KafkaNodes) => Promise<T>): Promise<T>
  /** Connects, or rejects as `run` does; without delay where nobody listens. */
  connect(): Promise<void>
  close(): Promise<void>
}

/** The brokers, as seen from within `run`. Everything rejects with what kafkajs throws. */
export type KafkaNodes = {
  any(): Promise<KafkaNode>
  all(): Promise<KafkaNode[]>
  byId(nodeId: number): Promise<KafkaNode>
  controller(): Promise<KafkaNode>
  coordinator(groupId: string): Promise<KafkaNode>
  /** Those of the topics that are there, looked up now. */
  topics(topics: readonly string[]): Promise<TopicMetadata[]>
}

export type ClusterOptions = {
  readonly clients: KafkaClients
  readonly monotonicMs: () => number
}

/** Our own connections to Kafka for looks, made at the first of them. */
export function openKafkaCluster({ clients, monotonicMs }: ClusterOptions): KafkaCluster {
  const client = clients.open()
  const cluster = new InsideCluster({
    ...client.config,
    logger: client.kafka.logger(),
    allowAutoTopicCreation: false,
    metadataMaxAge: Number.MAX_SAFE_INTEGER,
  })
  let isStale = true
  let closed = false

  const nodes: KafkaNodes = {
    any: () => cluster.brokerPool.findConnectedBroker(),
    all: () => Promise.all(cluster.getNodeIds().map((nodeId) => cluster.findBroker({ nodeId }))),
    byId: (nodeId) => cluster.findBroker({ nodeId }),
    controller: () => cluster.findControllerBroker(),
    coordinator: (groupId) => cluster.findGroupCoordinator({ groupId }),
    async topics(topics) {
      const found = await topicsFrom(await nodes.any(), topics)
      if (found.length > 0) cluster.targetTopics = new Set(found.map(({ topic }) => topic))
      return found
    },
  }

  /** Asks only for topics of ours: kafkajs fails at the trouble of any topic it asks for, and without names asks for all. */
  async function freshen(): Promise<void> {
    if (!cluster.isConnected()) await cluster.connect()
    if (!isStale) return
    if (cluster.targetTopics.size === 0) await nodes.topics(allTopics())
    try {
      await cluster.refreshMetadata()
      isStale = false
    } catch (error) {
      cluster.targetTopics = new Set()
      throw error
    }
  }

  async function persist<T>(work: (nodes: KafkaNodes) => Promise<T>, untilMs: number): Promise<T> {
    for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
      try {
        await freshen()
        return await work(nodes)
      } catch (error) {
        if (!mayPass(error) || closed || monotonicMs() + pauseMs > untilMs) throw error
        isStale = true
      }
      await pause(pauseMs)
    }
  }

  async function told<T>(doing: string, work: () => Promise<T>): Promise<T> {
    if (closed) throw new EngineError('closed', 'the broker is closed')
    try {
      return await within(LOOK_MS, work())
    } catch (error) {
      throw brokenPromise(error, doing, clients.tried())
    }
  }

  return {
    run: (doing, work) => told(doing, () => persist(work, monotonicMs() + LOOK_MS)),
    connect: () => told('a first look', freshen),
    async close() {
      closed = true
      client.discard()
      await cluster.disconnect().catch(() => undefined)
    },
  }
}

async function topicsFrom(node: KafkaNode, topics: readonly string[]): Promise<TopicMetadata[]> {
  if ((node.versions[METADATA.apiKey]?.maxVersion ?? 0) < METADATA.version) return olderTopics(node, topics)
  const found = await node.connectionPool.send(metadataRequest(topics))
  return found.filter(({ errorCode }) => errorCode !== UNKNOWN_TOPIC)
}

/** Brokers without topic ids (Kafka before 2.8; Redpanda): of a topic made anew under its old name, the id stays the same. */
async function olderTopics(node: KafkaNode, topics: readonly string[]): Promise<TopicMetadata[]> {
  const { clusterId, topicMetadata } = await node.metadata([])
  return topicMetadata
    .filter(({ topic }) => topics.includes(topic))
    .map(({ topic, partitionMetadata }) => ({
      topic,
      errorCode: 0,
      topicId: `${clusterId}:${topic}`,
      partitions: partitionMetadata.map(({ partitionId, leader, replicas }) => ({
        partition: partitionId,
        leader,
        replicas: replicas.length,
      })),
    }))
}

/** Settles as `work` does, or rejects with a NoAnswer when `ms` have passed. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(ms)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
