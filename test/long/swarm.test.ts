import { expect, test } from 'vitest'
import { playSwarm } from '../reliability/swarm.ts'
import { LONG } from './long.ts'

const MINUTE_MS = 60_000

test.runIf(LONG).each([11, 12, 13, 14, 15, 16, 17, 18, 19, 20])(
  'ten minutes of trouble on five venues, seed %i',
  async (seed) => {
    const { faults, recoveryMs, ...figures } = await playSwarm(seed, 10 * MINUTE_MS)
    expect(faults).toBeGreaterThan(80)
    expect(recoveryMs[Math.floor(0.95 * recoveryMs.length)] ?? 0).toBeLessThanOrEqual(5_000)
    process.stdout.write(`seed ${seed}: ${JSON.stringify({ faults, ...figures, recoveryMs })}\n`)
  },
  300_000,
)
