import type { CompressionTypes, Message, Producer, ProducerConfig, RecordMetadata } from 'kafkajs'
import { EngineError } from '../../models/engine-error.ts'
import type { OutgoingRecord } from '../broker.ts'
import type { KafkaClient, KafkaClients } from './client.ts'
import { within } from './cluster.ts'
import { N_HEADER, RUN_HEADER } from './records.ts'

/** Consecutive records of one call that go with one send. */
export type SendPart = {
  readonly records: readonly OutgoingRecord[]
  /** Milliseconds, as text. */
  readonly timestamp: string
}

/** Lengths, deltas and names of our two headers. */
const RECORD_OVERHEAD_BYTES = 40
const HEADER_OVERHEAD_BYTES = 10
/** No text takes more for each of its units. */
const UTF8_BYTES_MAX = 3

/** What a record takes in a batch, or a little more. */
export function batchBytes({ key, run, value, headers }: OutgoingRecord): number {
  const names = (key === null ? 0 : key.length) + run.length
  const others = headers === undefined ? 0 : headerBytes(headers)
  return Buffer.byteLength(value) + UTF8_BYTES_MAX * names + others + RECORD_OVERHEAD_BYTES
}

function headerBytes(headers: Readonly<Record<string, string>>): number {
  return Object.entries(headers).reduce(
    (sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text) + HEADER_OVERHEAD_BYTES,
    0,
  )
}

export type KafkaSender = {
  /**
   * Resolves when all replicas in sync have every record. Rejects with what kafkajs throws, or a NoAnswer when the time for
   * it is over; some of the records may lie on the log then, or be on the way there.
   */
  send(parts: readonly SendPart[]): Promise<void>
  close(): Promise<void>
}

export type SenderOptions = {
  readonly clients: KafkaClients
  readonly compression: CompressionTypes
  /** A send that is not acknowledged for so long has failed. */
  readonly publishMs: number
}

/** kafkajs pauses 0.1 s, 0.2 s, ... 1 s before it tries again. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 2 }
const CLOSE_MS = 2_000

/**
 * An idempotent producer of kafkajs's, as long as it holds: what it knows after a failure (sequence numbers, requests that
 * may still arrive) is not to be built upon, so it is discarded then, with its connections, and the next send makes another.
 */
export function openKafkaSender({ clients, compression, publishMs }: SenderOptions): KafkaSender {
  let current: { client: KafkaClient; producer: Producer; ready: Promise<void> } | undefined
  const config: ProducerConfig = {
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition ?? 0,
    // It goes on trying by itself even when nobody waits any more: a little longer than we do, then it ends.
    retry: { ...RETRY, retries: Math.ceil(publishMs / RETRY.maxRetryTime) + 4 },
  }

  function producer(): NonNullable<typeof current> {
    if (current === undefined) {
      const client = clients.open()
      const made = client.kafka.producer(config)
      current = { client, producer: made, ready: made.connect() }
      current.ready.catch(() => undefined)
    }
    return current
  }

  function discard(): void {
    current?.client.discard()
    current?.producer.disconnect().catch(() => undefined)
    current = undefined
  }

  async function sendNow(parts: readonly SendPart[]): Promise<void> {
    const { producer: its, ready } = producer()
    await ready
    let topicMessages = byTopic(parts)
    while (topicMessages.length > 0) {
      const answers = await its.sendBatch({ acks: -1, compression, timeout: publishMs, topicMessages })
      topicMessages = unanswered(topicMessages, answers)
    }
  }

  return {
    async send(parts) {
      try {
        await within(publishMs, sendNow(parts))
      } catch (error) {
        discard()
        throw error
      }
    },
    async close() {
      const its = current?.producer
      if (its !== undefined) await within(CLOSE_MS, its.disconnect()).catch(() => undefined)
      discard()
    },
  }
}

type TopicMessages = { topic: string; messages: Message[] }

/**
 * What is still to be sent. kafkajs resolves without having sent what lay with a leader that failed, where the partition's
 * new leader had already answered for other partitions of the same call: it takes that broker for done. Only what was
 * answered for is on the log.
 */
function unanswered(sent: readonly TopicMessages[], answers: readonly RecordMetadata[]): TopicMessages[] {
  if (answers.length === 0)
    throw new EngineError('broker-unreachable', 'Kafka answered for nothing', { retry: 'yes' })
  const answered = new Map<string, Set<number>>()
  for (const { topicName, partition } of answers) {
    const partitions = answered.get(topicName) ?? new Set()
    answered.set(topicName, partitions.add(partition))
  }
  return sent
    .map(({ topic, messages }) => ({
      topic,
      messages: messages.filter(({ partition }) => !answered.get(topic)?.has(partition ?? 0)),
    }))
    .filter(({ messages }) => messages.length > 0)
}

function byTopic(parts: readonly SendPart[]): TopicMessages[] {
  const topics = new Map<string, Message[]>()
  for (const { records, timestamp } of parts) {
    for (const record of records) {
      const messages = topics.get(record.topic)
      if (messages === undefined) topics.set(record.topic, [messageOf(record, timestamp)])
      else messages.push(messageOf(record, timestamp))
    }
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }))
}

function messageOf({ key, value, partition, run, n, headers }: OutgoingRecord, timestamp: string): Message {
  const ours = { [RUN_HEADER]: run, [N_HEADER]: String(n) }
  return { key, value, partition, headers: headers === undefined ? ours : { ...headers, ...ours }, timestamp }
}
