import type Database from 'better-sqlite3'
import { EngineError } from '../../models/engine-error.ts'
import { BEFORE_ALL_SAMPLES, dropOld, endOfLook, LAST_HORIZON_MS, type SamplePlace } from '../old-samples.ts'
import { columnNames, columnsLacking, indexDdl, rowsTable } from '../rows-table.ts'
import { isOldShadow } from '../store.ts'
import type { Table } from '../table.ts'
import { tableDdl } from './schema.ts'
import { VIEWS } from './views.ts'

/** Tables as wholes: made, checked, exchanged, thinned out. Called inside transactions. */

type AnyTable = Table<unknown>

export function ensureTables(db: Database.Database, tables: readonly AnyTable[]): void {
  const known = new Map(db.prepare('SELECT name, sql FROM sqlite_master').raw().all() as [string, string][])
  for (const table of tables) {
    const ddl = tableDdl(table)
    const existing = known.get(rowsTable(table.name))
    if (existing === undefined) db.exec(ddl)
    else if (existing !== ddl) widen(db, table, existing, known)
    db.exec(indexDdl(table))
  }
  for (const [name, select] of Object.entries(VIEWS)) {
    const ddl = `CREATE VIEW ${name} AS ${select}`
    if (known.get(name) === ddl) continue
    db.exec(`DROP VIEW IF EXISTS ${name}`)
    db.exec(ddl)
  }
}

/** Makes a table anew with the columns it lacks; its rows stay. Views stand in the way, and are made again after it. */
function widen(db: Database.Database, table: AnyTable, existing: string, known: Map<string, string>): void {
  const lacking = columnsLacking(table, existing, tableDdl)
  if (lacking === undefined) throw otherShape(table.name)
  for (const view of Object.keys(VIEWS)) {
    db.exec(`DROP VIEW IF EXISTS ${view}`)
    known.delete(view)
  }
  const rows = rowsTable(table.name)
  const kept = columnNames({ ...table, columns: table.columns.filter((column) => !lacking.includes(column)) })
  db.exec(`ALTER TABLE ${rows} RENAME TO ${rows}_before`)
  db.exec(tableDdl(table))
  db.exec(`INSERT INTO ${rows}(${kept.join(', ')}) SELECT ${kept.join(', ')} FROM ${rows}_before`)
  db.exec(`DROP TABLE ${rows}_before`)
}

function otherShape(name: string): EngineError {
  return new EngineError(
    'store-fingerprint',
    `the table ${name} in this store has other columns than this version writes`,
    {
      hint: 'move store.db away and start again: the tables are made anew from the log',
    },
  )
}

/** Rows whose input began before the log's present start stay as they are; all others come from the shadow. */
export function swapShadow(
  db: Database.Database,
  table: AnyTable,
  shadow: AnyTable,
  partition: number,
  logStart: number,
): void {
  const [rows, made] = [rowsTable(table.name), rowsTable(shadow.name)]
  db.prepare(`DELETE FROM ${rows} WHERE partition_id = ? AND first_offset >= ?`).run(partition, logStart)
  const names = columnNames(table).join(',')
  db.prepare(
    `INSERT INTO ${rows}(${names}) SELECT ${names} FROM ${made} WHERE partition_id = ? ON CONFLICT DO NOTHING`,
  ).run(partition)
}

/** What rebuilds of earlier owners of the partition have left. */
export function dropShadows(db: Database.Database, owned: { id: number; epoch: number }): void {
  const names = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%_shadow_%'`)
  for (const name of names.pluck().all() as string[]) {
    if (isOldShadow(name, owned)) db.exec(`DROP TABLE ${name}`)
  }
}

export function forgetLineage(db: Database.Database, table: AnyTable, partition: number, end: number): void {
  db.prepare(
    `UPDATE ${rowsTable(table.name)} SET first_offset = -1, last_offset = ? WHERE partition_id = ? AND last_offset >= ?`,
  ).run(end - 1, partition, end)
}

/** Drops what is old of the samples behind `from`, so many at a call. Answers where to look on. */
export function dropOldSamples(db: Database.Database, from: SamplePlace): SamplePlace {
  const has = db.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'mid_price_rows'`).pluck().get()
  if (has === undefined) return from
  const horizonMs = db.prepare(LAST_HORIZON_MS).pluck().get() as number | null
  if (horizonMs === null) return from
  const to = db.prepare(endOfLook(from, horizonMs)).raw().get() as [number, number] | undefined
  db.prepare(dropOld(from, horizonMs)).run()
  return to ?? BEFORE_ALL_SAMPLES
}
