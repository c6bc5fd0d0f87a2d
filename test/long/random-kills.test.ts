import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../reliability/commands.ts'
import { killedRun, RECOVERIES, undisturbed } from '../reliability/kills.ts'
import { differences, integrityOf, type Tables, tablesIn } from '../reliability/tables.ts'
import { LONG } from './long.ts'

const TICKS = 25_000
const RUNS = 10
const KILLS = 20
const RECOVERY_MS_P95 = 2_000

describe.skipIf(!LONG)(`${RUNS * KILLS} kills at random moments while books are made and processed`, () => {
  let expected: Tables
  const recoveriesMs: number[] = []
  beforeAll(async () => {
    expected = await undisturbed(TICKS)
  }, 120_000)
  afterAll(() => {
    process.stderr.write(`recovery: ${recoveriesMs.length} times, p95 ${percentile95(recoveriesMs)} ms\n`)
  })

  test.each(Array.from({ length: RUNS }, (_, index) => index + 1))(
    `run %i of 100,000 books, killed ${KILLS} times, makes the tables of a run never killed`,
    async (seed) => {
      const killed = await killedRun({ ticks: TICKS, kills: KILLS, seed })
      recoveriesMs.push(...killed.recoveriesMs)
      expect(differences(await tablesIn(killed.dir), expected)).toEqual([])
      expect([integrityOf(killed.dir, 'log.db'), integrityOf(killed.dir, 'store.db')]).toEqual(['ok', 'ok'])
      expect((await run(killed.dir, ['verify'])).code).toBe(0)
    },
    180_000,
  )

  test(`a killed process is back within ${RECOVERY_MS_P95 / 1_000} s, 95 times of 100`, () => {
    expect(recoveriesMs).toHaveLength(RUNS * RECOVERIES)
    expect(percentile95(recoveriesMs)).toBeLessThanOrEqual(RECOVERY_MS_P95)
  })
})

function percentile95(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return Math.round(sorted[Math.floor(0.95 * sorted.length)] ?? Number.NaN)
}
