import { describe, test } from 'vitest'
import { withClusters } from '../reliability/cluster.ts'
import { playFailover } from '../reliability/failover.ts'
import { LONG } from './long.ts'

describe.skipIf(!LONG)('for long', () => {
  withClusters('of three brokers', (clusters) => {
    test('leaders of our partitions are killed under load eight times: nothing acknowledged is lost, and the tables are those of an undisturbed run', async () => {
      await playFailover(clusters, 8)
    }, 900_000)
  })
})
