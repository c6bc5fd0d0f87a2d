import { test } from 'vitest'
import { playAway } from './away.ts'
import { withClusters } from './cluster.ts'

withClusters('while Kafka cannot be reached', (clusters) => {
  test('at the start, for a second, for longer, half-open, slowly or with torn connections, books wait on the disk of the ingestor: none is lost, none counts twice, each product keeps its order', async () => {
    await playAway(clusters, 5, { short: 8, long: 64, bad: 24 })
  }, 240_000)
})
