import { onTestFinished } from 'vitest'
import type { LogRecord, OutgoingRecord } from '../../../src/broker/broker.ts'
import { MEMORY } from '../../../src/broker/sqlite/log-file.ts'
import { openSqliteBroker, type SqliteBroker } from '../../../src/broker/sqlite-broker.ts'
import { DAY_MS, HOUR_MS } from '../../../src/models/time.ts'
import { allTopics } from '../../../src/models/topics.ts'
import { pipeline } from '../../../src/pipeline.ts'
import type { Processor } from '../../../src/processors/processor.ts'
import { type Runner, type RunnerOptions, runProcessors } from '../../../src/processors/run-processors.ts'
import { readsTopic } from '../../../src/processors/running/partition.ts'
import { openSqliteStore } from '../../../src/store/sqlite-store.ts'
import { idOf, type PendingMessage, type Store } from '../../../src/store/store.ts'
import { dump, ledgerFindings, lineageFindings } from '../../../src/store/verify-tables.ts'

/** A real log and a real store, both in memory, and runners between them. */

export const BOOKS = 'books.coinbase'
export const PROCESSORS: readonly Processor[] = pipeline({ windowsMs: [60_000, 300_000] })

const bestPrices = PROCESSORS.find(({ name }) => name === 'best-prices')!

export type Said = { readonly level: 'info' | 'warn' | 'error'; readonly text: string }

export type Rig = {
  readonly broker: SqliteBroker
  readonly store: Store
  /** What runners said, oldest first. */
  readonly said: readonly Said[]
  /** Resolves when somebody says something with these words in it. */
  heard(words: string): Promise<void>
  start(about?: Partial<RunnerOptions>): Promise<Runner>
  /** Asks for a rebuild on every partition that the processor reads. */
  askRebuild(name: string): Promise<void>
  /** Starts a runner, waits until it has done all there is, and closes it. */
  run(about?: Partial<RunnerOptions>): Promise<void>
  /** Every row of every table as text, lineage included. */
  tables(processors?: readonly Processor[]): Promise<Record<string, string[]>>
  /** What does not add up in ledgers and lineage: nothing. */
  faults(): Promise<string[]>
  told(): Promise<PendingMessage[]>
  close(): Promise<void>
}

export type RigAbout = {
  readonly partitions?: number
  readonly broker?: SqliteBroker
  readonly store?: Store
  readonly retentionBytes?: number
}

export async function openRig(about: RigAbout = {}): Promise<Rig> {
  const broker = about.broker ?? (await openLog(about))
  const store = about.store ?? openMemoryStore()
  const said: Said[] = []
  const listeners = new Set<() => void>()
  const say = (level: Said['level']) => (_: object, text: string) => {
    said.push({ level, text })
    for (const listen of listeners) listen()
  }
  const log = { info: say('info'), warn: say('warn'), error: say('error') }
  const start = (more: Partial<RunnerOptions> = {}): Promise<Runner> =>
    runProcessors({
      broker,
      store,
      processors: PROCESSORS,
      group: 'test',
      lateMaxMs: HOUR_MS,
      monotonicMs: leapingClock(),
      log,
      ...more,
    })
  let closing: Promise<void> | undefined
  const rig: Rig = {
    broker,
    store,
    said,
    heard: (words) =>
      new Promise((resolve) => {
        const listen = () => {
          if (!said.some(({ text }) => text.includes(words))) return
          listeners.delete(listen)
          resolve()
        }
        listeners.add(listen)
        listen()
      }),
    start,
    askRebuild: async (name) => {
      const processor = PROCESSORS.find((known) => known.name === name) ?? bestPrices
      const infos = (await broker.topics()).filter(({ topic }) => readsTopic(processor, topic))
      const ids = infos.flatMap(({ topic, partitionInfos }) =>
        partitionInfos.map(({ partition }) => idOf(topic, partition)),
      )
      await store.requests.askRebuild(name, ids)
    },
    run: async (more) => {
      const runner = await start(more)
      await runner.caughtUp()
      await runner.close()
    },
    tables: (processors = PROCESSORS) => tablesOf(store, processors),
    faults: () => faultsOf(store),
    told: () => store.outbox.pending(['digest', 'parked', 'reject'], 1_000),
    close: () => {
      closing ??= store.close().then(() => broker.close())
      return closing
    },
  }
  onTestFinished(() => rig.close())
  return rig
}

