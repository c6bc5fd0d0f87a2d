import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import type { Insight } from '../../src/insights/insight.ts'
import { renderCsv } from '../../src/insights/render-csv.ts'
import { renderJson } from '../../src/insights/render-json.ts'
import { renderText } from '../../src/insights/render-text.ts'
import { allInsights, type Outcome, resultsOf, runInsights } from '../../src/insights/run-insights.ts'
import { InsightResult } from '../../src/models/insight.ts'
import { ABOUT, at, NOW_MS, openTables } from './tables.ts'

const silent = { log: pino({ level: 'silent' }) }

async function outcomesOf(fill: (tables: ReturnType<typeof openTables>) => void): Promise<Outcome[]> {
  const tables = openTables()
  fill(tables)
  return runInsights(allInsights, tables.db, ABOUT, silent)
}

function text(outcomes: readonly Outcome[], more: { lagRecords?: number; colour?: boolean } = {}): string {
  return renderText({ about: ABOUT, outcomes, lagRecords: 0, colour: false, ...more })
}

describe('the text report', () => {
  test('lines its columns up, under a heading for each source', async () => {
    const outcomes = await outcomesOf(({ put, putSamples }) => {
      putSamples([100, 100.5, 101, 101.25, 102])
      put('best_prices', {}, { start_ms: at('14:35:00'), highest_bid: '1000', complete: 0, coverage: 0.42 })
      put('max_spread', { crossed_max: '0.5', crossed_max_at_ms: at('14:31:00'), crossed: 2 })
      put('max_spread_all_time', {})
    })
    expect(text(outcomes)).toBe(
      `Tidebook insights at 2026-11-20 14:37:12 UTC

coinbase, source mock: made data, not the market

  Top of book  prices in the quote currency, sizes in the base or, of derivatives, contracts; imbalance 1: all size on the bid, -1: all on the ask
    product       bid  size       ask  size  spread     bps        mid  microprice  imbalance  received        age
    BTC-USD  71234.56     3  71235.57     1    1.01  0.1418  71235.065   71235.318       0.50  14:37:05.000  7.0 s

  Best bid and ask over venues  nothing to compare: coinbase is the only venue with mock books

  Highest bid and lowest ask  each with the first moment it was reached; prices in the quote currency
    product  length  window       highest bid  at            lowest ask  at            books  covered
    BTC-USD      5m  14:30-14:35        100.5  14:32:00.500       100.9  14:33:00.000     60    100 %
                 5m  14:35-14:40       1000    14:32:00.500       100.9  14:33:00.000     60     42 %  partial

  Maximum spread  ask - bid in the quote currency; bps of the mid at that moment
    product  length  window            max spread     bps  at            books  covered
    BTC-USD      5m  all, since 14:05        1.01  0.1418  14:32:10.000     60
                 5m  14:30-14:35             1.01  0.1418  14:32:10.000     60    100 %  2 of 60 books crossed, widest by 0.5 at 14:31:00.000

  Mid-price forecast  a straight line through the last mids, read off ahead of the last one; prices in the quote currency
    product  last mid (naive)    age  forecast  for       95 % of past errors       textbook OLS 95 %  slope/min    R²  n
    BTC-USD               102  7.0 s    130.40  14:38:05  not yet (0 of 30 errors)  122.85 to 137.95     +28.500  0.98  5

  How good that forecast was  mean absolute error over past forecasts, beside the naive one (the last mid); quote currency
    product  over  forecasts  error  naive error
    BTC-USD   15m          0      –            –
               1h          0      –            –
               6h          0      –            –
`,
    )
  })

  test('never puts made and live data under one heading', async () => {
    const outcomes = await outcomesOf(({ put }) => {
      put('top_of_book', { source: 'mock', bid: '1', ask: '2' }, { source: 'coinbase', bid: '3', ask: '4' })
    })
    const [, live, made] = text(outcomes).split(/^coinbase, /m)
    expect(live).toMatch(/^live\n/)
    expect(live).toMatch(/BTC-USD +3 /)
    expect(live).not.toMatch(/BTC-USD +1 /)
    expect(made).toMatch(/^source mock: made data, not the market\n/)
    expect(made).toMatch(/BTC-USD +1 /)
  })

  test('with nothing captured it says so, and how to get data', async () => {
    const outcomes = await outcomesOf(() => {})
    expect(text(outcomes)).toBe(
      `Tidebook insights at 2026-11-20 14:37:12 UTC

No data yet: run \`npm run generate-mock -- --history 30m --exit\` for a made market,
or \`npm run ingest\` for the live one, then ask again.
`,
    )
  })

  test('what failed is said, and is not called missing data', async () => {
    const failed: Insight = { name: 'max-spread', tables: [], answer: async () => [] }
    const report = text([{ insight: failed, failure: new Error('disk I/O error') }])
    expect(report).toContain('max-spread failed: disk I/O error')
    expect(report).not.toContain('No data yet')
  })

  test('tables that are behind the log are said to be', () => {
    expect(text([], { lagRecords: 1_234 })).toContain('The tables are 1234 records behind the log')
  })

  test('colour is used where it is asked for, and changes no character', async () => {
    const outcomes = await outcomesOf(({ put }) => put('top_of_book', { received_at_ms: at('14:00:00') }))
    const coloured = text(outcomes, { colour: true })
    expect(coloured).toContain('\u001b[33mstale\u001b[0m')
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(text(outcomes))
  })
})

