import { rmSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { bringTablesUpToDate } from '../../src/commands/catch-up.ts'
import { schedule } from '../../src/commands/schedule.ts'
import { allInsights } from '../../src/insights/run-insights.ts'
import { publishQuotes, testContext } from './insights-context.ts'

const EVERY_SECOND = { INSIGHTS_CRON: '* * * * * *' }

test('every tick answers all insights under its scheduled moment, and the schedule ends when it is stopped', async () => {
  const context = testContext(EVERY_SECOND)
  const nowMs = context.nowMs()
  const quotes = [3, 2, 1].map((ago) => ({ atMs: nowMs - ago * 1_000, bid: '100', ask: '101' }))
  await publishQuotes(context, quotes)
  const ended = schedule(context)
  const { slot, results, failed } = await context.logged(({ msg }) => msg === 'insights answered')
  context.stopping.abort()
  expect(await ended).toBe(0)
  expect({ results, failed }).toEqual({ results: allInsights.length, failed: 0 })
  expect(slot).toMatch(/T\d\d:\d\d:\d\d\.000Z$/)
  const { db, close } = await bringTablesUpToDate(context)
  const rows = await db.selectFrom('insights').select(['insight', 'slot_ms']).execute()
  await close()
  const own = rows.filter(({ slot_ms }) => slot_ms === Date.parse(String(slot)))
  expect(own.map(({ insight }) => insight).sort()).toEqual(allInsights.map(({ name }) => name).sort())
})

test('a run that fails is told, and the next one comes anyway', async () => {
  const context = testContext(EVERY_SECOND)
  const { dataDir } = context.config
  rmSync(dataDir, { recursive: true })
  writeFileSync(dataDir, 'a file where the folder should be')
  const ended = schedule(context)
  const first = await context.logged(({ msg }) => msg === 'the run failed')
  await context.logged(({ msg, slot }) => msg === 'the run failed' && slot !== first['slot'])
  context.stopping.abort()
  expect(await ended).toBe(0)
})

test('runs that were slept through are told as missed', async () => {
  const context = testContext(EVERY_SECOND)
  const ended = schedule(context)
  await context.logged(({ msg }) => msg === 'insights answered')
  // Nothing of this process runs for so long, as on a machine that was asleep.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500)
  const { msg } = await context.logged((line) => line.msg.startsWith('missed the run of '))
  expect(msg).toMatch(/^missed the run of \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/)
  context.stopping.abort()
  expect(await ended).toBe(0)
})

test('a schedule that is stopped before it began ends at once', async () => {
  const context = testContext()
  context.stopping.abort()
  expect(await schedule(context)).toBe(0)
})
