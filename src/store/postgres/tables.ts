import { EngineError } from '../../models/engine-error.ts'
import { BEFORE_ALL_SAMPLES, dropOld, endOfLook, LAST_HORIZON_MS, type SamplePlace } from '../old-samples.ts'
import { columnNames, columnsLacking, indexDdl, rowsTable } from '../rows-table.ts'
import { isOldShadow } from '../store.ts'
import type { Table } from '../table.ts'
import type { Transaction } from './connection.ts'
import {
  BOOKKEEPING_DDL,
  BOOKKEEPING_TABLES,
  columnDdl,
  STORE_MARK,
  STORE_VERSION,
  tableDdl,
} from './schema.ts'
import { readsOf, VIEWS } from './views.ts'

/** Tables as wholes: made, checked, exchanged, thinned out. Called inside transactions. */

/** "Tide" in ASCII, and the schema: whoever makes tables holds this lock, so that two who start at once do it in turn. */
const MAKE_LOCK = `SELECT pg_advisory_xact_lock(${0x54696465}, current_schema()::regnamespace::oid::int)`

type AnyTable = Table<unknown>

/** Makes the store where there is none. Tables of others, or of a newer version, are said and left alone. */
export async function ensureStore(tx: Transaction, place: string): Promise<void> {
  const { rows } = await tx.run('SELECT current_schema()')
  const schema = rows[0]![0]
  if (schema === null) {
    throw new EngineError('bad-config', `there is no schema to keep tables in at ${place}`, {
      hint: 'create the schema that the search_path names, or use public',
    })
  }
  await tx.run(MAKE_LOCK)
  const there = await relations(tx)
  if (!there.has('meta')) {
    const taken = BOOKKEEPING_TABLES.find((name) => there.has(name))
    if (taken !== undefined) throw foreign(taken, `${place}, schema ${schema}`)
    await tx.run(BOOKKEEPING_DDL)
    return
  }
  const mark = await tx.run(`SELECT obj_description('meta'::regclass, 'pg_class')`)
  if (mark.rows[0]![0] !== STORE_MARK) throw foreign('meta', `${place}, schema ${schema}`)
  const version = Number((await metaOf(tx, 'version')).get('version'))
  if (version > STORE_VERSION) {
    throw new EngineError(
      'store-newer',
      `the tables at ${place} were made by a newer version (their format is ${version}, ours ${STORE_VERSION})`,
      { hint: 'run the newer version, or let this one make them anew from the log in another database' },
    )
  }
}

/** Tables, indexes and views. What a view reads may be made later: then the view is, too. */
export async function ensureTables(tx: Transaction, tables: readonly AnyTable[]): Promise<void> {
  await tx.run(MAKE_LOCK)
  const there = await relations(tx)
  const made = await metaOf(tx, 'table:%')
  for (const table of tables) {
    const [name, ddl] = [rowsTable(table.name), tableDdl(table)]
    if (!there.has(name)) {
      await tx.run(ddl)
      await keepMeta(tx, `table:${name}`, ddl)
      there.set(name, 'r')
    } else if (!made.has(`table:${name}`)) throw foreign(name, 'the database')
    else if (made.get(`table:${name}`) !== ddl) await widen(tx, table, made.get(`table:${name}`)!)
    if (indexDdl(table) !== '') await tx.run(indexDdl(table))
  }
  await ensureViews(tx, there)
}

/** Gives a table the columns it lacks; its rows stay. */
async function widen(tx: Transaction, table: AnyTable, existing: string): Promise<void> {
  const lacking = columnsLacking(table, existing, tableDdl)
  if (lacking === undefined) throw otherShape(table.name)
  const name = rowsTable(table.name)
  for (const column of lacking) await tx.run(`ALTER TABLE ${name} ADD COLUMN ${columnDdl(column)}`)
  await keepMeta(tx, `table:${name}`, tableDdl(table))
}

async function ensureViews(tx: Transaction, there: ReadonlyMap<string, string>): Promise<void> {
  const known = new Set(there.keys())
  const wanted = Object.entries(VIEWS).filter(([name, select]) => {
    const isPossible = readsOf(select).every((read) => known.has(read))
    if (isPossible) known.add(name)
    return isPossible
  })
  const ddl = wanted.map(([name, select]) => `CREATE VIEW ${name} AS ${select};`).join('\n')
  if ((await metaOf(tx, 'views')).get('views') === ddl) return
  const taken = Object.keys(VIEWS).find((name) => (there.get(name) ?? 'v') !== 'v')
  if (taken !== undefined) throw foreign(taken, 'the database')
  await tx.run(`DROP VIEW IF EXISTS ${Object.keys(VIEWS).join(', ')}`)
  await tx.run(ddl)
  await keepMeta(tx, 'views', ddl)
}

