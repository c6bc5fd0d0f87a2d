import { crc32 } from 'node:zlib'
import { type OutgoingRecord, tpName } from '../../src/broker/broker.ts'
import { bookRecords } from '../made-books.ts'

/** 100 products at ten books a second each, 20 levels a side, spread by key over the partitions of one topic. */
export const TOPIC = 'books.coinbase'
export const PARTITIONS = 4
export const PRODUCTS = 100
export const BOOKS_A_SECOND = 10

/** About 490 KB of books: below what our publisher puts into one send, so that both sides make sends of one size. */
export const BATCH_RECORDS = 350

export type Batch = readonly OutgoingRecord[]

/** Books number `first` and on, as one run publishes them to `topic`: `n` is dense in each partition, from 1. */
export function* bookBatches(
  records: number,
  about: { readonly run: string; readonly first?: number; readonly topic?: string; readonly batch?: number },
): Generator<Batch> {
  const { run, first = 0, topic = TOPIC, batch = BATCH_RECORDS } = about
  const counts = new Map<string, number>()
  for (const made of bookRecords(PRODUCTS, records, batch, { aSecond: BOOKS_A_SECOND, first })) {
    yield made.map((record) => {
      const tp = { topic, partition: crc32(record.key!) % PARTITIONS }
      const n = (counts.get(tpName(tp)) ?? 0) + 1
      counts.set(tpName(tp), n)
      return { ...record, ...tp, run, n }
    })
  }
}
