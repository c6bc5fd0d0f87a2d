import { compare, type Decimal, decimalOf, formatDecimal } from '../models/decimal.ts'

/**
 * A table is typed columns and a key; it says how a row of ours becomes SQL values and back. Rows carry camelCase
 * properties, tables the same names in snake_case, key first.
 *
 * decimal: exact, canonical text in SQLite (views show the nearest double beside it as `<name>_real`), `numeric` in PostgreSQL.
 */
export type ColumnType = 'integer' | 'decimal' | 'text' | 'json'

export type Column<Row> = {
  readonly name: string
  readonly type: ColumnType
  readonly nullable: boolean
  /** A column made from the others when the row is written; it is never read back. */
  readonly derive?: (row: Row) => Decimal | number | string | null
}

export type KeyValue = number | string
export type Key = readonly KeyValue[]

export type Table<Row> = {
  readonly name: string
  /** Names of the key's columns, in the order of the primary key; the same properties stand in every row. */
  readonly key: readonly (keyof Row & string)[]
  readonly columns: readonly Column<Row>[]
}

export type SqlValue = number | string | null

type Spec<Row> = { [Name in keyof Row]-?: ColumnSpec }
type ColumnSpec = ColumnType | `${ColumnType}?`

/**
 * Describes a table: one line a column, `?` where it may be null; `derived` columns come after.
 *
 * @example table<Row>('best_prices', ['feed', 'windowMs', 'startMs'], { feed: 'integer', ..., highestBid: 'decimal?' })
 */
export function table<Row extends object>(
  name: string,
  key: readonly (keyof Row & string)[],
  spec: Spec<Row>,
  derived: Readonly<
    Record<string, readonly [ColumnSpec, (row: Row) => Decimal | number | string | null]>
  > = {},
): Table<Row> {
  const own = Object.entries<ColumnSpec>(spec as Record<string, ColumnSpec>).map(([column, about]) =>
    columnOf<Row>(column, about),
  )
  const made = Object.entries(derived).map(([column, [about, derive]]) => ({
    ...columnOf<Row>(column, about),
    derive,
  }))
  const keyFirst = [
    ...key.map((column) => own.find((c) => c.name === column)!),
    ...own.filter((c) => !key.includes(c.name as never)),
  ]
  return { name, key, columns: [...keyFirst, ...made] }
}

function columnOf<Row>(name: string, spec: ColumnSpec): Column<Row> {
  const nullable = spec.endsWith('?')
  return { name, type: (nullable ? spec.slice(0, -1) : spec) as ColumnType, nullable }
}

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** The row's values in the order of `table.columns`, appended to `into`. Decimals are written here, once a write. */
export function rowToSql<Row>(source: Table<Row>, row: Row, into: SqlValue[]): void {
  const { columns } = source
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i]!
    const value = column.derive === undefined ? row[column.name as keyof Row] : column.derive(row)
    if (value === null || value === undefined) into.push(null)
    else if (column.type === 'decimal') into.push(formatDecimal(value as Decimal))
    else if (column.type === 'json') into.push(storableJson(JSON.stringify(value)))
    else into.push(storable(value as number | string))
  }
}

/** Halves of surrogate pairs, which are no text, and NUL, which no PostgreSQL can hold. */
const UNSTORABLE = /[\0\p{Surrogate}]/u
const EVERY_UNSTORABLE = new RegExp(UNSTORABLE, 'gu')

/** A value as both databases hold it alike: what PostgreSQL's text could not is replaced. Keys are looked up by it, too. */
export function storable<Value extends KeyValue>(value: Value): Value
export function storable(value: KeyValue): KeyValue {
  if (typeof value !== 'string' || !UNSTORABLE.test(value)) return value
  return value.replace(EVERY_UNSTORABLE, '\ufffd')
}

/** JSON in which the escapes of the same characters are replaced: PostgreSQL can keep them, but not look inside. */
function storableJson(json: string): string {
  if (!json.includes('\\u')) return json
  return json.replace(/(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g, '$1\ufffd')
}

/** The row again from values in the order of `table.columns`. */
export function rowFromSql<Row>(source: Table<Row>, values: readonly SqlValue[]): Row {
  const row: Record<string, unknown> = {}
  source.columns.forEach((column, i) => {
    if (column.derive !== undefined) return
    const value = values[i] ?? null
    if (value === null) row[column.name] = null
    else if (column.type === 'decimal') row[column.name] = decimalOf(String(value))
    else if (column.type === 'json') row[column.name] = JSON.parse(value as string)
    else row[column.name] = value
  })
  return row as Row
}

/** For tests and checks: whether two rows are worth the same, column by column. */
export function sameRow<Row>(source: Table<Row>, a: Row, b: Row): boolean {
  return source.columns.every(({ name, type, derive }) => {
    if (derive !== undefined) return true
    const [x, y] = [a[name as keyof Row], b[name as keyof Row]]
    if (type === 'decimal' && x !== null && y !== null) return compare(x as Decimal, y as Decimal) === 0
    return type === 'json' ? JSON.stringify(x) === JSON.stringify(y) : x === y
  })
}
