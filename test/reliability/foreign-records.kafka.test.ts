import { crc32 } from 'node:zlib'
import type { IHeaders, Message } from 'kafkajs'
import { beforeAll, expect, test } from 'vitest'
import { REJECTIONS_TOPIC } from '../../src/models/topics.ts'
import { bareKafka, type Cluster, until, withClusters } from './cluster.ts'
import { BOOKS, recordsOf } from './kafka-log.ts'
import { history } from './kills.ts'
import { differences } from './tables.ts'

/** Where BTC-USD lies: good records before and after. */
const PARTITION = crc32('BTC-USD') % 6
const OURS: IHeaders = { run: 'somebody', n: '1' }

/** What others may put on our topic, and what is said about it. */
const FOREIGN: readonly (readonly [string, Message, string])[] = [
  ['JSON of somebody else', { key: 'BTC-USD', value: '{"hello":"world"}', headers: OURS }, "Expected 'book'"],
  ['bytes that are no text', { key: 'BTC-USD', value: Buffer.from([0, 255, 254]) }, 'not UTF-8'],
  ['a tombstone', { key: 'BTC-USD', value: null }, 'no value'],
  ['a record without key and headers', { value: '{"type":"book"}' }, 'no run and n'],
  ['a record of 1 MiB and a byte', { key: 'BTC-USD', value: 'x'.repeat(2 ** 20 + 1) }, 'no run and n'],
]

withClusters('on our topics', ({ open }) => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await open()
  })

  test('each record that is none of ours becomes a rejection with topic, partition and offset, and what comes after it is read', async () => {
    expect(await cluster.run(history(50))).toMatchObject({ code: 0 })
    const places = await put(cluster, FOREIGN)
    expect(await cluster.run(history(50, '2026-11-20T12:30:00Z'))).toMatchObject({ code: 0 })
    const worker = cluster.worker()
    await until(
      'all of them are rejections',
      30_000,
      async () => (await foreignRows(cluster)).length >= FOREIGN.length,
    )
    await cluster.untilThrough()
    worker.signal('SIGTERM')
    expect(await worker.ended).toMatchObject({ code: 0 })

    const said = (await foreignRows(cluster)).map(({ message }) => message)
    for (const [i, [what, , why]] of FOREIGN.entries()) {
      const ofIt = said.filter((message) => message.startsWith(`${places[i]}: `))
      expect({ what, said: ofIt }).toEqual({ what, said: [expect.stringContaining(why)] })
    }
    expect(said).toHaveLength(FOREIGN.length)
    expect((await errorPlaces(cluster)).sort()).toEqual([...places].sort())
    expect(differences(await cluster.tables(), await cluster.undisturbed())).toEqual([])
    expect((await cluster.run(['verify'])).code).toBe(0)
  }, 120_000)
})

/** Puts them all on one partition. Answers where they lie, `books.coinbase/0@7`. */
async function put({ env }: Cluster, records: typeof FOREIGN): Promise<string[]> {
  const producer = bareKafka(env).producer()
  await producer.connect()
  try {
    const places: string[] = []
    for (const [, message] of records) {
      const sent = await producer.send({ topic: BOOKS, messages: [{ ...message, partition: PARTITION }] })
      places.push(`${BOOKS}/${PARTITION}@${sent[0]!.baseOffset}`)
    }
    return places
  } finally {
    await producer.disconnect()
  }
}

async function foreignRows(cluster: Cluster): Promise<{ message: string }[]> {
  const rows = await cluster.withTables((db) =>
    db.selectFrom('rejections').select('message').where('kind', '=', 'foreign-record').execute(),
  )
  return rows ?? []
}

/** What the headers of rejections say, as any tool for Kafka Connect's dead letters reads them. */
function errorPlaces(cluster: Cluster): Promise<string[]> {
  return cluster.withBroker(async (broker) => {
    const places: string[] = []
    for await (const { headers } of recordsOf(broker, { topic: REJECTIONS_TOPIC, partition: 0 })) {
      const of = (name: string) => headers?.[`__connect.errors.${name}`]
      if (of('topic') !== undefined) places.push(`${of('topic')}/${of('partition')}@${of('offset')}`)
    }
    return places
  })
}
