import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import type { OutboxMessage } from '../models/outbox-message.ts'
import { BEFORE_ALL_SAMPLES } from './old-samples.ts'
import { letOthersRun, pacer } from './pacer.ts'
import { rowsTable, storedFromSql, writeToSql } from './rows-table.ts'
import { openStoreFile, storageError } from './sqlite/file.ts'
import { ReaderTables } from './sqlite/readers.ts'
import { replaceSql, selectByKeySql, tableDdl } from './sqlite/schema.ts'
import { dropOldSamples, dropShadows, ensureTables, forgetLineage, swapShadow } from './sqlite/tables.ts'
import {
  type Claim,
  type ClaimRequest,
  type Commit,
  markKept,
  type PendingMessage,
  type RebuildRequest,
  type RowWrite,
  type Store,
  type Stored,
} from './store.ts'
import { type Key, type SqlValue, storable, type Table } from './table.ts'
import type { Views } from './views.ts'

/** Rows a statement carries; more gain nothing and cost preparing. */
const ROWS_A_STATEMENT = 24

type AnyTable = Table<unknown>
type TableStatements = {
  readonly many: Database.Statement
  readonly one: Database.Statement
  readonly byKey: Database.Statement
}

export type SqliteStoreOptions = {
  /** The file, or `:memory:` for tests (then `db` reads through the writing connection). */
  readonly file: string
  readonly monotonicMs: () => number
}

