import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { LocalKafka } from '../../../ops/kafka/local-kafka.ts'
import type { Broker } from '../../../src/broker/broker.ts'
import { compressionType } from '../../../src/broker/kafka/compression.ts'
import { withOwnKafka } from '../../services/own-kafka.ts'
import { openKafka, openWithTopics } from '../kafka-brokers.ts'
import { listen, readAll, record } from '../logs.ts'

const COMPRESSIONS = ['gzip', 'zstd', 'lz4', 'snappy'] as const

/** Some 2.5 MB. */
const BOOKS = Array.from({ length: 1_500 }, (_, n) => {
  const bids = Array.from({ length: 100 }, (_, i) => [`${64_930 - i}.${(n * 7919 + i * 31) % 100}`, '0.5', i])
  return JSON.stringify({ type: 'book', product: n % 3 === 0 ? 'BTC-USD' : 'Δ-€', n, bids })
})

withOwnKafka('records that are packed', (kafkas) => {
  let kafka: LocalKafka
  beforeAll(async () => {
    kafka = await kafkas.start()
  })

  describe.each(COMPRESSIONS)('with %s', (compression) => {
    test("by us are read by us and by Kafka's own consumer", async () => {
      const { broker, rejections } = await openWithTopics(kafka.brokers, { compression })
      const { topic } = rejections
      const of = { topic, key: null }
      await Promise.all(BOOKS.map((value, i) => broker.publish([record(i + 1, { ...of, value })])))
      await expectBooks(broker, topic)
      expect((await batchesOn(topic)).codecs).toEqual([compression])
      const said = await kafkas.tool('kafka-console-consumer', [
        ...['--bootstrap-server', kafka.brokers[0]!, '--topic', topic],
        ...['--from-beginning', '--max-messages', String(BOOKS.length)],
      ])
      expect(said.trimEnd().split('\n')).toEqual(BOOKS)
    }, 60_000)

    test("by Kafka's own producer, far more in one batch than we would, are read by us", async () => {
      const { broker, rejections } = await openWithTopics(kafka.brokers)
      const { topic } = rejections
      const args = ['--bootstrap-server', kafka.brokers[0]!, '--topic', topic]
      const batch = ['--max-partition-memory-bytes', '8000000', '--timeout', '2000']
      const producer = [...args, '--compression-codec', compression, ...batch]
      await kafkas.tool('kafka-console-producer', producer, BOOKS.join('\n'))
      await expectBooks(broker, topic)
      const { codecs, largest } = await batchesOn(topic)
      expect({ codecs, isLarge: largest > BOOKS.length / 2 }).toEqual({
        codecs: [compression],
        isLarge: true,
      })
    }, 60_000)
  })

  test('are refused, with the package to install, where it is missing', async () => {
    const { broker, rejections } = await openWithTopics(kafka.brokers, { compression: 'snappy' })
    const { topic } = rejections
    await broker.publish([record(1, { topic })])
    await compressionType('none', () => Promise.reject(new Error('not installed')))
    onTestFinished(async () => void (await compressionType('none')))
    const told = {
      code: 'bad-config',
      message: 'Records on Kafka are packed with snappy, which needs the package kafkajs-snappy',
      hint: 'npm install kafkajs-snappy',
    }
    await expect(broker.read({ topic, partition: 0 }, 0, 1)).rejects.toMatchObject(told)
    const { consumer } = await listen(broker, { topics: [topic], group: topic })
    await expect(consumer.done).rejects.toMatchObject(told)
  }, 60_000)

  async function expectBooks(broker: Broker, topic: string): Promise<void> {
    const values = (await readAll(broker, { topic, partition: 0 })).map(({ value }) => value)
    expect(values).toEqual(BOOKS)
    const reader = await openKafka(kafka.brokers)
    const listener = await listen(reader, { topics: [topic], group: topic })
    await listener.until(BOOKS.length)
    expect(listener.heard.map(({ value }) => value)).toEqual(BOOKS)
    await listener.consumer.close()
  }

  /** How the batches lie on the broker's disk, in Kafka's own words: `baseOffset: 0 ... count: 382 ... compresscodec: zstd ...` */
  async function batchesOn(topic: string): Promise<{ codecs: string[]; largest: number }> {
    const folder = join(kafka.node(1).dataDir, `${topic}-0`)
    const files = readdirSync(folder).filter((name) => name.endsWith('.log'))
    const said = await kafkas.tool('kafka-dump-log', [
      '--files',
      files.map((name) => join(folder, name)).join(),
    ])
    const batches = [...said.matchAll(/ count: (\d+) .* compresscodec: (\w+)/g)]
    return {
      codecs: [...new Set(batches.map(([, , codec]) => codec!))],
      largest: Math.max(...batches.map(([, count]) => Number(count))),
    }
  }
})
