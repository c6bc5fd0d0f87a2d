import { pino } from 'pino'
import { expect, test } from 'vitest'
import { renderCsv } from '../../src/insights/render-csv.ts'
import { renderJson } from '../../src/insights/render-json.ts'
import { allInsights, runInsights } from '../../src/insights/run-insights.ts'
import { InsightResult } from '../../src/models/insight.ts'
import { NAUGHTY_LISTS } from '../alerts/naughty.ts'
import { ABOUT, NOW_MS, openTables } from './tables.ts'

const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i

test.each(NAUGHTY_LISTS)(
  'a venue, source or product of such a name is asked for and not found: %s',
  async (_, texts) => {
    const { db, put, putSamples } = openTables()
    put('best_prices', {})
    put('max_spread', {})
    putSamples([100, 101])
    const log = pino({ level: 'silent' })
    for (const text of texts) {
      for (const name of ['venue', 'source', 'product']) {
        const outcomes = await runInsights(allInsights, db, { ...ABOUT, [name]: text }, { log })
        expect(outcomes).toEqual(allInsights.map((insight) => ({ insight, answers: [] })))
      }
    }
    expect(await db.selectFrom('best_prices').selectAll().execute()).toHaveLength(1)
  },
)

test.each(NAUGHTY_LISTS)(
  'JSON and CSV give every text back, and a spreadsheet runs none as a formula: %s',
  (_, texts) => {
    const results = texts.map(resultOf)
    const read = JSON.parse(renderJson(results)) as { product: string; result: object }[]
    expect(read.map(({ product, result }) => ({ product, result }))).toEqual(
      results.map(({ product, result }) => ({ product, result })),
    )
    const [head, ...lines] = cellsOf(renderCsv(results))
    expect(lines).toHaveLength(texts.length)
    for (const [i, line] of lines.entries()) {
      expect(line).toHaveLength(head!.length)
      const [product, field, value] = [line[3]!, line[7]!, line[8]!]
      const text = texts[i]!
      expect([product, field, value]).toEqual([harmless(text), harmless(`x${text}`), harmless(text)])
      for (const cell of line) if (!NUMBER.test(cell)) expect(cell).not.toMatch(/^[=+\-@\t\r]/)
    }
  },
)

function harmless(text: string): string {
  return /^[=+\-@\t\r]/.test(text) && !NUMBER.test(text) ? `'${text}` : text
}

function resultOf(text: string): InsightResult {
  return InsightResult.parse({
    type: 'insight',
    insight: 'best-prices',
    venue: 'coinbase',
    source: 'mock',
    product: text,
    slotMs: NOW_MS,
    computedAtMs: NOW_MS,
    fromMs: null,
    toMs: null,
    result: { [`x${text}`]: text },
  })
}

/** The cells of a CSV file, read as RFC 4180 says. */
function cellsOf(csv: string): string[][] {
  const lines: string[][] = []
  let line: string[] = []
  for (const [, quoted, plain, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\n)/g)) {
    line.push(quoted?.replaceAll('""', '"') ?? plain!)
    if (end === ',') continue
    lines.push(line)
    line = []
  }
  return lines
}
