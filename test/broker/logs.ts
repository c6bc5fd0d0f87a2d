import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type {
  Broker,
  ConsumeOptions,
  Consumer,
  LogRecord,
  OutgoingRecord,
  TopicSettings,
} from '../../src/broker/broker.ts'
import {
  openSqliteBroker,
  type SqliteBroker,
  type SqliteBrokerOptions,
} from '../../src/broker/sqlite-broker.ts'

/** Helpers of the broker's tests: folders, topics, records, and reading until what was awaited has come. */

export const BOOKS = 'books.coinbase'
export const TWO_PARTITIONS = { topic: BOOKS, partitions: 2, retentionMs: 60_000, retentionBytes: 1e9 }
export const ONE_PARTITION = { topic: 'rejections', partitions: 1, retentionMs: 60_000, retentionBytes: 1e9 }

export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'tidebook-log-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** Opens the log in `dir` with the two topics above; closed when the test ends. */
export async function openLog(dir: string, about: Partial<SqliteBrokerOptions> = {}): Promise<SqliteBroker> {
  const broker = await openSqliteBroker({
    dir,
    nowMs: () => 1_700_000_000_000,
    random: Math.random,
    ...about,
  })
  onTestFinished(() => broker.close())
  await broker.ensureTopics([TWO_PARTITIONS, ONE_PARTITION])
  return broker
}

/** The embedded log as the suites of every broker want it: nothing on it yet, and a clock that ticks. */
export async function openEmbedded(
  dir: string,
): Promise<{ broker: SqliteBroker; books: TopicSettings; rejections: TopicSettings }> {
  let timeMs = 1_700_000_000_000
  const broker = await openLog(dir, { nowMs: () => timeMs++ })
  return { broker, books: TWO_PARTITIONS, rejections: ONE_PARTITION }
}

/** Record `n` of a run in partition 0 of the books; its value says who it is. */
export function record(n: number, about: Partial<OutgoingRecord> = {}): OutgoingRecord {
  const run = about.run ?? 'run-1'
  return { topic: BOOKS, partition: 0, key: 'BTC-USD', run, n, value: `${run}-${n}`, ...about }
}

/** Records `from` to `to`, both included. */
export function records(from: number, to: number, about: Partial<OutgoingRecord> = {}): OutgoingRecord[] {
  return Array.from({ length: to - from + 1 }, (_, i) => record(from + i, about))
}

/** Everything that lies in a partition, from `from` on. */
export async function readAll(
  broker: Broker,
  tp = { topic: BOOKS, partition: 0 },
  from = 0,
): Promise<LogRecord[]> {
  const all: LogRecord[] = []
  for (;;) {
    const batch = await broker.read(tp, from, 1_000)
    if (batch.length === 0) return all
    all.push(...batch)
    from = batch.at(-1)!.offset + 1
  }
}

export type Heard = LogRecord & { readonly partition: number }
export type Listener = {
  readonly consumer: Consumer
  readonly heard: readonly Heard[]
  readonly lost: readonly string[]
  /** Resolves when `count` records in all have come. */
  until(count: number): Promise<void>
}

/** A consumer that writes down what it hears; answered once it has its partitions. */
export async function listen(broker: Broker, about: Partial<ConsumeOptions> = {}): Promise<Listener> {
  const heard: Heard[] = []
  const lost: string[] = []
  let check = () => {}
  let assigned = () => {}
  const hasPartitions = new Promise<void>((resolve) => {
    assigned = resolve
  })
  const consumer = await broker.consume({
    topics: [BOOKS],
    group: 'listener',
    onLost: async (tps) => void lost.push(...tps.map((tp) => `${tp.topic}/${tp.partition}`)),
    onBatch: async (tp, batch) => {
      for (const each of batch) heard.push({ ...each, partition: tp.partition })
      check()
    },
    ...about,
    onAssigned: async (tps) => {
      const offsets = (await about.onAssigned?.(tps)) ?? new Map()
      assigned()
      return offsets
    },
  })
  await Promise.race([hasPartitions, consumer.done])
  const until = (count: number) =>
    new Promise<void>((resolve) => {
      check = () => heard.length >= count && resolve()
      check()
    })
  return { consumer, heard, lost, until }
}

/** A small seeded source of chance, so that a failing case can be seen again. */
export function chance(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
