import { expect, test } from 'vitest'
import { expectNothingLost, playChaos, ticksFor } from './chaos.ts'
import { withClusters } from './cluster.ts'

withClusters('100,000 books through Kafka', ({ open }) => {
  test('while workers, the maker, the ingestor and the broker are killed, stopped and joined at random, every table is that of an undisturbed run', async () => {
    const cluster = await open()
    const outcome = await playChaos(cluster, {
      seed: 3,
      ticks: ticksFor(100_000),
      awayMs: 8_000,
      happenings: [
        'a worker is killed',
        'a worker is killed',
        'a worker stands still for longer than its session',
        'a worker stands still for longer than its session',
        'a third worker joins',
        'a worker leaves',
        'the maker is killed',
        'the maker is killed',
        'the ingestor is killed',
        'the ingestor is killed',
        'the broker is killed and started again',
        'the broker is away',
      ],
    })
    await expectNothingLost(cluster, outcome)
    // Whoever stood still had work in hand that others had begun anew: none of it came through.
    expect(outcome.workersSaid).toContain('was claimed by another processor')
  }, 400_000)
})
