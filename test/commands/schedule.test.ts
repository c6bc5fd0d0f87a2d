import { rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { bringTablesUpToDate } from '../../src/commands/catch-up.ts'
import { type ScheduleOptions, schedule } from '../../src/commands/schedule.ts'
import { allInsights } from '../../src/insights/run-insights.ts'
import { storeFile } from '../../src/store/open-store.ts'
import { publishQuotes, type TestContext, testContext } from './insights-context.ts'

const EVERY_SECOND = { INSIGHTS_CRON: '* * * * * *' }
const NAMES = allInsights.map(({ name }) => name).sort()

test('every tick answers all insights under its scheduled moment, and the schedule ends when it is stopped', async () => {
  const context = await withQuotes()
  const ended = started(context)
  const { slot, results, failed } = await context.logged(({ msg }) => msg === 'insights answered')
  context.stopping.abort()
  expect(await ended).toBe(0)
  expect({ results, failed }).toEqual({ results: NAMES.length, failed: 0 })
  expect(slot).toMatch(/T\d\d:\d\d:\d\d\.000Z$/)
  expect(await answeredIn(context, slot)).toEqual(NAMES)
})

test('two schedulers that answer the same moment make one row of it', async () => {
  const context = await withQuotes()
  const both = [started(context), started(context)]
  const once = new Set<unknown>()
  const { slot } = await context.logged((line) => {
    if (line.msg !== 'insights answered') return false
    const isTwice = once.has(line['slot'])
    once.add(line['slot'])
    return isTwice
  })
  context.stopping.abort()
  expect(await Promise.all(both)).toEqual([0, 0])
  expect(await answeredIn(context, slot)).toEqual(NAMES)
})

test('a run that hangs is killed, what it held is free, and the next one answers', async () => {
  const context = await withQuotes()
  await (await bringTablesUpToDate(context)).close()
  // Who else holds the tables' file keeps a run waiting inside SQLite, where it hears no signal.
  const other = new Database(storeFile(context.config))
  other.exec('BEGIN IMMEDIATE')
  const ended = started(context, { runMsMax: 3_000 })
  const killed = await context.logged(({ msg }) => msg.startsWith('the run was killed'))
  expect(killed).toMatchObject({ level: 50, msg: 'the run was killed: it had not ended after 3000 ms' })
  other.close()
  const { slot } = await context.logged(({ msg }) => msg === 'insights answered')
  expect(slot).not.toBe(killed['slot'])
  context.stopping.abort()
  expect(await ended).toBe(0)
  expect(await answeredIn(context, killed['slot'])).toEqual([])
  expect(await answeredIn(context, slot)).toEqual(NAMES)
})

test('a run that fails is told, and the next one comes anyway', async () => {
  const context = testContext(EVERY_SECOND)
  const { dataDir } = context.config
  rmSync(dataDir, { recursive: true })
  writeFileSync(dataDir, 'a file where the folder should be')
  const ended = started(context)
  const first = await context.logged(({ msg }) => msg === 'the run failed')
  await context.logged(({ msg, slot }) => msg === 'the run failed' && slot !== first['slot'])
  context.stopping.abort()
  expect(await ended).toBe(0)
})

test('runs that were slept through are told as missed', async () => {
  const context = testContext(EVERY_SECOND)
  const ended = started(context)
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
  expect(await started(context)).toBe(0)
})

async function withQuotes(): Promise<TestContext> {
  const context = testContext(EVERY_SECOND)
  const nowMs = context.nowMs()
  const quotes = [3, 2, 1].map((ago) => ({ atMs: nowMs - ago * 1_000, bid: '100', ask: '101' }))
  await publishQuotes(context, quotes)
  return context
}

/** The schedule with real runs, whose log lines come to the context's log. */
function started(context: TestContext, options: ScheduleOptions = {}): Promise<number> {
  const say = (line: string): void => {
    const { level, msg, ...fields } = JSON.parse(line) as { level: number; msg: string }
    context.log[level >= 50 ? 'error' : 'info'](fields, msg)
  }
  return schedule(context, { bin: resolve('dist/src/commands/tidebook.js'), say, human: false, ...options })
}

/** The insights whose answers are kept under that moment. */
async function answeredIn(context: TestContext, slot: unknown): Promise<string[]> {
  const { db, close } = await bringTablesUpToDate(context)
  const rows = await db
    .selectFrom('insights')
    .select('insight')
    .where('slot_ms', '=', Date.parse(String(slot)))
    .execute()
  await close()
  return rows.map(({ insight }) => insight).sort()
}