export async function openLog(about: RigAbout = {}): Promise<SqliteBroker> {
  const broker = await openSqliteBroker({ dir: MEMORY, nowMs: () => START_MS, random: Math.random })
  const { partitions = 1, retentionBytes = 1e12 } = about
  await broker.ensureTopics(
    allTopics().map((topic) => ({
      topic,
      partitions: topic === BOOKS ? partitions : 1,
      retentionMs: 10_000 * DAY_MS,
      retentionBytes: topic === BOOKS ? retentionBytes : 1e12,
    })),
  )
  return broker
}

function openMemoryStore(): Store {
  return openSqliteStore({ file: ':memory:', monotonicMs: () => 0 })
}

/** When the logs of the tests begin. */
export const START_MS = Date.UTC(2026, 10, 20, 14, 30)

/** Every look is ten seconds later, so that whatever waits for its time is due: each batch is committed at once. */
export function leapingClock(stepMs = 10_000): () => number {
  let nowMs = 0
  return () => {
    nowMs += stepMs
    return nowMs
  }
}

/** The same log, whose records reach readers as `change` makes them: what only another broker can hold. */
export function altered(broker: SqliteBroker, change: (record: LogRecord) => LogRecord): SqliteBroker {
  return {
    ...broker,
    read: async (...args) => (await broker.read(...args)).map(change),
    consume: (options) =>
      broker.consume({
        ...options,
        onBatch: (tp, records, about) => options.onBatch(tp, records.map(change), about),
      }),
  }
}

/** A store that answers so many calls and then none: what a killed process leaves of it is what was committed. */
export function killedAfter(store: Store, calls: number): Store {
  let left = calls
  const mortal = <Args extends unknown[], Answer>(call: (...args: Args) => Promise<Answer>) => {
    return async (...args: Args): Promise<Answer> => {
      if (left-- <= 0) throw new Error('killed')
      return call(...args)
    }
  }
  return {
    ...store,
    claim: mortal(store.claim),
    fetch: mortal(store.fetch),
    latestStarts: mortal(store.latestStarts),
    commit: mortal(store.commit),
    readerState: mortal(store.readerState),
  }
}

/** The same processor, but it throws at every record that is `poison` to it. */
export function allergic(name: string, poison: (record: { n?: number }) => boolean): Processor {
  const processor = PROCESSORS.find((known) => known.name === name)!
  return {
    ...processor,
    merge: (row, record, key) => {
      if (poison(record as { n?: number })) throw new Error('cannot digest this')
      return processor.merge(row, record, key)
    },
  }
}

/** All processors, one of them exchanged for another of its name. */
export function withProcessor(changed: Processor): Processor[] {
  return PROCESSORS.map((known) => (known.name === changed.name ? changed : known))
}

async function tablesOf(store: Store, processors: readonly Processor[]): Promise<Record<string, string[]>> {
  const tables: Record<string, string[]> = {}
  for (const { table } of processors) tables[table.name] = await dump(store.db, table)
  return tables
}

/** Where two states of the tables differ, the first rows of each table; nothing where they are the same. */
export function differences(a: Record<string, string[]>, b: Record<string, string[]>): string[] {
  return Object.keys({ ...a, ...b }).flatMap((name) => {
    const [left, right] = [a[name] ?? [], b[name] ?? []]
    const at = Array.from({ length: Math.max(left.length, right.length) }, (_, i) => i)
    const first = at.find((i) => left[i] !== right[i])
    return first === undefined ? [] : [`${name} row ${first}: ${left[first]} and ${right[first]}`]
  })
}

const LINEAGE = /,"partition_id":\d+,"first_offset":\d+,"last_offset":\d+/

export function withoutLineage(tables: Record<string, string[]>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(tables).map(([name, rows]) => [name, rows.map((row) => row.replace(LINEAGE, ''))]),
  )
}

async function faultsOf(store: Store): Promise<string[]> {
  const tables = PROCESSORS.map(({ table }) => table)
  const findings = [...(await ledgerFindings(store.db)), ...(await lineageFindings(store.db, tables))]
  return findings.filter(({ ok }) => !ok).map(({ text }) => text)
}

/** How a processor's ledger stands on the books' first partition, in the words of the view. */
export async function ledgerOf(rig: Rig, processor: string, topic = BOOKS): Promise<Record<string, number>> {
  const row = await rig.store.db
    .selectFrom('positions')
    .select(['first', 'position', 'applied', 'duplicate', 'too_late', 'foreign_records', 'lost'])
    .where((is) => is.and({ processor, topic, partition: 0 }))
    .executeTakeFirstOrThrow()
  return row
}

/** A record of nobody's, or of somebody's who goes by another book. */
export function rawRecord(value: string, about: Partial<OutgoingRecord> = {}): OutgoingRecord {
  return { topic: BOOKS, partition: 0, key: 'BTC-USD', run: 'stranger', n: 1, value, ...about }
}
