import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { crc32 } from 'node:zlib'
import type { Kafka, TopicMessages } from 'kafkajs'
import type { LocalKafka } from '../ops/kafka/local-kafka.ts'
import { bareKafka, crashOf, createTopics, warmUp } from './kafka/bare.ts'
import { say, startBenchKafka } from './kafka/services.ts'
import { bookRecords } from './made-books.ts'
import { inFolder, timed } from './measuring.ts'
import { median } from './row.ts'

/**
 * What a topic a product would cost on Kafka, beside keyed partitions of one topic.
 *
 *     node dist/bench/topic-per-product.js          1,000 products
 *     node dist/bench/topic-per-product.js 100 1    fewer, once
 *
 * Both layouts get the same records from the same bare kafkajs producer: durable batches of one record a product. Every run
 * has a broker of its own; the table shows medians of runs taken in turn.
 */

const PRODUCTS = 1_000
const PARTITIONS = 12
const RECORDS_A_PRODUCT = 100
const RUNS = 3
/** A thousand new partitions take their time: kafkajs would give up after five tries. Rarer and rarer, so as not to be in the way. */
const UNTIL_READY = { initialRetryTime: 50, factor: 0, multiplier: 1.5, maxRetryTime: 1_000, retries: 300 }

type Layout = {
  readonly name: string
  readonly topics: readonly string[]
  readonly partitions: number
  place(product: string): { readonly topic: string; readonly partition: number }
}

type Figures = {
  readonly createSeconds: number
  readonly producedASecond: number
  readonly sendMs: number
  readonly firstRecordMs: number
  readonly consumedASecond: number
  readonly megabytesBefore: number
  readonly megabytesAfter: number
  readonly filesOpen: number
}

async function main(products: number, runs: number): Promise<void> {
  const layouts = [keyedPartitions(), topicPerProduct(products)]
  const figures = new Map<Layout, Figures[]>(layouts.map((layout) => [layout, []]))
  for (let run = 1; run <= runs; run++) {
    for (const [layout, all] of figures) {
      say(`run ${run} of ${runs}: ${layout.name}`)
      all.push(await inFolder(tmpdir(), (dir) => measure(layout, products, dir)))
    }
  }
  process.stdout.write(`${table(figures)}\n`)
}

function keyedPartitions(): Layout {
  const topic = 'books.venue'
  const name = `1 topic, ${PARTITIONS} partitions`
  const place = (product: string) => ({ topic, partition: crc32(product) % PARTITIONS })
  return { name, topics: [topic], partitions: PARTITIONS, place }
}

function topicPerProduct(products: number): Layout {
  const topicOf = (product: string) => `books.venue.${product}`
  return {
    name: `${products.toLocaleString('en-US')} topics, 1 partition`,
    topics: Array.from({ length: products }, (_, i) => topicOf(`P${i}-USD`)),
    partitions: 1,
    place: (product) => ({ topic: topicOf(product), partition: 0 }),
  }
}

async function measure(layout: Layout, products: number, dir: string): Promise<Figures> {
  const cluster = await startBenchKafka(dir)
  try {
    const kafka = bareKafka(cluster.brokers)
    await warmUp(cluster.brokers)
    const megabytesBefore = residentMegabytes(cluster)
    const createSeconds = await timed(() => createTopics(kafka, layout.topics, layout.partitions))
    const [firstSeconds, ...sendSeconds] = await produce(kafka, layout, products)
    const consumed = await consume(kafka, layout, products * RECORDS_A_PRODUCT)
    return {
      // A broker names itself the leader before it is ready to be one: only a first send to all of them tells.
      createSeconds: createSeconds + firstSeconds!,
      producedASecond: (products * sendSeconds.length) / sendSeconds.reduce((sum, took) => sum + took),
      sendMs: median(sendSeconds) * 1_000,
      ...consumed,
      megabytesBefore,
      megabytesAfter: residentMegabytes(cluster),
      filesOpen: readdirSync(`/proc/${pidOf(cluster)}/fd`).length,
    }
  } finally {
    await cluster.stop()
  }
}

/** The seconds of every send. */
async function produce(kafka: Kafka, layout: Layout, products: number): Promise<number[]> {
  const producer = kafka.producer({ idempotent: true, allowAutoTopicCreation: false, retry: UNTIL_READY })
  await producer.connect()
  const seconds: number[] = []
  for (const batch of bookRecords(products, products * RECORDS_A_PRODUCT, products)) {
    const messages = new Map<string, TopicMessages['messages']>()
    for (const { key, value } of batch) {
      const { topic, partition } = layout.place(key!)
      messages.set(topic, [...(messages.get(topic) ?? []), { key, value, partition }])
    }
    const topicMessages = [...messages].map(([topic, its]) => ({ topic, messages: its }))
    seconds.push(
      await timed(async () => {
        await producer.sendBatch({ acks: -1, topicMessages })
      }),
    )
  }
  await producer.disconnect()
  return seconds
}

/** A new group reads everything. The first record is waited for from before the consumer is there, joining included. */
async function consume(
  kafka: Kafka,
  { topics }: Layout,
  records: number,
): Promise<Pick<Figures, 'firstRecordMs' | 'consumedASecond'>> {
  const consumer = kafka.consumer({ groupId: 'reader' })
  const startedMs = performance.now()
  let firstMs = 0
  let seen = 0
  await consumer.connect()
  await consumer.subscribe({ topics: [...topics], fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    crashOf(consumer).catch(reject)
    const eachBatch = async ({ batch }: { batch: { messages: readonly unknown[] } }) => {
      if (seen === 0) firstMs = performance.now()
      seen += batch.messages.length
      if (seen >= records) resolve()
    }
    consumer.run({ autoCommit: false, eachBatch }).catch(reject)
  })
  const consumedASecond = (records / (performance.now() - firstMs)) * 1_000
  await consumer.disconnect()
  return { firstRecordMs: firstMs - startedMs, consumedASecond }
}

function pidOf(cluster: LocalKafka): number {
  return cluster.node(1).pid!
}

function residentMegabytes(cluster: LocalKafka): number {
  const status = readFileSync(`/proc/${pidOf(cluster)}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024
}

function table(figures: ReadonlyMap<Layout, readonly Figures[]>): string {
  const columns: [string, (of: (field: keyof Figures) => number) => string][] = [
    ['created and written to', (of) => `${of('createSeconds').toFixed(2)} s`],
    ['records/s produced', (of) => rounded(of('producedASecond'))],
    ['median send', (of) => `${of('sendMs').toFixed(1)} ms`],
    ['first record read after', (of) => `${rounded(of('firstRecordMs'))} ms`],
    ['records/s consumed', (of) => rounded(of('consumedASecond'))],
    ['broker resident', (of) => `${rounded(of('megabytesBefore'))} → ${rounded(of('megabytesAfter'))} MB`],
    ['files it holds open', (of) => rounded(of('filesOpen'))],
  ]
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rows = [...figures].map(([{ name }, all]) => {
    const of = (field: keyof Figures) => median(all.map((run) => run[field]))
    return line([name, ...columns.map(([, cell]) => cell(of))])
  })
  const head = ['layout', ...columns.map(([title]) => title)]
  return [line(head), line(head.map(() => '---')), ...rows].join('\n')
}

function rounded(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

await main(Number(process.argv[2] ?? PRODUCTS), Number(process.argv[3] ?? RUNS))
