import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { OutboxMessage } from '../models/outbox-message.ts'
import type { Key, Table } from './table.ts'
import type { Views } from './views.ts'

/**
 * Rows and positions. One face for SQLite and PostgreSQL. A commit moves rows, the positions they stand for and the
 * messages they made in one transaction, or nothing of it; that is what makes every record count exactly once.
 */

/** How far one reader has come on one partition, and everything that is a function of the log up to there. */
export type ReaderState = {
  /** `all`, or the name of the one processor that reads by itself (added later, parked, or being rebuilt). */
  readonly reader: string
  /** The next offset to apply. */
  position: number
  /** `position` as the store has it: a commit holds only where that is still so. Null where the store has none. */
  kept: number | null
  /** Where this reader began: position - first = applied + duplicate + tooLate + foreign + lost. */
  first: number
  duplicate: number
  tooLate: number
  foreign: number
  /** Offsets that were gone before they could be read. */
  lost: number
  /** Records applied, by their type; their sum is what the ledger calls applied. */
  readonly counts: Map<string, number>
  /** Progress in milliseconds of market time, by source. */
  readonly progress: Map<string, number>
  /** The last `n` seen of each run. */
  readonly runs: Map<string, number>
  /** Runs whose `n` moved since the last commit. */
  readonly runsMoved: Set<string>
}

export type ClaimRequest = { readonly topic: string; readonly partition: number; readonly logId: string }

export type Claim = ClaimRequest & {
  readonly id: number
  /** Every commit for this partition is conditional on it: a later claim makes it void. */
  readonly epoch: number
  /** The log these positions belong to; another than `logId` where the log was replaced. */
  readonly knownLogId: string
  readonly readers: ReaderState[]
  /** Which reader each processor follows here. A processor that is not named has never read this partition. */
  readonly processors: ReadonlyMap<string, string>
}

/** A row as it is cached and written: its lineage is the partition and the range of offsets it was made from. */
export type Stored<Row> = { readonly row: Row; readonly firstOffset: number; readonly lastOffset: number }

export type RowWrite = {
  readonly key: Key
  readonly row: unknown
  readonly partition: number
  readonly firstOffset: number
  readonly lastOffset: number
}

export type FeedName = {
  readonly id: number
  readonly venue: string
  readonly source: string
  readonly product: string
}

export type PartitionCommit = {
  readonly id: number
  readonly epoch: number
  readonly logId: string
  readonly readers: readonly ReaderState[]
  /** Processors that changed their reader, and readers that ended. */
  readonly follow: readonly { readonly processor: string; readonly reader: string }[]
  readonly ended: readonly string[]
}

export type Commit = {
  readonly partitions: readonly PartitionCommit[]
  readonly feeds: readonly FeedName[]
  /** No key of a table twice. Read once, part by part, with others let run in between. */
  readonly rows: Iterable<{ readonly table: Table<unknown>; readonly writes: readonly RowWrite[] }>
  readonly outbox: readonly OutboxMessage[]
}

/** What a rebuild is asked for: one processor on one partition. */
export type RebuildRequest = { readonly processor: string; readonly partition: number }

export type PendingMessage = OutboxMessage & { readonly doneBy: readonly string[] }

