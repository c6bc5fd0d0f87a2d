import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, expect, test } from 'vitest'
import { type RunBounds, scheduledRun } from '../../src/commands/scheduled-run.ts'

const SLOT_MS = Date.parse('2026-11-20T14:35:00Z')
const slot = '2026-11-20T14:35:00.000Z'

const folder = mkdtempSync(join(tmpdir(), 'tidebook-run-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Stands in for the command line: its runs end, fail, hang and die as `HOW` says. */
const bin = join(folder, 'runs.mjs')
writeFileSync(
  bin,
  `process.stdout.write(process.argv.slice(2).join(' ') + '\\n')
   const how = process.env.HOW
   if (how === 'fails') process.exit(1)
   if (how === 'dies') process.kill(process.pid, 'SIGKILL')
   if (how === 'spins') for (;;);
   if (how === 'drains') process.on('SIGTERM', () => { process.stdout.write('ended in order\\n'); process.exit(0) })
   if (how === 'is deaf') process.on('SIGTERM', () => process.stdout.write('heard\\n'))
   if (how !== 'ends') { setInterval(() => {}, 1000); process.stdout.write('up\\n') }`,
)

test.each(['ends', 'fails'])('a run that %s has told so itself', async (how) => {
  const { lines, logged, run } = started(how)
  await run
  expect({ lines, logged }).toEqual({ lines: [`answer-slot   | answer-slot ${slot}`], logged: [] })
})

test('a run that does nothing but hang, deaf to any signal, is killed when its time is over', async () => {
  const { logged, run } = started('spins', { runMsMax: 500 })
  await run
  expect(logged).toEqual([{ level: 50, slot, msg: 'the run was killed: it had not ended after 500 ms' }])
})

test('a run that dies is told', async () => {
  const { logged, run } = started('dies')
  await run
  expect(logged).toEqual([{ level: 50, slot, signal: 'SIGKILL', msg: 'the run was ended from outside' }])
})

test('a run that is under way when the schedule is stopped ends in order', async () => {
  const { lines, logged, run, up, stopping } = started('drains')
  await up
  stopping.abort()
  await run
  expect(lines.at(-1)).toBe('answer-slot   | ended in order')
  expect(logged).toEqual([])
})

test('a run that is told to stop before it can hear it is no news', async () => {
  const { logged, run } = started('spins', { stop: AbortSignal.abort() })
  await run
  expect(logged).toEqual([])
})

test('a run that does not end when it is told to is killed', async () => {
  const { lines, logged, run, up, stopping } = started('is deaf', { drainMsMax: 500 })
  await up
  stopping.abort()
  await run
  expect(lines.at(-1)).toBe('answer-slot   | heard')
  const msg = 'the run was killed: it had not ended 500 ms after it was told to stop'
  expect(logged).toEqual([{ level: 40, slot, msg }])
})

test('a run that cannot be started is told', async () => {
  const { logged, run } = started('no\0way')
  await run
  expect(logged).toMatchObject([{ level: 50, slot, msg: 'the run could not be started' }])
})

function started(how: string, bounds: Partial<RunBounds> = {}) {
  const stopping = new AbortController()
  const lines: string[] = []
  const logged: Record<string, unknown>[] = []
  const log = pino(
    { base: null, timestamp: false },
    { write: (line: string) => logged.push(JSON.parse(line)) },
  )
  let isUp = (): void => undefined
  const up = new Promise<void>((resolve) => {
    isUp = resolve
  })
  const say = (line: string): void => {
    lines.push(line)
    if (line.endsWith('| up')) isUp()
  }
  const run = scheduledRun(SLOT_MS, {
    env: { HOW: how },
    human: false,
    color: false,
    say,
    bin,
    log,
    stop: stopping.signal,
    runMsMax: 20_000,
    drainMsMax: 20_000,
    ...bounds,
  })
  return { lines, logged, run, up, stopping }
}
