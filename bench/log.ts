import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import type { OutgoingRecord } from '../src/broker/broker.ts'
import { openSqliteBroker, type SqliteBroker } from '../src/broker/sqlite-broker.ts'
import { type EncodedBook, encodeBook, encodeLevels, ProductBook } from '../src/models/product-book.ts'
import type { FollowerReport } from './log-follower.ts'
import { bookRecords } from './made-books.ts'
import { inFolder, timed } from './measuring.ts'
import { type BenchRow, holds, interleaved, median } from './row.ts'

/**
 * The embedded log beside what a competent person writes by hand: a prepared insert, one transaction a batch, the same
 * columns, page size and synchronous=FULL. And how soon, and at what cost, another process hears of a commit.
 */

const RECORDS = 30_000
const BATCH = 1_000
const ROUNDS = 7
const TOPIC = 'books.coinbase'
const COMMITS = 500
const COMMITS_A_SECOND = 50
const IDLE_MS = 10_000
/** After a burst the engine tidies up its memory; that is not what idling costs. */
const SETTLE_MS = 2_000

export async function run(): Promise<BenchRow[]> {
  return [...(await writing()), await reading(), ...(await following())]
}

type Batch = readonly OutgoingRecord[]
/** A record whose value is still a book, its levels already text, as they come from the scanner of a body. */
type BookBatch = readonly { readonly record: OutgoingRecord; readonly book: EncodedBook }[]

async function writing(): Promise<BenchRow[]> {
  const texts: Batch[] = [...bookRecords(100, RECORDS, BATCH)]
  const books = texts.map((batch) => batch.map((record) => ({ record, book: bookOf(record) })))
  const seconds = await interleaved(
    {
      bare: () => inFolder(tmpdir(), (dir) => bareInserts(dir, texts)),
      texts: () => inFolder(tmpdir(), (dir) => publishing(dir, texts, (batch) => batch)),
      books: () => inFolder(tmpdir(), (dir) => publishing(dir, books, encoded)),
    },
    ROUNDS,
  )
  const bare = RECORDS / seconds.bare
  const reference = `bare insert loop: ${Math.round(bare)} records/s`
  const row = (name: string, took: number, bound: string): BenchRow => {
    const ratio = RECORDS / took / bare
    const value = Math.round(RECORDS / took)
    return { name, value, unit: 'records/s', reference, ratio, bound, holds: holds(ratio, bound) }
  }
  return [
    row('publish text values', seconds.texts, '>= 0.75'),
    row('publish book objects', seconds.books, '>= 0.5'),
  ]
}

function bookOf({ value }: OutgoingRecord): EncodedBook {
  const book = ProductBook.parse(JSON.parse(value))
  return { ...book, bids: encodeLevels(book.bids), asks: encodeLevels(book.asks) }
}

function encoded(batch: BookBatch): Batch {
  return batch.map(({ record, book }) => ({ ...record, value: encodeBook(book) }))
}

async function publishing<B>(dir: string, batches: readonly B[], make: (batch: B) => Batch): Promise<number> {
  const broker = await openLog(dir)
  const seconds = await timed(async () => {
    for (const batch of batches) await broker.publish(make(batch))
  })
  await broker.close()
  return seconds
}

async function bareInserts(dir: string, batches: readonly Batch[]): Promise<number> {
  const db = new Database(join(dir, 'bare.db'))
  db.pragma('page_size = 16384')
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.exec(
    'CREATE TABLE log ("offset" INTEGER PRIMARY KEY, time_ms INTEGER, key_id INTEGER, run_id INTEGER, n INTEGER, bytes INTEGER, crc INTEGER, headers TEXT, value TEXT)',
  )
  const insert = db.prepare('INSERT INTO log VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)')
  const write = db.transaction((batch: Batch) => {
    for (const { n, value } of batch)
      insert.run(1_700_000_000_000, n % 100, 1, n, n * 1_300, 3_000_000_000, null, value)
  })
  const seconds = await timed(async () => {
    for (const batch of batches) write.immediate(batch)
  })
  db.close()
  return seconds
}

