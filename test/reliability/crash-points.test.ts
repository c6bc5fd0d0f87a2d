import { beforeAll, describe, expect, test } from 'vitest'
import { temporaryDir } from './commands.ts'
import {
  countedIn,
  GOOD_NOW,
  inOrder,
  killedAtEdge,
  processInOrder,
  recordsIn,
  smallLog,
  toldIn,
} from './crash-edges.ts'
import { sameLog } from './kill-points.ts'
import { history } from './kills.ts'
import { RUN } from './refused.ts'
import { askAll, differences, integrityOf, logEnds, type Tables } from './tables.ts'

/**
 * A process kills itself at a named edge of a commit, five times, and is started again: what then lies in its folder is what
 * lies in that of a twin nobody disturbed.
 */

const KILLS = 5
const lives = Array.from({ length: KILLS }, (_, index) => index)

function expectWhole(dir: string): void {
  expect([integrityOf(dir, 'log.db'), integrityOf(dir, 'store.db')]).toEqual(['ok', 'ok'])
}

function recordsOnLog(dir: string): number {
  return [...logEnds(dir).values()].reduce((sum, end) => sum + end, 0)
}

function duplicatesOf(dir: string, topic: string): number {
  const sql = `SELECT max(duplicate) AS n FROM positions WHERE topic = '${topic}'`
  return askAll<{ n: number }>(dir, sql)[0]!.n
}

describe('a maker of records, killed five times', () => {
  /** At least seven publishes, of up to 1,000 books each. */
  const market = [...history(1_600), '--levels', '2']
  let twin: readonly string[]

  beforeAll(async () => {
    const dir = temporaryDir()
    await inOrder(dir, market)
    twin = await recordsIn(dir)
    expect(twin.length).toBeGreaterThan(6_000)
  })

  const edges: [string, number][] = [
    ['before-publish', 2],
    ['after-publish', 1],
  ]
  test.each(edges)('%s, leaves each record on the log once, as one never killed', async (edge, passing) => {
    const dir = temporaryDir()
    let before = 0
    for (const _ of lives) {
      await killedAtEdge(dir, market, edge, passing)
      // One publish a life was acknowledged: it is there.
      const after = recordsOnLog(dir)
      expect(after).toBeGreaterThan(before)
      before = after
    }
    expect(before).toBeLessThan(twin.length)
    await inOrder(dir, market)
    expect(differences({ records: await recordsIn(dir) }, { records: twin })).toEqual([])
  })
})

describe('on a log of books, rejections and a record of nobody, killed five times', () => {
  let log: string
  let twin: Tables
  let twinTold: readonly string[]

  beforeAll(async () => {
    log = await smallLog()
    const dir = sameLog(log)
    await processInOrder(dir)
    twin = await countedIn(dir)
    twinTold = toldIn(dir)
    expect(twinTold).toHaveLength(12)
    expect(twin['mid_price']!.length).toBeGreaterThan(350)
    expect(twin['outbox']!.filter((line) => line.includes('"reject"'))).toHaveLength(1)
  })

  type Repeats = { readonly least: number; readonly most: number }
  // How often digests are told once too many: only by a kill after one was told and before that was noted.
  const anywhere: Repeats = { least: 0, most: KILLS }
  const never: Repeats = { least: 0, most: 0 }
  const eachTime: Repeats = { least: KILLS, most: KILLS }
  const edges: [string, number, Repeats][] = [
    ['before-commit', 3, anywhere],
    ['after-commit', 2, anywhere],
    ['before-tell-broker', 1, anywhere],
    ['after-tell-broker', 1, anywhere],
    ['before-alert-send', 1, never],
    ['after-alert-send', 1, eachTime],
    ['after-outbox-done', 1, never],
    ['before-reject-publish', 1, anywhere],
    ['after-reject-publish', 1, anywhere],
  ]
  test.each(edges)(
    '%s, process makes the tables of one never killed and tells every digest',
    async (...about) => {
      const [edge, passing, { least, most }] = about
      const dir = sameLog(log)
      for (const _ of lives) await killedAtEdge(dir, ['process'], edge, passing)
      await processInOrder(dir)

      expect(differences(await countedIn(dir), twin)).toEqual([])
      const told = toldIn(dir)
      expect(new Set(told)).toEqual(new Set(twinTold))
      expect(told.length - twinTold.length).toBeGreaterThanOrEqual(least)
      expect(told.length - twinTold.length).toBeLessThanOrEqual(most)
      // Published, and not yet noted as published: it is published again, and the reader drops it.
      if (edge === 'after-reject-publish')
        expect(duplicatesOf(dir, 'rejections')).toBeGreaterThanOrEqual(KILLS)
      expectWhole(dir)
    },
  )

  const resends: [string, number][] = [
    ['before-resend-publish', GOOD_NOW],
    ['after-resend-publish', 0],
  ]
  test.each(resends)('%s, rejections are sent again with one effect each', async (edge, left) => {
    const dir = sameLog(log)
    const ids = Array.from({ length: GOOD_NOW }, (_, index) => `${RUN}-${index + 1}`)
    const resend = ['rejections', 'resend']
    const each = GOOD_NOW / KILLS
    for (const life of lives) {
      await killedAtEdge(dir, [...resend, ...ids.slice(life * each, (life + 1) * each)], edge)
    }
    expect((await inOrder(dir, [...resend, ...ids])).stdout).toMatch(new RegExp(`^${left} sent again`))
    expect((await inOrder(dir, [...resend, ...ids])).stdout).toMatch(/^0 sent again/)

    const undisturbed = sameLog(log)
    await inOrder(undisturbed, [...resend, ...ids])
    expect(differences(await countedIn(dir), await countedIn(undisturbed))).toEqual([])
    const marked = 'SELECT count(*) AS n FROM rejections WHERE resent_at_ms IS NOT NULL'
    expect(askAll(dir, marked)).toEqual([{ n: GOOD_NOW }])
    expect(duplicatesOf(dir, 'books.coinbase')).toBe(0)
    expectWhole(dir)
  })

  const reports: [string, number][] = [
    ['before-insights-publish', 1],
    ['after-insights-publish', KILLS + 1],
  ]
  test.each(reports)(
    '%s, the results of each report that was acknowledged are kept once',
    async (edge, kept) => {
      const dir = sameLog(log)
      const insights = ['insights', '--format', 'json']
      for (const _ of lives) await killedAtEdge(dir, insights, edge)
      const { stdout } = await inOrder(dir, insights)
      const results = (JSON.parse(stdout) as unknown[]).length
      expect(results).toBeGreaterThan(4)
      expect(askAll(dir, 'SELECT count(*) AS n FROM insights')).toEqual([{ n: kept * results }])
      expect(duplicatesOf(dir, 'insights')).toBe(0)

      await processInOrder(dir)
      expect(differences(await countedIn(dir), twin)).toEqual([])
      expectWhole(dir)
    },
  )
})
