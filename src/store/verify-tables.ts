import { type Kysely, sql } from 'kysely'
import { KEPT_SAMPLES } from './old-samples.ts'
import { columnNames, keyNames, rowsTable } from './rows-table.ts'
import type { Table } from './table.ts'
import type { Views } from './views.ts'

/** One thing that was checked. */
export type Finding = { readonly ok: boolean; readonly text: string }

/** The second ledger: position - first = applied + duplicate + too late + foreign + lost, for every processor and partition. */
export async function ledgerFindings(db: Kysely<Views>): Promise<Finding[]> {
  const rows = await db
    .selectFrom('positions')
    .selectAll()
    .orderBy('processor')
    .orderBy('topic')
    .orderBy('partition')
    .execute()
  return rows.map((row) => {
    const sum = row.applied + row.duplicate + row.too_late + row.foreign_records + row.lost
    const parts = `${row.applied} applied + ${row.duplicate} duplicate + ${row.too_late} too late + ${row.foreign_records} foreign + ${row.lost} lost`
    const ok = row.position - row.first === sum
    return {
      ok,
      text: `ledger of ${row.processor} on ${row.topic}/${row.partition}: ${row.position - row.first} read = ${parts}`,
    }
  })
}

/** Every row was made from records of a partition that its processor has read. */
export async function lineageFindings(
  db: Kysely<Views>,
  tables: readonly Table<unknown>[],
): Promise<Finding[]> {
  return Promise.all(
    tables.map(async ({ name }) => {
      const rows = sql.table(rowsTable(name))
      const { rows: found } = await sql<{ rows: number; bad: number }>`
        SELECT count(*) AS rows, coalesce(sum(
          CASE WHEN r.first_offset > r.last_offset OR r.last_offset >= coalesce((
            SELECT max(s.position) FROM readers s WHERE s.partition = r.partition_id
          ), 0) THEN 1 ELSE 0 END
        ), 0) AS bad FROM ${rows} r`.execute(db)
      const { rows: count, bad } = found[0]!
      return {
        ok: bad === 0,
        text: `lineage of ${name}: ${count} rows${bad === 0 ? '' : `, ${bad} from records that were never read`}`,
      }
    }),
  )
}

/** Whether some rows were made from records of a log that is gone: no log makes them again. */
export async function outlivesLog(db: Kysely<Views>, tables: readonly Table<unknown>[]): Promise<boolean> {
  for (const { name } of tables) {
    const { rows } =
      await sql`SELECT 1 FROM ${sql.table(rowsTable(name))} WHERE first_offset < 0 LIMIT 1`.execute(db)
    if (rows.length > 0) return true
  }
  return false
}

/** Whether two stores have come equally far on every partition. */
export async function sameReach(a: Kysely<Views>, b: Kysely<Views>): Promise<boolean> {
  const [ours, theirs] = await Promise.all(
    [a, b].map((db) =>
      db
        .selectFrom('positions')
        .select(['topic', 'partition', 'processor', 'position'])
        .orderBy('topic')
        .orderBy('partition')
        .orderBy('processor')
        .execute(),
    ),
  )
  return JSON.stringify(ours) === JSON.stringify(theirs)
}

/** Whether two stores hold the same rows, lineage included, table by table. */
export async function tableFindings(
  a: Kysely<Views>,
  b: Kysely<Views>,
  tables: readonly Table<unknown>[],
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const table of tables) {
    const [ours, anew] = [await dump(a, table), await dump(b, table)]
    const at = ours.findIndex((row, i) => row !== anew[i])
    const ok = at === -1 && ours.length === anew.length
    const where = ok
      ? ''
      : `, but the log makes ${anew.length}; the first that differs is ${ours[at === -1 ? ours.length : at] ?? anew[ours.length]}`
    findings.push({
      ok,
      text: `table ${table.name}: ${ours.length} rows${ok ? ', as the log makes them' : where}`,
    })
  }
  return findings
}

/**
 * Every row of a table as text, in the order of its key: what "byte for byte" is held against. Samples past their day are
 * left out, whether they have gone yet or not: they go bit by bit, at nobody's exact moment.
 */
export async function dump(db: Kysely<Views>, table: Table<unknown>): Promise<string[]> {
  const columns = sql.join(columnNames(table).map((name) => sql.ref(name)))
  const source = table.name === 'mid_price' ? sql.raw(KEPT_SAMPLES) : sql.table(rowsTable(table.name))
  const order = sql.join(keyNames(table).map((name) => sql.ref(name)))
  const { rows } = await sql`SELECT ${columns} FROM ${source} r ORDER BY ${order}`.execute(db)
  return rows.map((row) => JSON.stringify(row))
}
