import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { consolidated } from '../../src/insights/consolidated.ts'
import { renderCsv } from '../../src/insights/render-csv.ts'
import { renderText } from '../../src/insights/render-text.ts'
import { resultsOf, runInsights } from '../../src/insights/run-insights.ts'
import { InsightResult } from '../../src/models/insight.ts'
import type { SourceId, VenueId } from '../../src/models/scalars.ts'
import type { Views } from '../../src/store/views.ts'
import { ABOUT, at, NOW_MS, openTables, type TestTables } from './tables.ts'

type Top = Partial<Views['top_of_book']>

/** A live book of two seconds ago. */
function top(venue: VenueId, product: string, bid: string, ask: string, more: Top = {}): Top {
  const timeMs = NOW_MS - 2_000
  const times = { time_ms: timeMs, exchange_time_ms: timeMs, received_at_ms: timeMs }
  return { venue, source: venue, product, bid, ask, ...times, ...more }
}

const silent = { log: pino({ level: 'silent' }) }

async function reported(tables: TestTables, asked: object = {}) {
  const about = { ...ABOUT, ...asked }
  const outcomes = await runInsights([consolidated], tables.db, about, silent)
  const text = renderText({ about, outcomes, lagRecords: 0, colour: false })
  const results = resultsOf(outcomes, { slotMs: NOW_MS, computedAtMs: NOW_MS })
  return {
    text,
    results,
    answers: outcomes.flatMap((outcome) => ('answers' in outcome ? outcome.answers : [])),
  }
}

function filled(...tops: Top[]): TestTables {
  const tables = openTables()
  tables.put('top_of_book', ...tops)
  return tables
}

const BTC = [
  top('binance', 'BTC-USDT', '71234.5', '71236.5'),
  top('kucoin', 'BTC-USDT', '71236', '71237'),
  top('okx', 'BTC-USDT', '71234', '71235.5', { bid_size: '0.25', ask_size: '0.75' }),
  top('coinbase', 'BTC-USD', '71230', '71231'),
]