/** What is there under which name, with its kind: r for a table, v for a view. */
async function relations(tx: Transaction): Promise<Map<string, string>> {
  const { rows } = await tx.run(
    'SELECT relname::text, relkind::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace',
  )
  return new Map(rows as [string, string][])
}

async function metaOf(tx: Transaction, like: string): Promise<Map<string, string>> {
  const { rows } = await tx.run({ name: 'meta', text: 'SELECT name, value FROM meta WHERE name LIKE $1' }, [
    like,
  ])
  return new Map(rows as [string, string][])
}

async function keepMeta(tx: Transaction, name: string, value: string): Promise<void> {
  const text = 'INSERT INTO meta VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value'
  await tx.run({ name: 'keep meta', text }, [name, value])
}

function foreign(name: string, place: string): EngineError {
  return new EngineError('store-foreign', `there is a ${name} at ${place} that is not ours`, {
    hint: 'use a database of its own, or a schema: DATABASE_URL=postgres://.../database?options=-csearch_path%3Dtidebook',
  })
}

function otherShape(name: string): EngineError {
  return new EngineError(
    'store-fingerprint',
    `the table ${name} in this database has other columns than this version writes`,
    { hint: 'use another database, or drop our tables in this one: they are made anew from the log' },
  )
}

export async function freshTable(tx: Transaction, table: AnyTable): Promise<void> {
  tx.run(`DROP TABLE IF EXISTS ${rowsTable(table.name)}`)
  await tx.run(tableDdl(table))
}

/** Rows whose input began before the log's present start stay as they are; all others come from the shadow. */
export async function swapShadow(
  tx: Transaction,
  table: AnyTable,
  shadow: AnyTable,
  partition: number,
  logStart: number,
): Promise<void> {
  const [rows, made] = [rowsTable(table.name), rowsTable(shadow.name)]
  const names = columnNames(table).join(', ')
  tx.run(`DELETE FROM ${rows} WHERE partition_id = ${partition} AND first_offset >= ${logStart}`)
  await tx.run(
    `INSERT INTO ${rows}(${names}) SELECT ${names} FROM ${made} WHERE partition_id = ${partition} ON CONFLICT DO NOTHING`,
  )
}

/** What rebuilds of earlier owners of the partitions have left. */
export async function dropShadows(
  tx: Transaction,
  owned: readonly { id: number; epoch: number }[],
): Promise<void> {
  const names = [...(await relations(tx)).keys()]
  const left = names.filter((name) => owned.some((partition) => isOldShadow(name, partition)))
  if (left.length > 0) await tx.run(`DROP TABLE IF EXISTS ${left.join(', ')}`)
}

export async function forgetLineage(
  tx: Transaction,
  tables: readonly AnyTable[],
  partition: number,
  end: number,
): Promise<void> {
  for (const { name } of tables) {
    await tx.run(
      `UPDATE ${rowsTable(name)} SET first_offset = -1, last_offset = ${end - 1}
       WHERE partition_id = ${partition} AND last_offset >= ${end}`,
    )
  }
}

/** Drops what is old of the samples behind `from`, so many at a call. Answers where to look on. */
export async function dropOldSamples(tx: Transaction, from: SamplePlace): Promise<SamplePlace> {
  const { rows } = await tx.run(
    `SELECT to_regclass('mid_price_rows') IS NOT NULL AND to_regclass('progress') IS NOT NULL`,
  )
  if (rows[0]![0] !== true) return from
  const [last] = (await tx.run(LAST_HORIZON_MS)).rows as [[number | null]]
  const [horizonMs] = last
  if (horizonMs === null) return from
  const [to] = (await tx.run(endOfLook(from, horizonMs))).rows as [number, number][]
  // Several processes do it at once: each takes rows that no other is dropping, and waits for nobody.
  await tx.run(dropOld(from, horizonMs, 'FOR UPDATE OF sample SKIP LOCKED'))
  return to ?? BEFORE_ALL_SAMPLES
}
