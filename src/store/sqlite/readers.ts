import type Database from 'better-sqlite3'
import { READER_COLUMNS, type ReaderRow, readerFrom } from '../reader-row.ts'
import {
  type Claim,
  type ClaimRequest,
  idOf,
  type PartitionCommit,
  type ReaderState,
  textOf,
} from '../store.ts'

/** Positions, epochs and what readers know: the bookkeeping half of a commit. Called inside transactions only. */
export class ReaderTables {
  readonly #db: Database.Database

  constructor(db: Database.Database) {
    this.#db = db
  }

  claim(request: ClaimRequest): Claim {
    const id = idOf(request.topic, request.partition)
    const known = this.#db.prepare('SELECT log_id, epoch FROM partitions WHERE id = ?').raw().get(id) as
      | [string, number]
      | undefined
    const epoch = (known?.[1] ?? 0) + 1
    this.#db
      .prepare(
        `INSERT INTO partitions(id, topic, partition, log_id, epoch) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT(id) DO UPDATE SET epoch = excluded.epoch`,
      )
      .run(id, request.topic, request.partition, request.logId, epoch)
    const follows = this.#db
      .prepare('SELECT processor, reader FROM processors WHERE partition = ?')
      .raw()
      .all(id) as [string, string][]
    return {
      ...request,
      id,
      epoch,
      knownLogId: known?.[0] ?? request.logId,
      readers: this.readers(id),
      processors: new Map(follows),
    }
  }

  readers(partition: number): ReaderState[] {
    const rows = this.#db
      .prepare(`SELECT ${READER_COLUMNS} FROM readers WHERE partition = ?`)
      .raw()
      .all(partition) as ReaderRow[]
    const runs = this.#db
      .prepare('SELECT run, last_n FROM reader_runs WHERE partition = ? AND reader = ?')
      .raw()
    return rows.map((row) => readerFrom(row, runs.all(partition, row[0]) as [string, number][]))
  }

  /** Whether nobody has claimed the partition since. Also says to whoever looks that something changed there. */
  touch(id: number, epoch: number): boolean {
    const sql = 'UPDATE partitions SET version = version + 1 WHERE id = ? AND epoch = ?'
    return this.#db.prepare(sql).run(id, epoch).changes === 1
  }

  /**
   * Moves the readers of a partition. Answers false where the epoch is no longer ours, or a reader does not stand where we
   * left it: the transaction is then to be rolled back.
   */
  write({ id, epoch, logId, readers, follow, ended }: PartitionCommit): boolean {
    if (!this.touch(id, epoch)) return false
    this.#db.prepare('UPDATE partitions SET log_id = ? WHERE id = ?').run(logId, id)
    for (const reader of ended) this.#end(id, reader)
    const positionOf = this.#db
      .prepare('SELECT position FROM readers WHERE partition = ? AND reader = ?')
      .pluck()
    if (readers.some(({ reader, kept }) => (positionOf.get(id, reader) ?? null) !== kept)) return false
    for (const reader of readers) this.#writeReader(id, reader)
    const link = this.#db.prepare(
      'INSERT INTO processors VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET reader = excluded.reader',
    )
    for (const { processor, reader } of follow) link.run(id, processor, reader)
    return true
  }

  #writeReader(partition: number, state: ReaderState): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO readers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        partition,
        state.reader,
        state.position,
        state.first,
        state.duplicate,
        state.tooLate,
        state.foreign,
        state.lost,
        textOf(state.counts),
        textOf(state.progress),
      )
    const upsert = this.#db.prepare(
      'INSERT INTO reader_runs VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET last_n = excluded.last_n',
    )
    for (const run of state.runsMoved) upsert.run(partition, state.reader, run, state.runs.get(run))
  }

  #end(partition: number, reader: string): void {
    this.#db.prepare('DELETE FROM readers WHERE partition = ? AND reader = ?').run(partition, reader)
    this.#db.prepare('DELETE FROM reader_runs WHERE partition = ? AND reader = ?').run(partition, reader)
    this.#db.prepare('DELETE FROM processors WHERE partition = ? AND reader = ?').run(partition, reader)
  }
}
