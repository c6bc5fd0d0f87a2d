import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { pipeline } from '../../src/pipeline.ts'
import { openSqliteStore } from '../../src/store/sqlite-store.ts'
import { openScratchStore } from './scratch.ts'
import { describeViews } from './views-suite.ts'

describeViews('sqlite', () => openSqliteStore({ file: ':memory:', monotonicMs: () => 0 }))

test('windows, coverage and samples are found by keys and indexes, however many feeds and runs there are', async () => {
  const store = await openScratchStore(pipeline({ windowsMs: [300_000] }).map(({ table }) => table))
  const feed = sql`venue = 'coinbase' AND source = 'mock' AND product = 'BTC-USD'`
  const questions = [
    sql`SELECT * FROM best_prices WHERE ${feed} AND window_ms = 300000 ORDER BY start_ms DESC LIMIT 12`,
    sql`SELECT * FROM max_spread WHERE ${feed} AND window_ms = 300000 ORDER BY start_ms DESC LIMIT 12`,
    sql`SELECT * FROM mid_price WHERE start_ms >= 0 AND start_ms < 1000 ORDER BY start_ms`,
  ]
  for (const question of questions) {
    const { rows } = await sql<{ detail: string }>`EXPLAIN QUERY PLAN ${question}`.execute(store.db)
    const plan = rows.map(({ detail }) => detail)
    expect(plan.some((step) => step.startsWith('SEARCH r USING PRIMARY KEY'))).toBe(true)
    // What stands in brackets, and watched and stretch, are rows already found; j is the JSON of one row.
    expect(
      plan.filter((step) => /^SCAN (?!\(|j |watched$|stretch$)|MATERIALIZE|AUTOMATIC/.test(step)),
    ).toEqual([])
  }
})
