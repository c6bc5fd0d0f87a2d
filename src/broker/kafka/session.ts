import type { EachBatchPayload, Consumer as KafkaJsConsumer } from 'kafkajs'
import type { GroupOffset, TopicPartition } from '../broker.ts'
import type { KafkaClients } from './client.ts'
import { within } from './cluster.ts'
import { byTopic } from './fetch.ts'
import type { KafkaRecord } from './records.ts'

/** What kafkajs fetched of one partition. */
export type FetchedBatch = {
  readonly tp: TopicPartition
  /** What was asked for: where kafkajs believes that we stand. */
  readonly askedFor: number
  /** Ascending, with the ends of transactions; some may lie before what was asked for. */
  readonly records: readonly KafkaRecord[]
  /** Tells kafkajs that everything up to this offset is done with. */
  resolve(offset: number): void
  /** Rejects with an error that must be passed on. */
  heartbeat(): Promise<void>
  /** Whether a seek has made this batch pointless. */
  isStale(): boolean
}

export type SessionEvents = {
  /** We are a member, with these partitions. None of them is fetched before it is resumed. */
  onJoined(tps: readonly TopicPartition[]): void
  /** The group is being shared out anew: everything is lost. */
  onRebalancing(): void
  onBatch(batch: FetchedBatch): Promise<void>
  /** Nothing but ends of transactions came, up to this offset; kafkajs passes over them. */
  onNothing(tp: TopicPartition, lastOffset: number): void
  /** The session has ended by itself. */
  onBroken(error: Error): void
}

/** One membership in a group, from joining it until it breaks or is left. */
export type KafkaSession = {
  start(): Promise<void>
  pause(tps: readonly TopicPartition[]): void
  resume(tps: readonly TopicPartition[]): void
  seek(tp: TopicPartition, offset: number): void
  commit(offsets: readonly GroupOffset[]): Promise<void>
  /** Leaves the group and lets go of the connections, within a bound. */
  stop(): Promise<void>
}

export type SessionOptions = {
  readonly clients: KafkaClients
  readonly topics: readonly string[]
  readonly group: string
  readonly sessionMs: number
}

/**
 * How long a fetch waits for records: also how long a partition that is resumed or sought waits for the fetch of the others
 * to come back. Idle, that is five requests a second.
 */
const FETCH_WAIT_MS = 200
const STOP_MS = 3_000

/**
 * kafkajs's consumer, told nothing of offsets but what we tell it: it begins nowhere by itself, commits nothing, and does
 * not start again by itself.
 */
export function openKafkaSession(options: SessionOptions, events: SessionEvents): KafkaSession {
  const { clients, topics, group, sessionMs } = options
  // Consumers of one client share what they remember of a group's offsets.
  const client = clients.open()
  const consumer: KafkaJsConsumer = client.kafka.consumer({
    groupId: group,
    sessionTimeout: sessionMs,
    rebalanceTimeout: 2 * sessionMs,
    heartbeatInterval: Math.floor(sessionMs / 10),
    maxWaitTimeInMs: FETCH_WAIT_MS,
    allowAutoTopicCreation: false,
    readUncommitted: true,
    retry: { ...client.config.retry, restartOnFailure: async () => false },
  })
  let isOver = false
  let isRunning = false

  consumer.on('consumer.group_join', ({ payload }) => {
    if (isOver) return
    const tps = Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    )
    consumer.pause(byTopic(tps, ({ partition }) => partition))
    events.onJoined(tps)
  })
  consumer.on('consumer.rebalancing', () => {
    if (!isOver) events.onRebalancing()
  })
  consumer.on('consumer.start_batch_process', ({ payload }) => {
    const { topic, partition, batchSize, lastOffset } = payload
    if (!isOver && batchSize === 0) events.onNothing({ topic, partition }, Number(lastOffset))
  })
  consumer.on('consumer.crash', ({ payload }) => broken(payload.error))

  function broken(error: Error): void {
    if (isOver) return
    isOver = true
    client.discard()
    events.onBroken(error)
  }

  async function eachBatch({ batch, resolveOffset, heartbeat, isStale }: EachBatchPayload): Promise<void> {
    if (isOver) return
    await events.onBatch({
      tp: { topic: batch.topic, partition: batch.partition },
      ...insidesOf(batch),
      resolve: (offset) => resolveOffset(String(offset)),
      heartbeat,
      isStale,
    })
  }

  return {
    async start() {
      try {
        await consumer.connect()
        await consumer.subscribe({ topics: [...topics], fromBeginning: true })
        isRunning = true
        await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch })
      } catch (error) {
        broken(error instanceof Error ? error : new Error(String(error)))
      }
    },
    pause(tps) {
      if (isRunning && !isOver) consumer.pause(byTopic(tps, ({ partition }) => partition))
    },
    resume(tps) {
      if (isRunning && !isOver) consumer.resume(byTopic(tps, ({ partition }) => partition))
    },
    seek({ topic, partition }, offset) {
      if (isRunning && !isOver) consumer.seek({ topic, partition, offset: String(offset) })
    },
    async commit(offsets) {
      if (!isRunning || isOver) return
      await consumer.commitOffsets(offsets.map((each) => ({ ...each, offset: String(each.offset) })))
    },
    async stop() {
      const wasOver = isOver
      isOver = true
      if (!wasOver) await within(STOP_MS, consumer.disconnect()).catch(() => undefined)
      client.discard()
    },
  }
}

/**
 * Fields of kafkajs's batch that it does not declare. It hides the ends of transactions, which take offsets all the same,
 * and it may have asked for another offset than ours after an error.
 */
function insidesOf(batch: EachBatchPayload['batch']): Pick<FetchedBatch, 'askedFor' | 'records'> {
  const { fetchedOffset, rawMessages } = batch as unknown as {
    fetchedOffset: string
    rawMessages: readonly KafkaRecord[]
  }
  return { askedFor: Number(fetchedOffset), records: rawMessages }
}
