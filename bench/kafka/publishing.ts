import type { OutgoingRecord } from '../../src/broker/broker.ts'
import { inFolder } from '../measuring.ts'
import { type BenchRow, holds, interleaved } from '../row.ts'
import { bareKafka, createTopics, deleteTopic, openBareProducer } from './bare.ts'
import { BATCH_RECORDS, type Batch, bookBatches, PARTITIONS } from './books.ts'
import { openOurBroker } from './ours.ts'

export type PublishingOptions = {
  readonly brokers: readonly string[]
  readonly dir: string
  readonly records: number
  readonly rounds: number
}

type Publish = (records: readonly OutgoingRecord[]) => Promise<void>

/** Calls handed over and not acknowledged yet: enough that neither side ever waits for us. */
const CALLS_WAITING = 4

let topics = 0

/** The same batches, each run to a topic of its own, from the first call to the last acknowledgement. */
export async function publishingRow(options: PublishingOptions): Promise<BenchRow> {
  const { records, rounds } = options
  await bareSeconds(options)
  const seconds = await interleaved(
    { bare: () => bareSeconds(options), ours: () => ourSeconds(options) },
    rounds,
  )
  const [bare, ours] = [records / seconds.bare, records / seconds.ours]
  const reference = `bare idempotent producer, the same ${BATCH_RECORDS} records a send: ${Math.round(bare)} records/s`
  const [name, bound, ratio] = ['publish to Kafka', '>= 0.8', ours / bare]
  return {
    name,
    value: Math.round(ours),
    unit: 'records/s',
    reference,
    ratio,
    bound,
    holds: holds(ratio, bound),
  }
}

async function bareSeconds(options: PublishingOptions): Promise<number> {
  const producer = await openBareProducer(bareKafka(options.brokers))
  const seconds = await toNewTopic(options, producer.publish)
  await producer.close()
  return seconds
}

function ourSeconds(options: PublishingOptions): Promise<number> {
  return inFolder(options.dir, async (dir) => {
    const broker = await openOurBroker({ brokers: options.brokers, dir })
    const seconds = await toNewTopic(options, async (records) => {
      await broker.publish(records)
    })
    await broker.close()
    return seconds
  })
}

async function toNewTopic({ brokers, records }: PublishingOptions, publish: Publish): Promise<number> {
  const kafka = bareKafka(brokers)
  const topic = `publishing-${++topics}`
  await createTopics(kafka, [topic], PARTITIONS)
  const batches = [...bookBatches(records, { run: topic, topic })].map((batch) => batch.map(flat))
  await publish(batches[0]!.slice(0, 1))
  const startedMs = performance.now()
  await handOver(batches, publish)
  const seconds = (performance.now() - startedMs) / 1_000
  await deleteTopic(kafka, topic)
  return seconds
}

/** Makes our topics, and puts books on the one that is read. */
export async function fillTopic({ brokers, dir, records }: PublishingOptions): Promise<void> {
  await inFolder(dir, async (own) => {
    const broker = await openOurBroker({ brokers, dir: own })
    await broker.close()
  })
  const producer = await openBareProducer(bareKafka(brokers))
  for (const batch of bookBatches(records, { run: 'fill' })) await producer.publish(batch)
  await producer.close()
}

async function handOver(batches: readonly Batch[], publish: Publish): Promise<void> {
  const waiting: Promise<void>[] = []
  for (const batch of batches) {
    waiting.push(publish(batch))
    if (waiting.length >= CALLS_WAITING) await waiting.shift()
  }
  await Promise.all(waiting)
}

/** A text that was put together is kept as its parts until somebody reads it; the first reader would pay for that. */
function flat(record: OutgoingRecord): OutgoingRecord {
  return { ...record, value: Buffer.from(record.value).toString('latin1') }
}