describe('the report', () => {
  test('shows the best bid and ask over venues, and what pairs across quotes under its own heading', async () => {
    const { text } = await reported(filled(...BTC, top('deribit', 'BTC-USD-PERP', '71229', '71230')))
    expect(text).toBe(`Tidebook insights at 2026-11-20 14:37:12 UTC

all venues, live

  Best bid and ask over venues  edge = best bid - best ask in the quote currency, before fees; above zero the venues are crossed
    product   best bid  size  at      best ask  size  at   edge     bps  ages
    BTC-USDT     71236     3  kucoin   71235.5  0.75  okx   0.5  0.0702  binance 2.0 s, kucoin 2.0 s, okx 2.0 s  crossed over venues

  Across quotes, taken as equal  USD, USDT and USDC are not worth the same: an edge here may be no more than what one costs in another
    base  best bid  size  at           best ask  size  at            edge     bps  ages
    BTC      71236     3  kucoin USDT     71231     1  coinbase USD     5  0.7019  binance USDT 2.0 s, coinbase USD 2.0 s, kucoin USDT 2.0 s, okx USDT 2.0 s  crossed over venues

  Best bid and ask over venues  nothing to compare with BTC-USD-PERP of deribit
`)
  })

  test('says in one line that one venue alone has nothing to compare', async () => {
    const { text, results } = await reported(
      filled(top('coinbase', 'BTC-USD', '1', '2'), top('coinbase', 'BTC-USDT', '3', '4')),
    )
    expect(text).toBe(`Tidebook insights at 2026-11-20 14:37:12 UTC

coinbase, live

  Best bid and ask over venues  nothing to compare: coinbase is the only venue with live books
`)
    expect(results).toMatchObject([{ venue: 'coinbase', source: 'coinbase', product: '*' }])
  })

  test('names the first six products that nobody else has, and counts the others', async () => {
    const tops = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'].map((base) => top('okx', `${base}-EUR`, '1', '2'))
    const { text } = await reported(filled(...tops, ...BTC))
    expect(text).toMatch(/nothing to compare with A-EUR of okx, .*, F-EUR of okx and 2 more\n/)
  })

  test('with nothing captured there is no answer', async () => {
    expect((await reported(openTables())).results).toEqual([])
  })

  test('says what was left out and why', async () => {
    const tables = filled(
      ...BTC.slice(0, 2),
      top('okx', 'BTC-USDT', '71240', '71241', { received_at_ms: NOW_MS - 10_001 }),
      top('deribit', 'BTC-USDT', '71240', '71239', { state: 'crossed' }),
      top('coinbase', 'BTC-USDT', '71240', '71241'),
    )
    tables.put('holes', { venue: 'coinbase', source: 'coinbase', product: 'BTC-USDT' })
    const { answers } = await reported(tables)
    expect(answers[0]!.rows[0]![0]!.at(-1)).toBe(
      'left out: coinbase (in a hole since 14:37:06.000), deribit (crossed), okx (10.0 s old)',
    )
    expect(answers[0]!.sentence).toBe(
      'BTC-USDT (live): best bid is 71236 at kucoin and best ask is 71236.5 at binance: edge -0.5 (-0.0702 bps); ' +
        'left out: coinbase (in a hole since 14:37:06.000), deribit (crossed), okx (10.0 s old)',
    )
  })

  test('shows sizes that are not in the base with their unit, and adds none of them', async () => {
    const product = 'BTC-USD-PERP'
    const tables = filled(
      top('deribit', product, '100', '102', { bid_size: '500', unit: '1 USD' }),
      top('okx', product, '100', '103', { bid_size: '7', unit: '0.01 BTC' }),
    )
    const { answers } = await reported(tables)
    expect(answers[0]!.rows[0]![0]!.slice(0, 4)).toEqual([
      product,
      '100',
      '500 x 1 USD, 7 x 0.01 BTC',
      'deribit, okx',
    ])
    expect(answers[0]!.result['bestBid']).toEqual({
      price: '100',
      size: null,
      at: [
        { venue: 'deribit', product, size: '500', unit: '1 USD' },
        { venue: 'okx', product, size: '7', unit: '0.01 BTC' },
      ],
    })
  })
})

describe('the answer for programs', () => {
  test('holds the edge, its mid and every leg with its age, as its record may', async () => {
    const { results } = await reported(filled(...BTC.slice(0, 2)))
    expect(results).toHaveLength(1)
    expect(InsightResult.parse(JSON.parse(JSON.stringify(results[0])))).toEqual(results[0])
    expect(results[0]).toMatchObject({
      insight: 'consolidated',
      venue: 'all',
      source: 'live',
      product: 'BTC-USDT',
    })
    expect(results[0]!.result).toEqual({
      comparison: 'same-quote',
      takenAsEqual: [],
      bestBid: {
        price: '71236',
        size: '3',
        at: [{ venue: 'kucoin', product: 'BTC-USDT', size: '3', unit: null }],
      },
      bestAsk: {
        price: '71236.5',
        size: '1',
        at: [{ venue: 'binance', product: 'BTC-USDT', size: '1', unit: null }],
      },
      mid: '71236.25',
      edge: '-0.5',
      edgeBps: '-0.070188983839',
      legs: [
        leg('binance', { bid: '71234.5', ask: '71236.5' }),
        leg('kucoin', { bid: '71236', ask: '71237' }),
      ],
    })
  })

  test('as CSV has a line a value', async () => {
    const { results } = await reported(filled(...BTC))
    const lines = renderCsv(results).split('\n')
    const about =
      'consolidated,all,live,BTC-USDT,2026-11-20T14:37:12.000Z,2026-11-20T14:37:10.000Z,2026-11-20T14:37:10.000Z'
    expect(lines).toContain(`${about},edge,0.5`)
    expect(lines).toContain(`${about},bestBid.at[0].venue,kucoin`)
  })

  function leg(venue: string, prices: object) {
    const sizes = { bidSize: '3', askSize: '1', unit: null }
    return {
      venue,
      source: venue,
      product: 'BTC-USDT',
      state: 'ok',
      ...prices,
      ...sizes,
      ageMs: 2_000,
      leftOut: [],
    }
  }
})

