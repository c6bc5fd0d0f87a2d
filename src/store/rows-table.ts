import type { RowWrite, Stored } from './store.ts'
import { type Column, rowFromSql, rowToSql, type SqlValue, snakeCase, type Table } from './table.ts'

/**
 * What a table of rows is called and holds, in either database. Tables are made from the processors' own descriptions; a
 * name ends in `_rows`, the name without it is the view that people read.
 */
export const LINEAGE_COLUMNS = ['partition_id', 'first_offset', 'last_offset'] as const

export function rowsTable(name: string): string {
  return `${name}_rows`
}

/** A table's columns, lineage last. */
export function columnNames(table: Table<unknown>): string[] {
  return [...table.columns.map(({ name }) => snakeCase(name)), ...LINEAGE_COLUMNS]
}

export function keyNames(table: Table<unknown>): string[] {
  return table.key.map(snakeCase)
}

/** What the views look up besides keys, in tables that are seldom written. */
const INDEXES: Readonly<Record<string, string>> = {
  watches: 'feed, partition, run, from_ms',
  holes: 'feed, partition_id, run, from_ms, to_ms',
}

/** The DDL of a table's index, where it has one; nothing is written where it exists. */
export function indexDdl({ name }: Table<unknown>): string {
  const columns = INDEXES[name]
  return columns === undefined
    ? ''
    : `CREATE INDEX IF NOT EXISTS ${name}_by_line ON ${rowsTable(name)}(${columns})`
}

/**
 * The columns that a table made as `existing` says lacks, where it differs from `table` in nothing else and they may be null
 * in every row that is there; undefined where it has another shape. `ddlOf` writes a table as `existing` was written.
 */
export function columnsLacking(
  table: Table<unknown>,
  existing: string,
  ddlOf: (table: Table<unknown>) => string,
): Column<unknown>[] | undefined {
  const lacking = table.columns.filter(
    ({ name, nullable }) => nullable && !existing.includes(`\n  ${snakeCase(name)} `),
  )
  const before = { ...table, columns: table.columns.filter((column) => !lacking.includes(column)) }
  return lacking.length > 0 && ddlOf(before) === existing ? lacking : undefined
}

/** A write's values in the order of `columnNames`, appended to `into`. */
export function writeToSql(table: Table<unknown>, write: RowWrite, into: SqlValue[]): void {
  rowToSql(table, write.row, into)
  into.push(write.partition, write.firstOffset, write.lastOffset)
}

/** A row with its lineage from values in the order of `columnNames`. */
export function storedFromSql(table: Table<unknown>, values: readonly SqlValue[]): Stored<unknown> {
  const [firstOffset, lastOffset] = values.slice(table.columns.length + 1) as [number, number]
  return { row: rowFromSql(table, values), firstOffset, lastOffset }
}
