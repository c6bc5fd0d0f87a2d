import { expect, test } from 'vitest'
import { feedFacts, lagStatus } from '../../src/commands/status-report.ts'
import { withPostgres } from '../services/postgres.ts'
import { eventfulLog, inBothStores } from '../store/both-stores.ts'

withPostgres('what status reports', (freshDatabase) => {
  test('is the same from SQLite and from PostgreSQL', async () => {
    const { sqlite, postgres } = await inBothStores(eventfulLog(), freshDatabase)
    const [facts, lags] = [await feedFacts(sqlite.store.db), await lagStatus(sqlite.store.db, sqlite.broker)]
    expect(facts.map(({ product, rejections }) => [product, rejections])).toContainEqual(['BTC-USD', 24])
    expect(await feedFacts(postgres.store.db)).toEqual(facts)
    expect(await lagStatus(postgres.store.db, postgres.broker)).toEqual(lags)
    expect(lags.map(({ lagRecords }) => lagRecords)).toEqual(lags.map(() => 0))
  })
})