export type Store = {
  /** Creates or migrates what the tables need, all in one transaction. */
  ensureTables(tables: readonly Table<unknown>[]): Promise<void>
  /** Raises each partition's epoch by one and answers its positions. What earlier epochs left of rebuilds is dropped. */
  claim(requests: readonly ClaimRequest[]): Promise<Claim[]>
  /** Rows by key, in the order of `keys`. */
  fetch(table: Table<unknown>, keys: readonly Key[]): Promise<(Stored<unknown> | undefined)[]>
  /** For tables kept by the second: the latest `startMs` at or after `fromMs` of every feed that has one. */
  latestStarts(table: Table<unknown>, fromMs: number): Promise<Map<number, number>>
  /**
   * All or nothing. Answers the partitions whose epoch is no longer ours, or whose readers do not stand where we left
   * them: if there are any, nothing was committed. Yields to the event loop at least every 15 ms.
   */
  commit(commit: Commit): Promise<{ readonly fenced: readonly number[] }>
  /** A reader's state as it was last committed. */
  readerState(partition: number, reader: string): Promise<ReaderState | undefined>
  /** An empty table; what it held before is gone. */
  freshTable(table: Table<unknown>): Promise<void>
  dropTable(table: Table<unknown>): Promise<void>
  /**
   * Puts `shadow`'s rows in the place of those that the partition made from nothing before `logStart`. Answers false, and
   * has done nothing, where the epoch is no longer ours.
   */
  swapShadow(
    table: Table<unknown>,
    shadow: Table<unknown>,
    owned: { readonly id: number; readonly epoch: number },
    logStart: number,
  ): Promise<boolean>
  /** Rows a rebuild would leave as they are, since part of what they were made from is no longer in the log. */
  countForRebuild(
    table: Table<unknown>,
    partition: number,
    logStart: number,
  ): Promise<{ kept: number; replaced: number }>

  /**
   * The log no longer holds, from `end` on, what rows of this partition were made from: their lineage becomes unknown (it
   * begins at -1), so that nothing takes them for rows of the present log.
   */
  forgetLineage(tables: readonly Table<unknown>[], partition: number, end: number): Promise<void>

  /** The settings that decide results, as text: another text means the tables would mix two meanings. */
  readonly settings: {
    get(): Promise<string | undefined>
    /** Keeps `text` where there is none yet. Answers what is kept. */
    keepFirst(text: string): Promise<string>
    set(text: string): Promise<void>
  }
  readonly outbox: {
    /** The oldest undelivered messages of these kinds. */
    pending(kinds: readonly OutboxMessage['kind'][], max: number): Promise<PendingMessage[]>
    /** `sink` has it. A message that all sinks have is kept as delivered, so that it is never made twice. */
    done(ids: readonly string[], sink: string, sinks: readonly string[]): Promise<void>
  }
  readonly requests: {
    /** What somebody wants rebuilt and is not yet. */
    rebuilds(): Promise<RebuildRequest[]>
    askRebuild(processor: string, partitions: readonly number[]): Promise<void>
    rebuilt(request: RebuildRequest): Promise<void>
  }
  /**
   * Drops one-second samples that are a day behind their own source's progress on their own partition. Bounded work, going
   * on where the last call ended: call it now and then.
   */
  applyRetention(): Promise<void>
  /** Reads for everybody, through the views. */
  readonly db: Kysely<Views>
  close(): Promise<void>
}

/**
 * An id that depends on the names alone (48 bits of SHA-256), so that the same log makes the same tables whatever order
 * the names were met in.
 */
export function idOf(...names: readonly (string | number)[]): number {
  return createHash('sha256').update(names.join('\n')).digest().readUIntBE(0, 6)
}

/** Where one rebuild collects its rows: a table of its own for every partition and epoch, so that no two owners share one. */
export function shadowOf(
  table: Table<unknown>,
  { id, epoch }: { id: number; epoch: number },
): Table<unknown> {
  return { ...table, name: `${table.name}_shadow_${id}_${epoch}` }
}

/** Whether `name` is a table of rows that a rebuild of an earlier epoch of this partition filled. */
export function isOldShadow(name: string, owned: { readonly id: number; readonly epoch: number }): boolean {
  const [, id, epoch] = /_shadow_(\d+)_(\d+)_rows$/.exec(name) ?? []
  return Number(id) === owned.id && Number(epoch) < owned.epoch
}

/** What a store does once a commit has landed: its readers now stand there. */
export function markKept({ partitions }: Commit): void {
  for (const { readers } of partitions) {
    for (const reader of readers) {
      reader.kept = reader.position
      reader.runsMoved.clear()
    }
  }
}

/** A reader that has read nothing yet. */
export function freshReader(reader: string, position: number): ReaderState {
  const counters = { kept: null, duplicate: 0, tooLate: 0, foreign: 0, lost: 0 }
  const maps = { counts: new Map(), progress: new Map(), runs: new Map(), runsMoved: new Set<string>() }
  return { reader, position, first: position, ...counters, ...maps }
}

/** What a reader counts, as JSON text and back. */
export function mapOf(json: string): Map<string, number> {
  return new Map(Object.entries(JSON.parse(json) as Record<string, number>))
}

/** Keys in order, so that equal maps are equal text. */
export function textOf(map: ReadonlyMap<string, number>): string {
  return JSON.stringify(Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1))))
}
