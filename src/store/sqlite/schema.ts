import { columnNames, keyNames, LINEAGE_COLUMNS, rowsTable } from '../rows-table.ts'
import { type Column, snakeCase, type Table } from '../table.ts'

/**
 * What a store file looks like. Row tables are STRICT and WITHOUT ROWID: small rows, looked up and replaced by key.
 */

/** "Tide" in ASCII: tells our store from any other SQLite file. */
export const STORE_APPLICATION_ID = 0x54696465
export const STORE_VERSION = 2

export const BOOKKEEPING_DDL = `
  CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE feeds(id INTEGER PRIMARY KEY, venue TEXT NOT NULL, source TEXT NOT NULL, product TEXT NOT NULL) STRICT;
  CREATE UNIQUE INDEX feeds_by_name ON feeds(venue, source, product);
  CREATE TABLE partitions(
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, log_id TEXT NOT NULL, epoch INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE readers(
    partition INTEGER NOT NULL, reader TEXT NOT NULL, position INTEGER NOT NULL, first INTEGER NOT NULL,
    duplicate INTEGER NOT NULL, too_late INTEGER NOT NULL, foreign_records INTEGER NOT NULL, lost INTEGER NOT NULL,
    counts TEXT NOT NULL, progress TEXT NOT NULL, PRIMARY KEY(partition, reader)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE reader_runs(
    partition INTEGER NOT NULL, reader TEXT NOT NULL, run TEXT NOT NULL, last_n INTEGER NOT NULL,
    PRIMARY KEY(partition, reader, run)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE processors(
    partition INTEGER NOT NULL, processor TEXT NOT NULL, reader TEXT NOT NULL, PRIMARY KEY(partition, processor)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE outbox(
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL, done_by TEXT NOT NULL DEFAULT '[]', delivered INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX outbox_pending ON outbox(delivered) WHERE delivered = 0;
  CREATE TABLE rebuild_requests(
    processor TEXT NOT NULL, partition INTEGER NOT NULL, PRIMARY KEY(processor, partition)
  ) STRICT, WITHOUT ROWID;
`

/** Rebuilds collect their rows under other names now: what one that was cut short has left is nobody's. */
const SHADOWS_OF_VERSION_1 = [
  'best_prices',
  'max_spread',
  'mid_price',
  'top_of_book',
  'runs',
  'watches',
  'holes',
  'rejections',
  'rejection_digests',
  'insights',
]

/** What makes a store of the version before into one of this: `MIGRATIONS[1]` of version 1 makes version 2. */
export const MIGRATIONS: Readonly<Record<number, string>> = {
  // A rebuild is asked for by partition, and every commit raises the version of the partitions it touches.
  1: `
    CREATE TABLE rebuild_requests_2(
      processor TEXT NOT NULL, partition INTEGER NOT NULL, PRIMARY KEY(processor, partition)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO rebuild_requests_2 SELECT q.processor, w.partition
      FROM rebuild_requests q JOIN processors w ON w.processor = q.processor;
    DROP TABLE rebuild_requests;
    ALTER TABLE rebuild_requests_2 RENAME TO rebuild_requests;
    ALTER TABLE partitions ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
    ${SHADOWS_OF_VERSION_1.map((name) => `DROP TABLE IF EXISTS ${name}_shadow_rows;`).join(' ')}
  `,
}

/** The DDL of one table of rows. */
export function tableDdl(table: Table<unknown>): string {
  const columns = table.columns.map(columnDdl)
  const lineage = LINEAGE_COLUMNS.map((name) => `${name} INTEGER NOT NULL`)
  const key = keyNames(table).join(', ')
  return `CREATE TABLE ${rowsTable(table.name)}(\n  ${[...columns, ...lineage, `PRIMARY KEY(${key})`].join(',\n  ')}\n) STRICT, WITHOUT ROWID`
}

function columnDdl(column: Column<unknown>): string {
  const type = column.type === 'integer' ? 'INTEGER' : 'TEXT'
  return `${snakeCase(column.name)} ${type}${column.nullable ? '' : ' NOT NULL'}`
}

/** Writes `rows` whole rows at once. On a table whose one index is its key, REPLACE overwrites in place: no look first. */
export function replaceSql(table: Table<unknown>, rows: number): string {
  const names = columnNames(table)
  const values = Array.from({ length: rows }, () => `(${names.map(() => '?').join(',')})`).join(',')
  return `INSERT OR REPLACE INTO ${rowsTable(table.name)}(${names.join(',')}) VALUES ${values}`
}

export function selectByKeySql(table: Table<unknown>): string {
  const names = columnNames(table)
  const where = keyNames(table)
    .map((name) => `${name} = ?`)
    .join(' AND ')
  return `SELECT ${names.join(',')} FROM ${rowsTable(table.name)} WHERE ${where}`
}
