import { EngineError } from '../../models/engine-error.ts'
import { type OutgoingRecord, tpName } from '../broker.ts'
import type { KafkaAway } from './away.ts'
import { brokenPromise } from './errors.ts'
import { KafkaQueue, type Part, type SendLimits } from './queue.ts'
import { batchBytes, type KafkaSender } from './sender.ts'
import type { TopicBounds } from './topics.ts'

export type PublisherOptions = {
  readonly sender: KafkaSender
  readonly boundsOf: (topics: readonly string[]) => Promise<ReadonlyMap<string, TopicBounds>>
  readonly away: KafkaAway
  readonly tried: () => string
  /** What a record is packed into may be smaller than it; then only the broker knows what is too large. */
  readonly isPacked: boolean
  /** So long a record waits for others to go with it. */
  readonly lingerMs: number
  readonly limits: PublisherLimits
  readonly nowMs: () => number
  readonly monotonicMs: () => number
}

export type PublisherLimits = SendLimits & {
  /** What may wait to be acknowledged; beyond it `publish` refuses. */
  readonly waitingBytesMax: number
}

export const PUBLISHER_LIMITS: PublisherLimits = {
  recordsMax: 1_000,
  bytesMax: 512 * 1024,
  // Some 50,000 books: more than a second of the fastest publishing that was measured.
  waitingBytesMax: 64 * 1_048_576,
}

export type KafkaPublisher = {
  publish(records: readonly OutgoingRecord[]): Promise<void>
  /** Sends what waits, then lets go. */
  close(): Promise<void>
}

/**
 * One send at a time: what comes meanwhile goes with the next one, so that batches grow with the load and nothing
 * overtakes. A send that failed takes everything with it that waits behind it for the same partitions: a later record must
 * never be on the log before an earlier one whose call was rejected.
 */
export function openKafkaPublisher(options: PublisherOptions): KafkaPublisher {
  const { sender, away, limits, lingerMs, nowMs, monotonicMs } = options
  const bounds = new Map<string, TopicBounds>()
  const queue = new KafkaQueue(limits, (topic) => bounds.get(topic)?.batchBytesMax)
  let admitting: Promise<unknown> | undefined
  let pumping: Promise<void> | undefined
  let wake: (() => void) | undefined
  let closed = false

  async function publish(records: readonly OutgoingRecord[]): Promise<void> {
    if (closed) throw new EngineError('closed', 'the broker is closed')
    if (queue.waitingBytes > limits.waitingBytesMax) throw overloaded(limits)
    if (records.length === 0) return
    if (admitting === undefined && misfit(records) === undefined) return enqueue(records)
    return admitInTurn(records)
  }

  /** Looks at topics that are new, or have changed, before it refuses. Calls behind it wait, so that none overtakes. */
  async function admitInTurn(records: readonly OutgoingRecord[]): Promise<void> {
    const before = admitting
    const admitted = (async () => {
      await before
      if (misfit(records) !== undefined) await learn(records)
      const error = misfit(records)
      if (error !== undefined) throw error
      return { durable: enqueue(records) }
    })()
    const turn = admitted.catch(() => undefined)
    admitting = turn
    turn.then(() => {
      if (admitting === turn) admitting = undefined
    })
    return (await admitted).durable
  }

  async function learn(records: readonly OutgoingRecord[]): Promise<void> {
    const topics = [...new Set(records.map(({ topic }) => topic))]
    const found = await options.boundsOf(topics)
    for (const topic of topics) bounds.delete(topic)
    for (const [topic, bound] of found) bounds.set(topic, bound)
  }

  /** Why the call cannot be taken, as far as we know. */
  function misfit(records: readonly OutgoingRecord[]): EngineError | undefined {
    for (const record of records) {
      const bound = bounds.get(record.topic)
      if (bound === undefined) {
        return new EngineError('bug', `Kafka has no topic ${record.topic}`, {
          hint: 'Call ensureTopics first.',
        })
      }
      if (!(record.partition >= 0 && record.partition < bound.partitions)) {
        return new EngineError('bug', `Kafka has no partition ${tpName(record)}`)
      }
      // No text takes more than three bytes for each of its units.
      if (record.value.length * 3 + BATCH_OVERHEAD_BYTES > bound.batchBytesMax) {
        const tooLarge = checkSize(record, bound)
        if (tooLarge !== undefined) return tooLarge
      }
    }
    return undefined
  }

  function checkSize(record: OutgoingRecord, { batchBytesMax }: TopicBounds): EngineError | undefined {
    const bytes = batchBytes(record) + BATCH_OVERHEAD_BYTES
    if (options.isPacked || bytes <= batchBytesMax) return undefined
    return new EngineError(
      'broker-refused',
      `a record of ${bytes} bytes is more than ${record.topic} takes: ${batchBytesMax}`,
      { hint: `Raise the topic's max.message.bytes.` },
    )
  }

  function enqueue(records: readonly OutgoingRecord[]): Promise<void> {
    const durable = queue.add(records, String(Math.trunc(nowMs())), monotonicMs())
    if (queue.isFull) wake?.()
    pumping ??= pump()
    return durable
  }

  async function pump(): Promise<void> {
    while (queue.hasUnsent) {
      await linger()
      const parts = queue.take()
      await deliver(parts)
      queue.clean()
    }
    // In the same breath as the last look at the queue: what comes after it needs another pump.
    pumping = undefined
  }

  async function linger(): Promise<void> {
    const waitMs = queue.oldestMs + lingerMs - monotonicMs()
    if (waitMs <= 0 || queue.isFull || closed) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    wake = undefined
  }

  async function deliver(parts: readonly Part[]): Promise<void> {
    try {
      await sender.send(parts)
      away.back()
      for (const part of parts) queue.acknowledge(part)
    } catch (thrown) {
      const error = brokenPromise(thrown, 'new records', options.tried())
      const isRefused = error instanceof EngineError && error.code === 'broker-refused'
      if (!isRefused) away.away(error)
      if (isRefused && parts.length > 1) await deliverAlone(parts)
      else fail(parts, error, isRefused)
    }
  }

  /** One call of several was refused: the others need not suffer for it. What comes twice by this is dropped by readers. */
  async function deliverAlone(parts: readonly Part[]): Promise<void> {
    for (const part of parts) if (!part.call.settled) await deliver([part])
  }

  function fail(parts: readonly Part[], error: Error, isRefused: boolean): void {
    if (isRefused) queue.rejectBehind(parts[0]!.call, error)
    else queue.rejectAll(error)
  }

  return {
    publish,
    async close() {
      closed = true
      wake?.()
      await admitting
      await pumping
      await sender.close()
    },
  }
}

/** What a batch of one record has around it, and some air. */
const BATCH_OVERHEAD_BYTES = 100

function overloaded({ waitingBytesMax }: PublisherLimits): EngineError {
  return new EngineError('overloaded', `more than ${waitingBytesMax} bytes wait to be written`, {
    retry: { afterMs: 100 },
    hint: 'Await publish before publishing more, or publish less often and more at once.',
  })
}
