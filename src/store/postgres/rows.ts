import { columnNames, writeToSql } from '../rows-table.ts'
import type { Commit, RowWrite } from '../store.ts'
import { type Column, type Key, type SqlValue, storable, type Table } from '../table.ts'
import { type Statement, upsertRows } from './schema.ts'

/**
 * Rows a statement carries: half of it is slower, twice of it no faster, and holds the event loop for two milliseconds. A
 * statement ends sooner where its rows are heavy: one rejection may weigh a megabyte.
 */
const BATCH_ROWS = 1_000
const BATCH_CHARS = 4_000_000

type AnyTable = Table<unknown>

/** One statement with its values: an array literal a column. */
export type Batch = { readonly statement: Statement; readonly values: readonly string[] }

type OpenBatch = {
  readonly table: AnyTable
  /** The elements of each column's array, as they are to be written. */
  readonly columns: (number | string)[][]
  rows: number
  chars: number
}

/** The rows of a commit in as few statements as may be, whatever the parts they come in. */
export function* batchesOf(parts: Commit['rows']): Generator<Batch> {
  const open = new Map<string, OpenBatch>()
  for (const { table, writes } of parts) {
    for (const write of writes) {
      let batch = open.get(table.name)
      if (batch === undefined) {
        batch = openBatch(table)
        open.set(table.name, batch)
      }
      add(batch, write)
      if (batch.rows < BATCH_ROWS && batch.chars < BATCH_CHARS) continue
      open.delete(table.name)
      yield closed(batch)
    }
  }
  for (const batch of open.values()) yield closed(batch)
}

/** What was read of an iterable that can be read but once, kept so that it can be gone through again. */
export class Replay<T> {
  readonly #source: Iterator<T>
  readonly #read: T[] = []

  constructor(source: Iterable<T>) {
    this.#source = source[Symbol.iterator]()
  }

  *[Symbol.iterator](): Generator<T> {
    yield* this.#read
    for (let next = this.#source.next(); next.done !== true; next = this.#source.next()) {
      this.#read.push(next.value)
      yield next.value
    }
  }
}

function openBatch(table: AnyTable): OpenBatch {
  return { table, columns: columnNames(table).map(() => []), rows: 0, chars: 0 }
}

/** Of the write that is being added; one array for all of them. */
const values: SqlValue[] = []

function add(batch: OpenBatch, write: RowWrite): void {
  const { table, columns } = batch
  values.length = 0
  writeToSql(table, write, values)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (typeof value === 'number') columns[i]!.push(value)
    else {
      const text = element(value, table.columns[i]!)
      columns[i]!.push(text)
      batch.chars += text.length
    }
  }
  batch.rows++
}

/** Joined only here: a thousand pieces put together one by one leave most of their work to the garbage collector. */
function closed({ table, columns }: OpenBatch): Batch {
  return { statement: upsertRows(table), values: columns.map((elements) => `{${elements.join(',')}}`) }
}

/** A text as it stands in an array literal. A decimal needs no quotes; nothing else may go without. */
function element(value: string | null, { type }: Column<unknown>): string {
  if (value === null) return 'NULL'
  if (type === 'decimal') return value
  return /["\\]/.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : `"${value}"`
}

/** Keys as the arrays that `selectByKeys` takes, one a key column. */
export function keyArrays(table: AnyTable, keys: readonly Key[]): (number | string)[][] {
  return table.key.map((_, column) => keys.map((key) => storable(key[column]!)))
}
