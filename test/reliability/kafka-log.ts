import { type Broker, type LogRecord, type TopicPartition, tpName } from '../../src/broker/broker.ts'
import { booksTopic } from '../../src/models/topics.ts'

/** What lies on the books topic, read from its beginning without anybody's help. */

export const BOOKS = booksTopic('coinbase')
const READ_RECORDS = 2_000

export type LogFacts = {
  /** Sequences of each feed's books, `mock BTC-USD`, in the order they lie in; what came twice is left out. */
  readonly sequences: ReadonlyMap<string, readonly number[]>
  readonly books: number
  /** Of each run. */
  readonly booksOf: ReadonlyMap<string, number>
  /** Records that were on the log already, by their run and n. */
  readonly duplicates: number
  /** The last n of each run in each partition, `books.coinbase/0 <run>`. */
  readonly lastN: ReadonlyMap<string, number>
  /** What must not be: a number that is missing, an order that is not kept. */
  readonly faults: readonly string[]
}

/**
 * Reads all of it. Every run counts its records in a partition from 1 without leaving one out, so whatever is missing
 * before the last is seen; and a product's books lie in the order of their sequences.
 */
export async function factsOfLog(broker: Broker, topic = BOOKS): Promise<LogFacts> {
  const facts = openFacts()
  for (const tp of await partitionsOf(broker, topic)) {
    for await (const record of recordsOf(broker, tp)) facts.take(tpName(tp), record)
  }
  return facts.all()
}

export async function partitionsOf(broker: Broker, topic: string): Promise<TopicPartition[]> {
  const info = (await broker.topics()).find((known) => known.topic === topic)
  return (info?.partitionInfos ?? []).map(({ partition }) => ({ topic, partition }))
}

/** All records that are on a partition now. */
export async function* recordsOf(broker: Broker, tp: TopicPartition): AsyncGenerator<LogRecord> {
  const info = (await broker.topics()).find(({ topic }) => topic === tp.topic)
  const span = info?.partitionInfos.find(({ partition }) => partition === tp.partition)
  for (let at = span?.startOffset ?? 0; at < (span?.endOffset ?? 0); ) {
    const records = await broker.read(tp, at, READ_RECORDS)
    if (records.length === 0) throw new Error(`${tpName(tp)} answers nothing from offset ${at} on`)
    yield* records
    at = records.at(-1)!.offset + 1
  }
}

function openFacts() {
  const sequences = new Map<string, number[]>()
  const lastN = new Map<string, number>()
  const faults: string[] = []
  const booksOf = new Map<string, number>()
  let books = 0
  let duplicates = 0

  function isNew(partition: string, { run, n, offset }: LogRecord): boolean {
    const name = `${partition} ${run}`
    const last = lastN.get(name) ?? 0
    if (n === null || n <= last) {
      duplicates++
      return false
    }
    if (n !== last + 1) faults.push(`${partition}@${offset}: n ${n} of ${run} follows ${last}`)
    lastN.set(name, n)
    return true
  }

  function take(partition: string, record: LogRecord): void {
    if (record.run === null || !isNew(partition, record)) return
    if (!record.value?.startsWith('{"type":"book"')) return
    books++
    booksOf.set(record.run, (booksOf.get(record.run) ?? 0) + 1)
    const { feed, sequence } = headOf(record.value)
    const known = sequences.get(feed) ?? []
    if (sequence <= (known.at(-1) ?? 0)) {
      faults.push(`${partition}@${record.offset}: ${feed} ${sequence} follows ${known.at(-1)}`)
    }
    known.push(sequence)
    sequences.set(feed, known)
  }

  return { take, all: (): LogFacts => ({ sequences, books, booksOf, duplicates, lastN, faults }) }
}

function headOf(value: string): { feed: string; sequence: number } {
  const [, source, product, sequence] =
    /^{"type":"book","venue":"coinbase","source":"([^"]+)","product":"([^"]+)","sequence":(\d+),/.exec(
      value,
    ) ?? []
  if (source === undefined) throw new Error(`a book of nobody: ${value.slice(0, 200)}`)
  return { feed: `${source} ${product}`, sequence: Number(sequence) }
}
