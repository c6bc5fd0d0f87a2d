import { test } from 'vitest'
import { withClusters } from './cluster.ts'
import { playFailover } from './failover.ts'

withClusters('of three brokers', (clusters) => {
  test('the leader of a partition of ours is killed under load: nothing acknowledged is lost, and the tables are those of an undisturbed run', async () => {
    await playFailover(clusters, 1)
  }, 240_000)
})
