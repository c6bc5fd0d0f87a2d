import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { DAY_MS } from '../../src/models/time.ts'
import { openPostgresStore } from '../../src/store/postgres-store.ts'
import type { Store } from '../../src/store/store.ts'
import { withPostgres } from '../services/postgres.ts'
import { advance, count, DAY_START_MS, mock, putSamples, seconds, TABLES } from './samples-suite.ts'
import { openScratchStore } from './scratch.ts'

const open = (url: string): Promise<Store> =>
  openScratchStore(TABLES, () => openPostgresStore({ url, monotonicMs: () => performance.now() }))

withPostgres('old samples in PostgreSQL', (freshDatabase) => {
  test('that somebody else holds are passed over and wait for nobody; they go the next time round', async () => {
    const url = await freshDatabase()
    const store = await open(url)
    await putSamples(store, mock, seconds(10))
    await advance(store, mock, DAY_START_MS + 10 * DAY_MS)
    const other = new pg.Client({ connectionString: url })
    await other.connect()
    onTestFinished(() => other.end())
    await other.query('BEGIN')
    await other.query('SELECT 1 FROM mid_price_rows ORDER BY start_ms LIMIT 3 FOR UPDATE')
    await store.applyRetention()
    expect(await count(store)).toBe(3)
    await other.query('ROLLBACK')
    await store.applyRetention()
    expect(await count(store)).toBe(0)
  })

  test('are dropped by several processes at once', async () => {
    const url = await freshDatabase()
    const stores = [await open(url), await open(url), await open(url)]
    await putSamples(stores[0]!, mock, seconds(8_000))
    await advance(stores[0]!, mock, DAY_START_MS + 5_000_000 + DAY_MS)
    for (let call = 0; call < 3; call++) await Promise.all(stores.map((store) => store.applyRetention()))
    expect(await count(stores[0]!)).toBe(2_999)
  })
})
