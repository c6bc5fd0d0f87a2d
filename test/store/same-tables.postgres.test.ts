import { type Kysely, sql } from 'kysely'
import { expect, test } from 'vitest'
import { VIEWS } from '../../src/store/postgres/views.ts'
import { sameReach, tableFindings } from '../../src/store/verify-tables.ts'
import type { Views } from '../../src/store/views.ts'
import { differences, PROCESSORS } from '../processors/running/rig.ts'
import { withPostgres } from '../services/postgres.ts'
import { eventfulLog, inBothStores } from './both-stores.ts'

withPostgres('SQLite and PostgreSQL', (freshDatabase) => {
  test('hold the same tables of one log, byte for byte, and show the same views', async () => {
    const { sqlite, postgres } = await inBothStores(eventfulLog(), freshDatabase)
    const tables = await postgres.tables()
    expect(differences(await sqlite.tables(), tables)).toEqual([])
    expect(tables['best_prices']!.length).toBeGreaterThan(30)
    expect(tables['rejection_digests']!.length).toBe(3)
    expect(await postgres.faults()).toEqual([])

    const [a, b] = [sqlite.store.db, postgres.store.db]
    expect(await sameReach(a, b)).toBe(true)
    const findings = await tableFindings(
      a,
      b,
      PROCESSORS.map(({ table }) => table),
    )
    expect(findings.filter(({ ok }) => !ok)).toEqual([])

    for (const name of Object.keys(VIEWS)) {
      const [ours, theirs] = [await shown(a, name), await shown(b, name)]
      expect([name, theirs]).toEqual([name, ours])
      if (!EMPTY.includes(name)) expect([name, ours.length > 0]).toEqual([name, true])
    }
  })
})

/** Nothing of it is in the log. */
const EMPTY = ['insights']

/** Every row of a view as text, in one order whatever the database's. */
async function shown(db: Kysely<Views>, view: string): Promise<string[]> {
  const { rows } = await sql`SELECT * FROM ${sql.table(view)}`.execute(db)
  return rows.map((row) => JSON.stringify(row)).sort()
}
