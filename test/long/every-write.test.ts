import { rmSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  killedAt,
  recovered,
  sameLog,
  type Undisturbed,
  undisturbedPoints,
} from '../reliability/kill-points.ts'
import { STRACE } from '../reliability/strace.ts'
import { differences, integrityOf } from '../reliability/tables.ts'
import { LONG } from './long.ts'

describe.skipIf(!LONG || !STRACE)('process, killed at each write and sync of its own in turn', () => {
  let whole: Undisturbed
  beforeAll(async () => {
    whole = await undisturbedPoints()
  }, 60_000)

  test('makes the tables of a run never killed when it is started again', async () => {
    let killed = 0
    for (let when = 1; when <= whole.calls; when++) {
      const dir = sameLog(whole.dir)
      if (await killedAt(dir, when)) killed++
      const tables = await recovered(dir)
      expect({ when, differences: differences(tables, whole.tables) }).toEqual({ when, differences: [] })
      expect([integrityOf(dir, 'log.db'), integrityOf(dir, 'store.db')]).toEqual(['ok', 'ok'])
      rmSync(dir, { recursive: true })
    }
    process.stderr.write(`killed at ${killed} of ${whole.calls} writes and syncs\n`)
    expect(killed).toBeGreaterThan(whole.calls / 2)
  }, 3_600_000)
})