async function reading(): Promise<BenchRow> {
  return inFolder(tmpdir(), async (dir) => {
    const broker = await openLog(dir)
    for (const batch of bookRecords(100, RECORDS, BATCH)) await broker.publish(batch)
    const seconds = await interleaved({ bare: () => bareReads(dir), ours: () => consuming(broker) }, ROUNDS)
    await broker.close()
    const [bare, ours] = [RECORDS / seconds.bare, RECORDS / seconds.ours]
    const reference = `.raw().all() of the same columns: ${Math.round(bare)} records/s`
    return {
      name: 'consume',
      value: Math.round(ours),
      unit: 'records/s',
      reference,
      ratio: ours / bare,
      bound: null,
      holds: null,
    }
  })
}

async function consuming(broker: SqliteBroker): Promise<number> {
  let left = RECORDS
  let consumer: Awaited<ReturnType<SqliteBroker['consume']>> | undefined
  const seconds = await timed(async () => {
    await new Promise<void>((resolve, reject) => {
      const options = {
        topics: [TOPIC],
        group: 'bench',
        onAssigned: async () => new Map<string, number>(),
        onLost: async () => {},
        onBatch: async (_: unknown, records: readonly unknown[]) => {
          left -= records.length
          if (left === 0) resolve()
        },
      }
      broker.consume(options).then((started) => {
        consumer = started
      }, reject)
    })
  })
  await consumer?.close()
  return seconds
}

function bareReads(dir: string): Promise<number> {
  const db = new Database(join(dir, 'log.db'), { readonly: true })
  const select = db
    .prepare(
      'SELECT "offset", time_ms, key_id, run_id, n, bytes, crc, headers, value FROM records_1 WHERE "offset" >= ? LIMIT 1000',
    )
    .raw()
  return timed(async () => {
    for (let from = 0; from < RECORDS; from += BATCH) select.all(from)
  }).finally(() => db.close())
}

async function following(): Promise<BenchRow[]> {
  return inFolder(tmpdir(), async (dir) => {
    const broker = await openLog(dir)
    const follower = fork(fileURLToPath(new URL('./log-follower.js', import.meta.url)), [dir])
    await once(follower, 'message')
    const acknowledged = await publishSteadily(broker)
    const heard = await ask(follower, 'heard')
    const delays = acknowledged
      .map((atNs, i) => Math.max(0, (heard.heardNs[i]! - atNs) / 1e6))
      .sort((a, b) => a - b)
    await sleep(SETTLE_MS)
    const idleFrom = await ask(follower, 'cpu')
    await sleep(IDLE_MS)
    const idleTo = await ask(follower, 'cpu')
    follower.kill()
    await broker.close()
    return [wakeRow(delays), idleRow((idleTo.cpuUs - idleFrom.cpuUs) / (IDLE_MS * 10))]
  })
}

/** When each commit was acknowledged, in ns of the clock that all processes of a machine share. */
async function publishSteadily(broker: SqliteBroker): Promise<number[]> {
  const acknowledged: number[] = []
  for (const [record] of bookRecords(1, COMMITS, 1)) {
    await broker.publish([record!])
    acknowledged.push(Number(process.hrtime.bigint()))
    await sleep(1_000 / COMMITS_A_SECOND)
  }
  return acknowledged
}

async function ask(follower: ChildProcess, question: 'heard' | 'cpu'): Promise<FollowerReport> {
  follower.send(question)
  const [report] = await once(follower, 'message')
  return report as FollowerReport
}

function wakeRow(delays: readonly number[]): BenchRow {
  const p99 = delays[Math.ceil(delays.length * 0.99) - 1]!
  const reference = `p50 ${median(delays).toFixed(2)} ms, ${COMMITS} commits at ${COMMITS_A_SECOND} a second`
  const name = 'waking a follower in another process, p99'
  return { name, value: p99, unit: 'ms', reference, ratio: p99 / 3, bound: '<= 1', holds: p99 <= 3 }
}

function idleRow(percent: number): BenchRow {
  const reference = 'at most 0.3 % of a core'
  return {
    name: 'an idle follower',
    value: percent,
    unit: '% of a core',
    reference,
    ratio: percent / 0.3,
    bound: '<= 1',
    holds: percent <= 0.3,
  }
}

async function openLog(dir: string): Promise<SqliteBroker> {
  const broker = await openSqliteBroker({ dir, nowMs: Date.now, random: Math.random })
  await broker.ensureTopics([{ topic: TOPIC, partitions: 1, retentionMs: 3_600_000, retentionBytes: 1e10 }])
  return broker
}
