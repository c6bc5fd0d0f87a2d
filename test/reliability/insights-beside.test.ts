import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { run, temporaryDir } from './commands.ts'
import { history } from './kills.ts'
import { askAll, endInOrder, startProcess } from './tables.ts'

/** The report, asked for while everything else is running, or nothing is there. */

const Answer = z.array(
  z.strictObject({
    insight: z.string(),
    venue: z.enum(['coinbase', 'all']),
    source: z.literal('mock'),
    product: z.string(),
    computedAt: z.iso.datetime(),
    from: z.iso.datetime().nullable(),
    to: z.iso.datetime().nullable(),
    result: z.record(z.string(), z.unknown()),
  }),
)

test('beside a running process insights reports all that was on the log when it was asked', async () => {
  const dir = temporaryDir()
  const processing = startProcess(dir)
  await processing.ready
  expect((await run(dir, history(2_000))).code).toBe(0)
  const { code, stdout, stderr } = await run(dir, ['insights', '--format', 'json'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const answers = Answer.parse(JSON.parse(stdout))
  expect(new Set(answers.map(({ insight }) => insight)).size).toBe(5)
  const ofOneVenue = answers.filter(({ insight }) => insight !== 'consolidated')
  expect(new Set(ofOneVenue.map(({ product }) => product)).size).toBe(4)
  // It has waited for the last book, and says so by saying nothing of a lag.
  expect(
    ofOneVenue
      .map(({ to }) => to)
      .sort()
      .at(-1),
  ).toMatch(/^2026-11-20T1[12]:/)
  const text = await run(dir, ['insights'])
  expect(text).toMatchObject({ code: 0, stderr: '' })
  expect(text.stdout).toContain('coinbase, source mock')
  expect(text.stdout).not.toMatch(/behind|lag/i)

  // The results are records, and the process that runs counts them like any other.
  await endInOrder(dir, processing)
  expect(askAll(dir, 'SELECT count(*) AS n FROM insights')).toEqual([{ n: 2 * answers.length }])
  expect((await run(dir, ['verify'])).code).toBe(0)
}, 60_000)

test('csv has one header and as many cells in every line', async () => {
  const dir = temporaryDir()
  expect((await run(dir, history(300))).code).toBe(0)
  const { code, stdout, stderr } = await run(dir, ['insights', '--format', 'csv'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const [head, ...lines] = parseCsv(stdout)
  expect(head!.slice(0, 4)).toEqual(['insight', 'venue', 'source', 'product'])
  expect(lines.length).toBeGreaterThan(16)
  expect(lines.filter((cells) => cells.length !== head!.length)).toEqual([])
}, 60_000)

test('with nothing captured insights says how to get data, exit 0, and json is an empty array', async () => {
  const dir = join(temporaryDir(), 'data')
  const text = await run(dir, ['insights'])
  expect(text.code).toBe(0)
  expect(text.stdout).toMatch(/npm run (generate-mock|demo)/)
  const json = await run(dir, ['insights', '--format', 'json'])
  expect({ code: json.code, answers: JSON.parse(json.stdout) as unknown }).toEqual({ code: 0, answers: [] })
})

/** RFC 4180: cells in double quotes may hold commas, line ends and doubled quotes. */
function parseCsv(text: string): string[][] {
  const lines: string[][] = []
  let cells: string[] = []
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    if (end === '' && quoted === undefined && plain === '' && cells.length === 0) break
    cells.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    if (end === ',') continue
    lines.push(cells)
    cells = []
  }
  return lines
}
