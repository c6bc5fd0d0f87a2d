import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { InsightAbout } from '../../src/insights/insight.ts'
import { allInsights, type Outcome, runInsights } from '../../src/insights/run-insights.ts'
import { at } from '../processors/running/played-log.ts'
import { withPostgres } from '../services/postgres.ts'
import { eventfulLog, inBothStores } from '../store/both-stores.ts'

const ABOUT: InsightAbout = {
  nowMs: at('14:42:10'),
  windowsMs: [60_000, 300_000],
  forecastLookbackMs: 300_000,
  forecastHorizonMs: 60_000,
}

const log = pino({ level: 'silent' })

withPostgres('insights', (freshDatabase) => {
  test('are the same from SQLite and from PostgreSQL', async () => {
    const { sqlite, postgres } = await inBothStores(eventfulLog(), freshDatabase)
    for (const more of [{}, { product: 'BTC-USD', source: 'coinbase', venue: 'coinbase' }]) {
      const about = { ...ABOUT, ...more }
      const [ours, theirs] = await Promise.all(
        [sqlite, postgres].map(({ store }) => runInsights(allInsights, store.db, about, { log })),
      )
      expect(theirs!.map(answersOf)).toEqual(ours!.map(answersOf))
      for (const { name, feeds } of ours!.map(answersOf)) {
        const all = name === 'consolidated' ? 2 : 3
        expect([name, feeds]).toEqual([name, 'product' in more ? 1 : all])
      }
    }
  })
})

function answersOf(outcome: Outcome) {
  if ('failure' in outcome) throw outcome.failure
  return { name: outcome.insight.name, feeds: outcome.answers.length, answers: outcome.answers }
}
