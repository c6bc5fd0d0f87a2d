import { expect, test } from 'vitest'
import { run, start, temporaryDir } from './commands.ts'
import { history } from './kills.ts'
import { askAll, endInOrder, startProcess, untilThrough } from './tables.ts'

test('tables of more than a day add up, though samples older than a day have left them', async () => {
  const dir = temporaryDir()
  const days = ['generate-mock', '--until', '2026-11-20T12:00:00Z', '--history', '30h', '--interval', '60s']
  expect((await run(dir, days)).code).toBe(0)
  const processing = startProcess(dir)
  await untilThrough(dir, processing)
  const samples = () => askAll<{ n: number }>(dir, 'SELECT count(*) AS n FROM mid_price_rows')[0]!.n
  await expect.poll(samples, { timeout: 10_000 }).toBeLessThan(4 * 30 * 60)
  await endInOrder(dir, processing)
  const { code, stdout } = await run(dir, ['verify'])
  expect(stdout).toMatch(/ok {3}table mid_price: \d+ rows, as the log makes them/)
  expect(code).toBe(0)
}, 60_000)

test('verify beside a producer does not mistake what came meanwhile for a difference', async () => {
  const dir = temporaryDir()
  expect((await run(dir, history(2_000))).code).toBe(0)
  const live = start(dir, ['generate-mock', '--history', '0s', '--interval', '10ms'])
  const { code, stdout } = await run(dir, ['verify'])
  expect(stdout).not.toContain('BAD')
  expect(code).toBe(0)
  live.signal('SIGTERM')
  expect((await live.ended).code).toBe(0)
}, 60_000)
