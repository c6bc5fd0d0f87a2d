import { describe, expect, test } from 'vitest'
import { expectNothingLost } from '../reliability/chaos.ts'
import { withClusters } from '../reliability/cluster.ts'
import { killsOf, playWorkerKills } from '../reliability/worker-kills.ts'
import { LONG } from './long.ts'

const SEED = 31
const KILLS = 200
const RECORDS = 100_000
/** Shorter than the others': Kafka waits this long for every one that was killed. */
const SESSION_MS = 2_000

describe.skipIf(!LONG)('for long', () => {
  withClusters(`${RECORDS} records through Kafka into PostgreSQL`, ({ open }) => {
    test(`by workers that are killed ${KILLS} times at random moments: the tables are those of an undisturbed run, and 95 times of 100 the next worker commits within two sessions of its start`, async () => {
      const cluster = await open({ env: { KAFKA_SESSION_MS: String(SESSION_MS) } })
      const outcome = await playWorkerKills(cluster, {
        seed: SEED,
        kills: killsOf(KILLS, SEED),
        records: RECORDS,
      })
      await expectNothingLost(cluster, outcome)
      const sorted = [...outcome.readyMs].sort((a, b) => a - b)
      const p95 = sorted[Math.floor(0.95 * sorted.length)]!
      process.stderr.write(
        `${KILLS} kills, ${outcome.neverAssigned} before there were partitions; first commit after a start: ${sorted.length} times, ` +
          `p50 ${Math.round(sorted[sorted.length >> 1]!)} ms, p95 ${Math.round(p95)} ms, max ${Math.round(sorted.at(-1)!)} ms\n`,
      )
      expect(outcome.neverAssigned).toBeGreaterThan(KILLS / 10)
      expect(p95).toBeLessThanOrEqual(2 * SESSION_MS)
    }, 1_800_000)
  })
})
