import { expect, test } from 'vitest'
import { run } from './commands.ts'
import { killedRun, undisturbed } from './kills.ts'
import { differences, integrityOf, tablesIn } from './tables.ts'

/** 100,000 ticks of four products. */
const TICKS = 25_000
const KILLS = 20

test(`killed ${KILLS} times at random moments while 100,000 books are made and processed, every table is that of a run never killed`, async () => {
  const expected = await undisturbed(TICKS)
  expect(expected['mid_price']!.length).toBeGreaterThan(90_000)
  expect(expected['rejection_digests']!.length).toBeGreaterThan(100)

  const { dir } = await killedRun({ ticks: TICKS, kills: KILLS, seed: 1 })
  expect(differences(await tablesIn(dir), expected)).toEqual([])
  expect([integrityOf(dir, 'log.db'), integrityOf(dir, 'store.db')]).toEqual(['ok', 'ok'])
  const verified = await run(dir, ['verify'])
  expect(verified.stdout).not.toContain('BAD')
  expect(verified.code).toBe(0)
}, 180_000)
