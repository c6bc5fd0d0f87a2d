import { type Broker, type LogRecord, type TopicPartition, tpName } from '../broker/broker.ts'
import { Mark } from '../models/feed-records.ts'
import { bookHead, ProductBook } from '../models/product-book.ts'
import { Rejection } from '../models/rejection.ts'
import { booksTopic, REJECTIONS_TOPIC } from '../models/topics.ts'

/**
 * What the log remembers of a made market: enough to go on as if nobody had ever stopped. Only what a mark vouches for
 * counts: records above the last one were torn off their batch, and whoever goes on from the mark makes them again.
 */
export type Memory = {
  /** The last mark in each partition fed, by partition; none where nothing was ever made. */
  readonly marks: ReadonlyMap<number, RememberedMark>
  /** The last good book of each product. */
  readonly books: ReadonlyMap<string, RememberedBook>
}
export type RememberedMark = {
  readonly run: string
  readonly n: number
  readonly upToMs: number
  readonly bye: boolean
}
export type RememberedBook = {
  readonly exchangeTimeMs: number
  readonly sequence: number
  readonly bestBid: string
  readonly bestAsk: string
}

/** Where each product's records lie. */
export type Placement = ReadonlyMap<number, readonly string[]>

const TOPIC = booksTopic('coinbase')
export const MOCK_RUN_PREFIX = 'mock-'

/** Reads the books topic backwards, partition by partition, until the last mark and each product's last book are found. */
export async function recallMarket(broker: Broker, placement: Placement): Promise<Memory> {
  const marks = new Map<number, RememberedMark>()
  const books = new Map<string, RememberedBook>()
  for (const [partition, products] of placement) {
    const sought = new Map(products.map((product) => [bookHead('coinbase', 'mock', product), product]))
    for await (const record of backwards(broker, { topic: TOPIC, partition })) {
      if (!isMade(record)) continue
      const mark = marks.has(partition) ? undefined : markOf(record)
      if (mark !== undefined) marks.set(partition, mark)
      if (marks.has(partition)) findBook(record, sought, books)
      if (marks.has(partition) && sought.size === 0) break
    }
  }
  return { marks, books }
}

/** Takes the record's book and ends the search for its product, where it is one that is sought. */
function findBook(record: MadeRecord, sought: Map<string, string>, books: Map<string, RememberedBook>): void {
  const head = record.value.slice(0, record.value.indexOf(HEAD_END) + HEAD_END.length)
  const product = sought.get(head)
  const book = product === undefined ? undefined : bookOf(record)
  if (product === undefined || book === undefined) return
  books.set(product, book)
  sought.delete(head)
}

const HEAD_END = '"sequence":'

/** How many rejections the run had written when it had come to `upToMs`: the last `n` of its rejections up to there. */
export async function recallRejections(broker: Broker, run: string, upToMs: number): Promise<number> {
  for await (const record of backwards(broker, { topic: REJECTIONS_TOPIC, partition: 0 })) {
    if (record.run !== run || !isMade(record)) continue
    const rejection = Rejection.safeParse(JSON.parse(record.value))
    if (rejection.success && rejection.data.receivedAtMs <= upToMs) return record.n
  }
  return 0
}

type MadeRecord = LogRecord & { readonly run: string; readonly n: number; readonly value: string }

function isMade(record: LogRecord): record is MadeRecord {
  const { corrupt, run, n, value } = record
  return !corrupt && run !== null && n !== null && value !== null && run.startsWith(MOCK_RUN_PREFIX)
}

function markOf(record: MadeRecord): RememberedMark | undefined {
  if (!record.value.startsWith('{"type":"mark"')) return undefined
  const { success, data } = Mark.safeParse(JSON.parse(record.value))
  return success ? { run: record.run, n: record.n, upToMs: data.upToMs, bye: data.bye } : undefined
}

function bookOf(record: MadeRecord): RememberedBook | undefined {
  if (!record.value.startsWith('{"type":"book"')) return undefined
  const { success, data } = ProductBook.safeParse(JSON.parse(record.value))
  if (!success || data.exchangeTimeMs === null || data.sequence === null) return undefined
  const { exchangeTimeMs, sequence, bids, asks } = data
  return { exchangeTimeMs, sequence, bestBid: bids[0]![0], bestAsk: asks[0]![0] }
}

const BLOCK_RECORDS_MIN = 64 // what is looked for usually lies among the very last
const BLOCK_RECORDS_MAX = 4_096 // 8 MB of books of 20 levels: all that is held at a time

async function* backwards(broker: Broker, tp: TopicPartition): AsyncGenerator<LogRecord> {
  const topic = (await broker.topics()).find((info) => info.topic === tp.topic)
  const info = topic?.partitionInfos.find(({ partition }) => partition === tp.partition)
  let to = info?.endOffset ?? 0
  let blockRecords = BLOCK_RECORDS_MIN
  while (info !== undefined && to > info.startOffset) {
    const from = Math.max(info.startOffset, to - blockRecords)
    yield* (await readRange(broker, tp, from, to)).reverse()
    to = from
    blockRecords = Math.min(blockRecords * 4, BLOCK_RECORDS_MAX)
  }
}

/** All records from `from` up to `to` that are still kept: one look may give fewer than it was asked for. */
async function readRange(broker: Broker, tp: TopicPartition, from: number, to: number): Promise<LogRecord[]> {
  const records: LogRecord[] = []
  for (let offset = from; offset < to; ) {
    const some = await broker.read(tp, offset, to - offset)
    const last = some.at(-1)
    if (last === undefined) break
    for (const record of some) if (record.offset < to) records.push(record)
    offset = last.offset + 1
  }
  return records
}

/** Which products lie in which partition, as the publisher places them. */
export function placementOf(
  products: readonly string[],
  partitionOf: (topic: string, key: string) => number,
): Placement {
  const placement = new Map<number, string[]>()
  for (const product of products) {
    const partition = partitionOf(TOPIC, product)
    const neighbours = placement.get(partition)
    if (neighbours === undefined) placement.set(partition, [product])
    else neighbours.push(product)
  }
  return placement
}

/** The numbers the run goes on from, as a publisher wants them. */
export function lastNumbers(marks: Memory['marks'], rejections: number): Map<string, number> {
  const numbers = new Map<string, number>()
  for (const [partition, { n }] of marks) numbers.set(tpName({ topic: TOPIC, partition }), n)
  numbers.set(tpName({ topic: REJECTIONS_TOPIC, partition: 0 }), rejections)
  return numbers
}
