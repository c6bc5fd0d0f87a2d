import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { Insight, InsightAnswer } from '../../src/insights/insight.ts'
import { resultsOf, runInsights } from '../../src/insights/run-insights.ts'
import { InsightResult } from '../../src/models/insight.ts'
import { ABOUT, NOW_MS, openTables } from './tables.ts'

const answer: InsightAnswer = {
  venue: 'coinbase',
  source: 'mock',
  product: 'BTC-USD',
  fromMs: null,
  toMs: NOW_MS,
  result: { highestBid: '100' },
  sentence: 'highest bid is 100 at 14:00:00',
  rows: [],
}

function insight(name: string, answers: () => Promise<InsightAnswer[]>): Insight {
  return { name, tables: [], answer: answers }
}

function logOf() {
  const lines: string[] = []
  const log = pino({}, { write: (line) => lines.push((JSON.parse(line) as { msg: string }).msg) })
  return { log, lines }
}

const good = insight('good', async () => [answer])
const throwing = insight('throwing', async () => {
  throw new Error('no such column')
})
const hanging = insight('hanging', () => new Promise(() => {}))

test('start, result and completion of an analysis are logged', async () => {
  const { log, lines } = logOf()
  await runInsights([good], openTables().db, ABOUT, { log })
  expect(lines).toEqual([
    'Running analysis: good',
    'Analysis good produced the result: highest bid is 100 at 14:00:00',
    'Analysis good completed',
  ])
})

test('a long result is logged as its first four sentences', async () => {
  const { log, lines } = logOf()
  const many = insight('many', async () => Array<InsightAnswer>(6).fill({ ...answer, sentence: 'a' }))
  const none = insight('none', async () => [])
  await runInsights([many, none], openTables().db, ABOUT, { log })
  expect(lines).toContain('Analysis many produced the result: a | a | a | a | and 2 more')
  expect(lines).toContain('Analysis none produced the result: no data yet')
})

test('one that throws or hangs is told, and never stops the others', async () => {
  const { log, lines } = logOf()
  const outcomes = await runInsights([throwing, hanging, good], openTables().db, ABOUT, { log, msMax: 20 })
  expect(outcomes.map((outcome) => ('failure' in outcome ? outcome.failure.message : 'answered'))).toEqual([
    'no such column',
    'no answer within 20 ms',
    'answered',
  ])
  expect(lines).toContain('Analysis throwing failed: no such column')
  expect(lines).toContain('Analysis hanging failed: no answer within 20 ms')
  expect(lines).toContain('Analysis good completed')
})

test('answers become records of the topic, one an insight and feed, under their slot', async () => {
  const { log } = logOf()
  const outcomes = await runInsights([throwing, good], openTables().db, ABOUT, { log })
  const results = resultsOf(outcomes, { slotMs: NOW_MS - 12_000, computedAtMs: NOW_MS })
  expect(results).toEqual([
    {
      type: 'insight',
      insight: 'good',
      venue: 'coinbase',
      source: 'mock',
      product: 'BTC-USD',
      slotMs: NOW_MS - 12_000,
      computedAtMs: NOW_MS,
      fromMs: null,
      toMs: NOW_MS,
      result: { highestBid: '100' },
    },
  ])
  expect(InsightResult.parse(results[0])).toEqual(results[0])
})
