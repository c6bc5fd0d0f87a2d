import { describe, expect, test } from 'vitest'
import { killedAt, recovered, sameLog, undisturbedPoints } from './kill-points.ts'
import { STRACE } from './strace.ts'
import { differences, integrityOf } from './tables.ts'

const POINTS = 15

describe.skipIf(!STRACE)('process, killed at a write or sync of its own', () => {
  test('makes the tables of a run never killed when it is started again, at whichever it was', async () => {
    const whole = await undisturbedPoints()
    expect(whole.tables['mid_price']!.length).toBeGreaterThan(2_000)
    let killed = 0
    for (let point = 0; point < POINTS; point++) {
      const dir = sameLog(whole.dir)
      const when = 1 + Math.floor((point * whole.calls) / POINTS)
      if (await killedAt(dir, when)) killed++
      const tables = await recovered(dir)
      expect({ when, differences: differences(tables, whole.tables) }).toEqual({ when, differences: [] })
      expect([integrityOf(dir, 'log.db'), integrityOf(dir, 'store.db')]).toEqual(['ok', 'ok'])
    }
    // How often it commits depends on the clock: the last points may lie behind its end.
    expect(killed).toBeGreaterThan(POINTS / 2)
  }, 120_000)
})