const result: InsightResult = InsightResult.parse({
  type: 'insight',
  insight: 'best-prices',
  venue: 'coinbase',
  source: 'mock',
  product: 'BTC-USD',
  slotMs: NOW_MS,
  computedAtMs: NOW_MS,
  fromMs: at('14:30:00'),
  toMs: null,
  result: {
    windows: [
      { highestBid: '100.5', coverage: 1 },
      { highestBid: null, coverage: 0.5 },
    ],
  },
})

describe('the JSON report', () => {
  test('is one array with ISO times and decimals as strings', () => {
    expect(JSON.parse(renderJson([result]))).toEqual([
      {
        insight: 'best-prices',
        venue: 'coinbase',
        source: 'mock',
        product: 'BTC-USD',
        computedAt: '2026-11-20T14:37:12.000Z',
        from: '2026-11-20T14:30:00.000Z',
        to: null,
        result: {
          windows: [
            { highestBid: '100.5', coverage: 1 },
            { highestBid: null, coverage: 0.5 },
          ],
        },
      },
    ])
    expect(renderJson([])).toBe('[]\n')
  })

  test('every insight answers with what its record may hold', async () => {
    const outcomes = await outcomesOf(({ put, putSamples }) => {
      putSamples(Array.from({ length: 2_500 }, (_, i) => 100 + Math.sin(i)))
      put('best_prices', {})
      put('max_spread', {})
      put('max_spread_all_time', {})
    })
    const results = resultsOf(outcomes, { slotMs: NOW_MS, computedAtMs: NOW_MS })
    expect(results.map(({ insight }) => insight)).toEqual(allInsights.map(({ name }) => name))
    for (const one of results) expect(InsightResult.parse(JSON.parse(JSON.stringify(one)))).toEqual(one)
  })
})

describe('the CSV report', () => {
  const about = 'best-prices,coinbase,mock,BTC-USD,2026-11-20T14:37:12.000Z,2026-11-20T14:30:00.000Z,'

  test('has a line a value', () => {
    expect(renderCsv([result])).toBe(
      [
        'insight,venue,source,product,computedAt,from,to,field,value',
        `${about},windows[0].highestBid,100.5`,
        `${about},windows[0].coverage,1`,
        `${about},windows[1].highestBid,`,
        `${about},windows[1].coverage,0.5`,
        '',
      ].join('\n'),
    )
  })

  test.each([
    ['=1+1', "'=1+1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['+1 call', "'+1 call"],
    ['-2+3', "'-2+3"],
    ['-0.5', '-0.5'],
    ['-1.5e-7', '-1.5e-7'],
    ['a "b", c', '"a ""b"", c"'],
    ['two\nlines', '"two\nlines"'],
    ['\tx', "'\tx"],
  ])('the value %j is written %j: a number stays one, a formula never runs', (value, written) => {
    const [, ...lines] = renderCsv([{ ...result, result: { value } }]).split('\n')
    expect(lines.join('\n')).toBe(`${about},value,${written}\n`)
  })
})