/** The embedded store. One process writes rows; any number of processes read. */
export function openSqliteStore({ file, monotonicMs }: SqliteStoreOptions): Store {
  const writer = openStoreFile(file)
  const reads = file === ':memory:' ? writer : new Database(file, { readonly: true, timeout: 10_000 })
  const db = new Kysely<Views>({ dialect: new SqliteDialect({ database: reads }) })
  const readers = new ReaderTables(writer)
  const statements = new Map<string, TableStatements>()
  let queue: Promise<unknown> = Promise.resolve()
  let samplesFrom = BEFORE_ALL_SAMPLES

  /** One writer at a time: a commit yields while its transaction is open, and nobody else may slip into it. */
  function exclusively<T>(work: () => T | Promise<T>): Promise<T> {
    const run = queue.then(async () => {
      try {
        return await work()
      } catch (error) {
        if (writer.inTransaction) writer.exec('ROLLBACK')
        throw storageError(error, file)
      }
    })
    queue = run.catch(() => undefined)
    return run
  }

  function statementsOf(table: AnyTable): TableStatements {
    const known = statements.get(table.name)
    if (known !== undefined) return known
    const made = {
      many: writer.prepare(replaceSql(table, ROWS_A_STATEMENT)),
      one: writer.prepare(replaceSql(table, 1)),
      byKey: writer.prepare(selectByKeySql(table)).raw(),
    }
    statements.set(table.name, made)
    return made
  }

  async function writeRows(
    table: AnyTable,
    writes: readonly RowWrite[],
    pace: () => Promise<void> | undefined,
  ): Promise<void> {
    const { many, one } = statementsOf(table)
    let at = 0
    for (; at + ROWS_A_STATEMENT <= writes.length; at += ROWS_A_STATEMENT) {
      const values: SqlValue[] = []
      for (let i = at; i < at + ROWS_A_STATEMENT; i++) writeToSql(table, writes[i]!, values)
      many.run(values)
      const wait = pace()
      if (wait !== undefined) await wait
    }
    for (; at < writes.length; at++) {
      const values: SqlValue[] = []
      writeToSql(table, writes[at]!, values)
      one.run(values)
    }
  }

  const insertFeed = writer.prepare(
    'INSERT INTO feeds(id, venue, source, product) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  )
  const insertMessage = writer.prepare(
    'INSERT INTO outbox(id, kind, payload) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  )

  async function commitAll(commit: Commit): Promise<{ fenced: readonly number[] }> {
    writer.exec('BEGIN IMMEDIATE')
    const fenced = commit.partitions.filter((partition) => !readers.write(partition)).map(({ id }) => id)
    if (fenced.length > 0) {
      writer.exec('ROLLBACK')
      return { fenced }
    }
    const pace = pacer(monotonicMs)
    for (const { id, venue, source, product } of commit.feeds) {
      insertFeed.run(id, venue, source, product)
      await pace()
    }
    for (const { table, writes } of commit.rows) {
      await writeRows(table, writes, pace)
      await pace()
    }
    for (const message of commit.outbox)
      insertMessage.run(message.id, message.kind, JSON.stringify(message.payload))
    await letOthersRun()
    writer.exec('COMMIT')
    await letOthersRun()
    markKept(commit)
    return { fenced: [] }
  }

  function settingsText(): string | undefined {
    return writer.prepare(`SELECT value FROM meta WHERE name = 'settings'`).pluck().get() as
      | string
      | undefined
  }

  return {
    db,
    ensureTables: (tables) =>
      exclusively(() => {
        writer.transaction(() => ensureTables(writer, tables)).immediate()
      }),
    claim: (requests: readonly ClaimRequest[]): Promise<Claim[]> =>
      exclusively(() =>
        writer
          .transaction(() =>
            requests.map((request) => {
              const claim = readers.claim(request)
              dropShadows(writer, claim)
              return claim
            }),
          )
          .immediate(),
      ),
    fetch: (table, keys) =>
      exclusively(() => keys.map((key) => fetchRow(statementsOf(table).byKey, table, key))),
    latestStarts: (table, fromMs) =>
      exclusively(() => {
        const sql = `SELECT feed, max(start_ms) FROM ${rowsTable(table.name)} WHERE start_ms >= ? GROUP BY feed`
        return new Map(writer.prepare(sql).raw().all(fromMs) as [number, number][])
      }),
    commit: (commit) => exclusively(() => commitAll(commit)),
    readerState: (partition, reader) =>
      exclusively(() => readers.readers(partition).find((state) => state.reader === reader)),
    freshTable: (table) =>
      exclusively(() => {
        statements.delete(table.name)
        writer.exec(`DROP TABLE IF EXISTS ${rowsTable(table.name)}; ${tableDdl(table)}`)
      }),
    dropTable: (table) =>
      exclusively(() => {
        statements.delete(table.name)
        writer.exec(`DROP TABLE IF EXISTS ${rowsTable(table.name)}`)
      }),
    swapShadow: (table, shadow, { id, epoch }, logStart) =>
      exclusively(() =>
        writer
          .transaction(() => {
            if (!readers.touch(id, epoch)) return false
            swapShadow(writer, table, shadow, id, logStart)
            return true
          })
          .immediate(),
      ),
    countForRebuild: (table, partition, logStart) =>
      exclusively(() => {
        const count = `SELECT count(*) FROM ${rowsTable(table.name)} WHERE partition_id = ? AND first_offset`
        const of = (comparison: string) =>
          writer.prepare(`${count} ${comparison} ?`).pluck().get(partition, logStart) as number
        return { kept: of('<'), replaced: of('>=') }
      }),
    forgetLineage: (tables, partition, end) =>
      exclusively(() => {
        writer
          .transaction(() => {
            for (const table of tables) forgetLineage(writer, table, partition, end)
          })
          .immediate()
      }),
    settings: {
      get: () => exclusively(settingsText),
      keepFirst: (text) =>
        exclusively(() => {
          writer.prepare(`INSERT INTO meta VALUES ('settings', ?) ON CONFLICT DO NOTHING`).run(text)
          return settingsText() ?? text
        }),
      set: (text) =>
        exclusively(() => {
          const sql = `INSERT INTO meta VALUES ('settings', ?) ON CONFLICT DO UPDATE SET value = excluded.value`
          writer.prepare(sql).run(text)
        }),
    },
    outbox: {
      pending: (kinds, max) => exclusively(() => pendingMessages(writer, kinds, max)),
      done: (ids, sink, sinks) =>
        exclusively(() => {
          writer
            .transaction(() => {
              for (const id of ids) markDone(writer, id, sink, sinks)
            })
            .immediate()
        }),
    },
    requests: {
      rebuilds: () =>
        exclusively(() => {
          const sql = 'SELECT processor, partition FROM rebuild_requests ORDER BY processor, partition'
          return writer.prepare(sql).all() as RebuildRequest[]
        }),
      askRebuild: (processor, partitions) =>
        exclusively(() => {
          const ask = writer.prepare('INSERT INTO rebuild_requests VALUES (?, ?) ON CONFLICT DO NOTHING')
          writer.transaction(() => {
            for (const partition of partitions) ask.run(processor, partition)
          })()
        }),
      rebuilt: ({ processor, partition }) =>
        exclusively(() => {
          const sql = 'DELETE FROM rebuild_requests WHERE processor = ? AND partition = ?'
          writer.prepare(sql).run(processor, partition)
        }),
    },
    applyRetention: () =>
      exclusively(() => {
        samplesFrom = dropOldSamples(writer, samplesFrom)
      }),
    close: async () => {
      await queue
      await db.destroy()
      if (writer.open) writer.close()
    },
  }
}

function fetchRow(statement: Database.Statement, table: AnyTable, key: Key): Stored<unknown> | undefined {
  const values = statement.get(key.map(storable)) as SqlValue[] | undefined
  return values === undefined ? undefined : storedFromSql(table, values)
}

function pendingMessages(db: Database.Database, kinds: readonly string[], max: number): PendingMessage[] {
  const sql = `SELECT id, kind, payload, done_by FROM outbox WHERE delivered = 0 AND kind IN (${kinds.map(() => '?').join(',')}) ORDER BY rowid LIMIT ?`
  const rows = db
    .prepare(sql)
    .raw()
    .all(...kinds, max)
  return (rows as [string, OutboxMessage['kind'], string, string][]).map(([id, kind, payload, doneBy]) => ({
    id,
    kind,
    payload: JSON.parse(payload) as unknown,
    doneBy: JSON.parse(doneBy) as string[],
  }))
}

function markDone(db: Database.Database, id: string, sink: string, sinks: readonly string[]): void {
  const doneBy = new Set(
    JSON.parse(
      (db.prepare('SELECT done_by FROM outbox WHERE id = ?').pluck().get(id) as string | undefined) ?? '[]',
    ) as string[],
  )
  doneBy.add(sink)
  // What everybody has is kept by its id alone: a record that was rejected may weigh a megabyte.
  const isDelivered = sinks.every((name) => doneBy.has(name))
  const payload = isDelivered ? `, delivered = 1, payload = 'null'` : ''
  db.prepare(`UPDATE outbox SET done_by = ?${payload} WHERE id = ?`).run(JSON.stringify([...doneBy]), id)
}
