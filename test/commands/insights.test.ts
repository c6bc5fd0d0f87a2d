import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bringTablesUpToDate } from '../../src/commands/catch-up.ts'
import { answerInsights, insights } from '../../src/commands/insights.ts'
import { allInsights } from '../../src/insights/run-insights.ts'
import { EngineError } from '../../src/models/engine-error.ts'
import { InsightResult } from '../../src/models/insight.ts'
import { INSIGHTS_TOPIC } from '../../src/models/topics.ts'
import { publishQuotes, type Quote, type TestContext, testContext } from './insights-context.ts'

const NOW_MS = Date.parse('2026-11-20T14:37:12Z')

/** A quote a second for twenty minutes up to a few seconds ago: the mid rises by a cent each, the spread is 1.01. */
const rising: Quote[] = Array.from({ length: 1_200 }, (_, i) => ({
  atMs: NOW_MS - 5_000 - (1_199 - i) * 1_000,
  bid: (71_234.56 + i / 100).toFixed(2),
  ask: (71_235.57 + i / 100).toFixed(2),
}))

type Report = { insight: string; product: string; from: string; result: Record<string, unknown> }

async function reportOf(context: TestContext, more: object = {}): Promise<Report[]> {
  expect(await insights(context, { format: 'json', ...more })).toBe(0)
  return JSON.parse(context.printed()) as Report[]
}

describe('npm run insights', () => {
  test('brings the tables up to date by itself and reports from them, nothing else on standard output', async () => {
    const context = testContext({}, () => NOW_MS)
    await publishQuotes(context, rising)
    const report = await reportOf(context)
    expect(report.map(({ insight }) => insight)).toEqual(allInsights.map(({ name }) => name))
    const results = Object.fromEntries(report.map(({ insight, result }) => [insight, result]))
    expect(results['top-of-book']).toMatchObject({ bid: '71246.55', ask: '71247.56', ageMs: 5_000 })
    expect(results['best-prices']!['windows']).toMatchObject([
      { from: '2026-11-20T14:15:00.000Z', lowestAsk: '71235.57', complete: true },
      { from: '2026-11-20T14:20:00.000Z', books: 300, coverage: 1, complete: true },
      { from: '2026-11-20T14:25:00.000Z', books: 300, coverage: 1, complete: true },
      { from: '2026-11-20T14:30:00.000Z', books: 300, coverage: 1, complete: true },
      { from: '2026-11-20T14:35:00.000Z', highestBid: '71246.55', complete: false },
    ])
    expect(results['max-spread']!['allTime']).toMatchObject([{ maxSpread: '1.01', books: 1_200 }])
    expect(results['mid-price-forecast']).toMatchObject({ lastMid: '71247.055', samples: 900 })
    expect(results['mid-price-forecast']!['forecast']).toBeCloseTo(71_247.655, 6)
  })

  test('logs start, result and completion of every analysis', async () => {
    const context = testContext({}, () => NOW_MS)
    await publishQuotes(context, rising.slice(-10))
    await reportOf(context)
    const said = context.lines.map(({ msg }) => msg)
    for (const { name } of allInsights) {
      expect(said).toContain(`Running analysis: ${name}`)
      expect(said.some((line) => line.startsWith(`Analysis ${name} produced the result: `))).toBe(true)
      expect(said).toContain(`Analysis ${name} completed`)
    }
  })

  test('publishes every answer on the topic of the insights', async () => {
    const context = testContext({}, () => NOW_MS)
    await publishQuotes(context, rising.slice(-10))
    const report = await reportOf(context)
    const { broker, close } = await bringTablesUpToDate(context)
    const records = await broker.read({ topic: INSIGHTS_TOPIC, partition: 0 }, 0, 100)
    await close()
    const kept = records.map(({ value }) => InsightResult.parse(JSON.parse(value!)))
    expect(kept.map(({ insight, result }) => ({ insight, result }))).toEqual(
      report.map(({ insight, result }) => ({ insight, result })),
    )
    expect(kept.every(({ slotMs }) => slotMs === NOW_MS)).toBe(true)
  })

  test('answers of the same slot make one row, whoever gave them first', async () => {
    let nowMs = NOW_MS
    const context = testContext({}, () => nowMs)
    await publishQuotes(context, rising.slice(-10))
    for (const laterMs of [300, 100, 200]) {
      nowMs = NOW_MS + laterMs
      await answerInsights(context, allInsights, {}, { slotMs: NOW_MS })
    }
    const { db, close } = await bringTablesUpToDate(context)
    const rows = await db.selectFrom('insights').select(['insight', 'slot_ms', 'computed_at_ms']).execute()
    await close()
    expect(rows.map(({ insight }) => insight).sort()).toEqual(allInsights.map(({ name }) => name).sort())
    expect(rows.every((row) => row.slot_ms === NOW_MS && row.computed_at_ms === NOW_MS + 100)).toBe(true)
  })

  test('19 crossed books are 19 crossed books: no mid, no forecast, widest by 139.6902', async () => {
    const context = testContext({}, () => Date.parse('2024-11-28T06:04:00Z'))
    const fixture = new URL('../../fixtures/golden/nineteen-crossed-books.json', import.meta.url)
    const { rows } = JSON.parse(readFileSync(fixture, 'utf8')) as {
      rows: { highestBid: string; lowestAsk: string; at: string }[]
    }
    await publishQuotes(
      context,
      rows.map(({ highestBid, lowestAsk, at }) => ({
        atMs: Date.parse(`${at.replace(' ', 'T').slice(0, 23)}Z`),
        bid: highestBid,
        ask: lowestAsk,
      })),
    )
    expect(await insights(context, { format: 'text' })).toBe(0)
    const report = context.printed()
    expect(report).toContain('19 of 19 books crossed, widest by 139.6902 at 06:02:21.205; no uncrossed mid\n')
    expect(report).toContain('no forecast: no uncrossed mid')
    const { db, close } = await bringTablesUpToDate(context)
    expect(await db.selectFrom('rejections').selectAll().execute()).toEqual([])
    expect(await db.selectFrom('rejection_digests').selectAll().execute()).toEqual([])
    await close()
  })

  test.each([
    ['json', '[]\n'],
    ['csv', 'insight,venue,source,product,computedAt,from,to,field,value\n'],
  ] as const)('with nothing captured, %s is empty and the exit code 0', async (format, printed) => {
    const context = testContext()
    expect(await insights(context, { format })).toBe(0)
    expect(context.printed()).toBe(printed)
  })

  test('with nothing captured the text says how to get data', async () => {
    const context = testContext()
    expect(await insights(context, { format: 'text' })).toBe(0)
    expect(context.printed()).toContain('No data yet: run `npm run generate-mock -- --history 30m --exit`')
  })

  test('answers only what is asked for', async () => {
    const context = testContext({}, () => NOW_MS)
    await publishQuotes(context, rising.slice(-10))
    const asked = { insight: 'max-spread', product: 'BTC-USD', source: 'mock', venue: 'coinbase' }
    expect((await reportOf(context, asked)).map(({ insight }) => insight)).toEqual(['max-spread'])
  })

  test('an insight that does not exist is a mistake of usage, and the names are said', async () => {
    const asked = insights(testContext(), { format: 'text', insight: 'best-price' })
    await expect(asked).rejects.toBeInstanceOf(EngineError)
    await expect(asked).rejects.toMatchObject({
      code: 'usage',
      hint: 'there are top-of-book, consolidated, best-prices, max-spread, mid-price-forecast',
    })
  })
})