describe('who is asked about', () => {
  const both = ['BTC-USDT', 'BTC']
  const cases: [asked: object, products: string[]][] = [
    [{}, [...both, '*']],
    [{ product: 'BTC-USDT' }, both],
    [{ product: 'BTC-USD' }, ['BTC']],
    [{ product: 'BTC' }, ['BTC']],
    [{ venue: 'coinbase' }, ['BTC', '*']],
    [{ venue: 'okx', source: 'okx' }, both],
    [{ product: 'SOL-EUR' }, ['SOL-EUR']],
    [{ source: 'mock' }, ['*']],
    [{ source: 'mock', product: 'BTC-USDT' }, []],
    [{ product: 'ETH-USD' }, []],
  ]
  test.each(cases)('%j gets the comparisons that it takes part in: %j', async (asked, products) => {
    const { results } = await reported(filled(...BTC, { product: 'SOL-EUR', source: 'mock' }), asked)
    expect(results.map(({ product }) => product)).toEqual(products)
  })

  test('made and live books are never compared, nor what two generators made', async () => {
    const sources: SourceId[] = ['coinbase', 'mock', 'simulator']
    const tops = sources.map((source) => top('coinbase', 'BTC-USDT', '1', '2', { source }))
    const { results } = await reported(
      filled(...tops, top('okx', 'BTC-USDT', '3', '4', { source: 'simulator' })),
    )
    expect(
      results.map(({ venue, source, product, result }) => [venue, source, product, result['edge']]),
    ).toEqual([
      ['coinbase', 'coinbase', '*', undefined],
      ['coinbase', 'mock', '*', undefined],
      ['all', 'simulator', 'BTC-USDT', '1'],
    ])
  })
})

describe('an open hole', () => {
  const hole = { venue: 'okx', source: 'okx', product: 'BTC-USDT' } as const
  const cases: [
    says: string,
    holes: Partial<Views['holes']>[],
    watches: Partial<Views['watches']>[],
    leaves: boolean,
  ][] = [
    ['leaves its leg out', [{}], [{}], true],
    ['leaves its leg out where nobody is known to watch', [{}], [], true],
    ['of trades leaves no book out', [{ kind: 'trades' }], [{}], false],
    ['that was closed leaves nothing out', [{ to_ms: at('14:37:07') }], [{}], false],
    ['whose end alone is known leaves nothing out', [{ from_ms: null, to_ms: at('14:37:07') }], [{}], false],
    ['of a run that died is made good by a run that watches now', [{}], [{ run: 'r2' }], false],
    ['is not made good by a run that has left', [{}], [{ run: 'r2', bye: 1 }], true],
    [
      'is not made good by a run that has not marked of late',
      [{}],
      [{ run: 'r2', to_ms: at('14:37:01.999') }],
      true,
    ],
    ['is not made good by a run in a hole of its own', [{}, { run: 'r2', id: 'h2' }], [{ run: 'r2' }], true],
    [
      'is not made good by a run that watches another product',
      [{}],
      [{ run: 'r2', product: 'ETH-USDT' }],
      true,
    ],
    ['is not made good by a run that watches trades', [{}], [{ run: 'r2', kind: 'trades' }], true],
    ['of another product leaves nothing out', [{ product: 'ETH-USDT' }], [{}], false],
    ['of another source leaves nothing out', [{ source: 'mock' }], [{}], false],
  ]
  test.each(cases)('%s', async (_, holes, watches, leaves) => {
    const tables = filled(...BTC)
    tables.put('holes', ...holes.map((more) => ({ ...hole, ...more })))
    tables.put('watches', ...watches.map((more) => ({ ...hole, ...more })))
    const { results } = await reported(tables, { product: 'BTC-USDT' })
    const legs = results[0]!.result['legs'] as { venue: string; leftOut: string[] }[]
    expect(legs.find(({ venue }) => venue === 'okx')!.leftOut).toEqual(leaves ? ['hole'] : [])
  })
})
