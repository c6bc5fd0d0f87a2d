import { openPostgresStore } from '../../src/store/postgres-store.ts'
import { withPostgres } from '../services/postgres.ts'
import { describeViews } from './views-suite.ts'

withPostgres('views in PostgreSQL', (freshDatabase) => {
  describeViews('postgres', async () =>
    openPostgresStore({ url: await freshDatabase(), monotonicMs: () => performance.now() }),
  )
})
