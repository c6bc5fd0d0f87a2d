import { describe, test } from 'vitest'
import { playAway } from '../reliability/away.ts'
import { withClusters } from '../reliability/cluster.ts'
import { LONG } from './long.ts'

/** Eight books are polled a second. */
const IN_70_S = 560

describe.skipIf(!LONG)('for long', () => {
  withClusters('while Kafka cannot be reached', (clusters) => {
    test('down or half-open for 70 s, slow or torn for as long: no book is lost, none counts twice, each product keeps its order', async () => {
      await playAway(clusters, 7, { short: 8, long: IN_70_S, bad: IN_70_S })
    }, 900_000)
  })
})
