import type { CompressionTypes, Producer, ProducerConfig } from 'kafkajs'
import type { OutgoingRecord } from './broker.ts'
import type { KafkaClient, KafkaClients } from './kafka-client.ts'
import { within } from './kafka-cluster.ts'
import { N_HEADER, RUN_HEADER } from './kafka-records.ts'

/** A record in kafkajs's terms. */
export type OutgoingMessage = {
  readonly topic: string
  readonly partition: number
  readonly key: string | null
  readonly value: Buffer
  readonly headers: Record<string, string>
  readonly timestamp: string
  /** What it takes in a batch, or a little more. */
  readonly bytes: number
}

/** Lengths, deltas and names of our two headers. */
const RECORD_OVERHEAD_BYTES = 40

export function messageOf(record: OutgoingRecord, timestamp: string): OutgoingMessage {
  const { topic, partition, key, run, n } = record
  const value = Buffer.from(record.value)
  const headers = { ...record.headers, [RUN_HEADER]: run, [N_HEADER]: String(n) }
  const others = record.headers === undefined ? 0 : headerBytes(record.headers)
  const bytes = value.length + 3 * ((key?.length ?? 0) + run.length) + others + RECORD_OVERHEAD_BYTES
  return { topic, partition, key, value, headers, timestamp, bytes }
}

function headerBytes(headers: Readonly<Record<string, string>>): number {
  return Object.entries(headers).reduce(
    (sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text) + 10,
    0,
  )
}

export type KafkaSender = {
  /**
   * Resolves when all replicas in sync have every message. Rejects with what kafkajs throws, or an EngineError when it took
   * longer than the time for it; some of the messages may lie on the log then, or be on the way there.
   */
  send(messages: readonly OutgoingMessage[]): Promise<void>
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

  async function sendNow(messages: readonly OutgoingMessage[]): Promise<void> {
    const { producer: its, ready } = producer()
    await ready
    await its.sendBatch({ acks: -1, compression, timeout: publishMs, topicMessages: byTopic(messages) })
  }

  return {
    async send(messages) {
      try {
        await within(publishMs, sendNow(messages))
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

function byTopic(messages: readonly OutgoingMessage[]): { topic: string; messages: OutgoingMessage[] }[] {
  const topics = new Map<string, OutgoingMessage[]>()
  for (const message of messages) {
    const its = topics.get(message.topic)
    if (its === undefined) topics.set(message.topic, [message])
    else its.push(message)
  }
  return [...topics].map(([topic, its]) => ({ topic, messages: its }))
}
