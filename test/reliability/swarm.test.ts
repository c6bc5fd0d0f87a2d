import { expect, test } from 'vitest'
import { playSwarm } from './swarm.ts'

const MINUTE_MS = 60_000

test('ten minutes of trouble on five venues: afterwards every book is the venue’s own, every trade is there or in a hole', async () => {
  const { faults, holes, trades, recoveryMs } = await playSwarm(1, 10 * MINUTE_MS)
  expect(faults).toBeGreaterThan(80)
  expect(holes).toBeGreaterThan(80)
  expect(trades).toBeGreaterThan(5_000)
  expect(recoveryMs.length).toBeGreaterThan(5)
  expect(recoveryMs[Math.floor(0.95 * recoveryMs.length)]).toBeLessThanOrEqual(5_000)
}, 180_000)
