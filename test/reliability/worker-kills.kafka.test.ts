import { expect, test } from 'vitest'
import { expectNothingLost } from './chaos.ts'
import { withClusters } from './cluster.ts'
import { playWorkerKills } from './worker-kills.ts'

const SESSION_MS = 2_000

withClusters('workers that are killed again and again', ({ open }) => {
  test('before they have partitions, as they take them over and at work: the next one goes on, and every table is that of an undisturbed run', async () => {
    const cluster = await open({ env: { KAFKA_SESSION_MS: String(SESSION_MS) } })
    const outcome = await playWorkerKills(cluster, {
      seed: 5,
      kills: [
        'at work',
        'before it has partitions',
        'before it has partitions',
        'before it has partitions',
        'as it takes them over',
        'at work',
        'as it takes them over',
        'before it has partitions',
      ],
      records: 10_000,
    })
    expect(outcome.neverAssigned).toBeGreaterThan(1)
    await expectNothingLost(cluster, outcome)
  }, 180_000)
})
