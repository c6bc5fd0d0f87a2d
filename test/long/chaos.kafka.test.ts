import { describe, expect, test } from 'vitest'
import { expectNothingLost, type Happening, playChaos, ticksFor } from '../reliability/chaos.ts'
import { withClusters } from '../reliability/cluster.ts'
import { LONG } from './long.ts'

const AWAY_MS = 70_000

const HAPPENINGS: Readonly<Record<Happening, number>> = {
  'a worker is killed': 10,
  'a worker stands still for longer than its session': 5,
  'a third worker joins': 4,
  'a worker leaves': 4,
  'the maker is killed': 8,
  'the ingestor is killed': 5,
  'the broker is killed and started again': 4,
  'the broker is away': 2,
}

describe.skipIf(!LONG)('for long', () => {
  withClusters('100,000 books through Kafka', ({ open }) => {
    test.each([21, 22, 23])(
      `of seed %i, while it is away for ${AWAY_MS / 1_000} s and everything else happens over and over, make the tables of an undisturbed run`,
      async (seed) => {
        const happenings = Object.entries(HAPPENINGS).flatMap(([happening, times]) =>
          Array.from({ length: times }, () => happening as Happening),
        )
        const cluster = await open()
        const outcome = await playChaos(cluster, {
          seed,
          happenings,
          ticks: ticksFor(100_000),
          awayMs: AWAY_MS,
        })
        await expectNothingLost(cluster, outcome)
        expect(outcome.workersSaid).toContain('was claimed by another processor')
      },
      1_200_000,
    )
  })
})
