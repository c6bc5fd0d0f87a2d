import { describe, expect, test } from 'vitest'
import { type Comparison, comparisonsOf, type Leg } from '../../src/insights/consolidated-best.ts'
import type { SourceId, VenueId } from '../../src/models/scalars.ts'

const NOW_MS = Date.parse('2026-11-20T14:37:12Z')

/** `okx BTC-USDT 0.5@100 101@2`: a fresh book, best bid and best ask with their sizes. */
function leg(text: string, more: Partial<Leg> = {}): Leg {
  const [venue, product, bid, ask] = text.split(' ') as [VenueId, string, string, string]
  const [bidSize, bidPrice] = bid.split('@') as [string, string]
  const [askPrice, askSize] = ask.split('@') as [string, string]
  return {
    venue,
    source: venue,
    product,
    state: 'ok',
    bid: bidPrice,
    bidSize,
    ask: askPrice,
    askSize,
    unit: null,
    exchangeTimeMs: NOW_MS - 300,
    receivedAtMs: NOW_MS - 200,
    holeFromMs: null,
    ...more,
  }
}

/** `1.5@100 okx, kucoin` */
function best({ bid, ask, edge }: Comparison): (string | null)[] {
  const side = (said: Comparison['bid']) =>
    said === null ? null : `${said.size}@${said.price} ${said.at.map(({ venue }) => venue).join(', ')}`
  return [side(bid), side(ask), edge?.edge ?? null]
}

describe('the best bid and ask over venues', () => {
  test('worked by hand: bid 100.25 at kucoin over ask 100 at okx is an edge of 0.25, 24.968789013733 bps of 100.125', () => {
    const [only, ...more] = comparisonsOf(
      [
        leg('binance BTC-USDT 1@99.75 100.5@1'),
        leg('kucoin BTC-USDT 2@100.25 100.75@1'),
        leg('okx BTC-USDT 1@99.5 100@3'),
      ],
      NOW_MS,
    )
    expect(more).toEqual([])
    expect(best(only!)).toEqual(['2@100.25 kucoin', '3@100 okx', '0.25'])
    // (100.25 + 100) / 2 = 100.125; 0.25 / 100.125 x 10,000 = 20,000 / 801 = 24.9687890137328...
    expect(only!.edge).toEqual({ mid: '100.125', edge: '0.25', edgeBps: '24.968789013733' })
  })

  const cases: [says: string, legs: string[], bid: string, ask: string, edge: string][] = [
    [
      'below zero where nothing is crossed',
      ['okx A-B 1@9 11@1', 'kucoin A-B 1@8 10@2'],
      '1@9 okx',
      '2@10 kucoin',
      '-1',
    ],
    [
      'zero where venues are locked',
      ['okx A-B 1@9 11@1', 'kucoin A-B 1@8 9@2'],
      '1@9 okx',
      '2@9 kucoin',
      '0',
    ],
    [
      'of one venue where it has both',
      ['okx A-B 1@9 10@1', 'kucoin A-B 1@8 11@2'],
      '1@9 okx',
      '1@10 okx',
      '-1',
    ],
    [
      'by value: 9.50 and 9.5 are one price, whose sizes are added',
      ['okx A-B 0.1@9.50 10@1', 'kucoin A-B 0.2@9.5 11@2'],
      '0.3@9.5 okx, kucoin',
      '1@10 okx',
      '-0.5',
    ],
    [
      'by value, not as text: 10 is more than 9',
      ['okx A-B 1@9 100@1', 'kucoin A-B 1@10 99@1'],
      '1@10 kucoin',
      '1@99 kucoin',
      '-89',
    ],
    [
      'exact beyond doubles',
      [
        'okx A-B 1@9007199254740993.25 9007199254740999@1',
        'kucoin A-B 1@9007199254740993 9007199254740993.000001@1',
      ],
      '1@9007199254740993.25 okx',
      '1@9007199254740993.000001 kucoin',
      '0.249999',
    ],
  ]
  test.each(cases)('is %s', (_, legs, bid, ask, edge) => {
    const [only] = comparisonsOf(
      legs.map((text) => leg(text)),
      NOW_MS,
    )
    expect(best(only!)).toEqual([bid, ask, edge])
  })

  test('sizes are not added where one is in another unit', () => {
    const [only] = comparisonsOf(
      [leg('okx A-B-PERP 5@9 10@1', { unit: '0.01 A' }), leg('deribit A-B-PERP 5@9 11@1')],
      NOW_MS,
    )
    expect(best(only!)).toEqual(['null@9 okx, deribit', 'null@10 okx', '-1'])
  })
})

describe('what is compared', () => {
  const cases: [says: string, legs: string[], comparisons: string[]][] = [
    ['nothing where one venue is alone', ['okx BTC-USD 1@1 2@1'], []],
    ['nothing where two quotes have one venue', ['okx BTC-USD 1@1 2@1', 'okx BTC-USDT 1@1 2@1'], []],
    ['a product of two venues', ['okx BTC-EUR 1@1 2@1', 'kucoin BTC-EUR 1@1 2@1'], ['same-quote BTC-EUR']],
    [
      'dollars of several kinds, and nothing of them in the exact comparison',
      [
        'okx BTC-USDT 1@1 2@1',
        'kucoin BTC-USDT 1@1 2@1',
        'coinbase BTC-USD 1@9 10@1',
        'binance BTC-USDC 1@1 2@1',
      ],
      ['same-quote BTC-USDT', 'across-quotes BTC'],
    ],
    ['no other quotes than dollars across quotes', ['okx BTC-EUR 1@1 2@1', 'kucoin BTC-USD 1@1 2@1'], []],
    [
      'derivatives with their own name only',
      ['okx BTC-USD-PERP 1@1 2@1', 'deribit BTC-USDT-PERP 1@1 2@1'],
      [],
    ],
    [
      'derivatives of one name',
      ['okx BTC-USD-PERP 1@1 2@1', 'deribit BTC-USD-PERP 1@1 2@1', 'coinbase BTC-USD 1@1 2@1'],
      ['same-quote BTC-USD-PERP'],
    ],
    [
      'everything by name',
      ['okx B-EUR 1@1 2@1', 'okx A-EUR 1@1 2@1', 'kucoin B-EUR 1@1 2@1', 'kucoin A-EUR 1@1 2@1'],
      ['same-quote A-EUR', 'same-quote B-EUR'],
    ],
  ]
  test.each(cases)('is %s', (_, legs, comparisons) => {
    const made = comparisonsOf(
      legs.map((text) => leg(text)),
      NOW_MS,
    )
    expect(made.map(({ kind, name }) => `${kind} ${name}`)).toEqual(comparisons)
    const exact = made.find(({ kind }) => kind === 'same-quote')
    expect(new Set(exact?.legs.map(({ product }) => product)).size).toBe(exact === undefined ? 0 : 1)
  })

  test('is never of unlike sources', () => {
    const from = (source: SourceId, venue: VenueId) => leg(`${venue} BTC-USD 1@1 2@1`, { source })
    const mixed = [from('coinbase', 'coinbase'), from('mock', 'okx'), from('simulator', 'kucoin')]
    expect(comparisonsOf(mixed, NOW_MS)).toEqual([])
    const made = comparisonsOf([...mixed, from('okx', 'okx'), from('simulator', 'okx')], NOW_MS)
    expect(made.map(({ source, legs }) => [source, legs.map((one) => one.source)])).toEqual([
      ['live', ['coinbase', 'okx']],
      ['simulator', ['simulator', 'simulator']],
    ])
  })
})

describe('a leg', () => {
  const others = [leg('okx A-B 1@9 10@1'), leg('kucoin A-B 1@9 10@1')]
  const cases: [says: string, more: Partial<Leg>, ageMs: number, leftOut: string[]][] = [
    ['is as old as the venue says', {}, 300, []],
    ['is as old as its arrival where the venue says no time', { exchangeTimeMs: null }, 200, []],
    [
      'is as old as its arrival where the venue’s clock is ahead',
      { exchangeTimeMs: NOW_MS + 5_000 },
      200,
      [],
    ],
    ['of ten seconds is compared', { exchangeTimeMs: NOW_MS - 10_000 }, 10_000, []],
    ['that is older is stale, however late it came', { exchangeTimeMs: NOW_MS - 10_001 }, 10_001, ['stale']],
    ['that came too long ago is stale', { receivedAtMs: NOW_MS - 10_001 }, 10_001, ['stale']],
    [
      'from a clock far ahead of ours is left out',
      { receivedAtMs: NOW_MS + 10_001, exchangeTimeMs: null },
      -10_001,
      ['ahead'],
    ],
    ['in an open hole is left out', { holeFromMs: NOW_MS }, 300, ['hole']],
    ['that is crossed is left out', { state: 'crossed' }, 300, ['crossed']],
    ['that is locked is left out', { state: 'locked' }, 300, ['locked']],
    ['of an auction is left out', { state: 'indicative' }, 300, ['indicative']],
    [
      'is left out for every reason there is',
      { state: 'crossed', holeFromMs: 1, receivedAtMs: NOW_MS - 60_000 },
      60_000,
      ['stale', 'hole', 'crossed'],
    ],
  ]
  test.each(cases)('%s', (_, more, ageMs, leftOut) => {
    const [only] = comparisonsOf([...others, leg('binance A-B 1@9.5 9.75@1', more)], NOW_MS)
    const judged = only!.legs.find(({ venue }) => venue === 'binance')!
    expect([judged.ageMs, judged.leftOut]).toEqual([ageMs, leftOut])
    expect(only!.bid!.price).toBe(leftOut.length === 0 ? '9.5' : '9')
  })

  test('that is the only one left has prices, but no edge over venues', () => {
    const [only] = comparisonsOf(
      [leg('okx A-B 1@9 10@1'), leg('kucoin A-B 1@11 12@1', { state: 'locked' })],
      NOW_MS,
    )
    expect(best(only!)).toEqual(['1@9 okx', '1@10 okx', null])
  })

  test('where all are left out there are no prices', () => {
    const [only] = comparisonsOf(
      others.map((one) => ({ ...one, holeFromMs: NOW_MS })),
      NOW_MS,
    )
    expect(best(only!)).toEqual([null, null, null])
  })

  test('across quotes there is no edge where only one quote is left', () => {
    const legs = [
      leg('okx A-USDT 1@9 10@1'),
      leg('kucoin A-USDT 1@9 10@1'),
      leg('coinbase A-USD 1@9 10@1', { holeFromMs: NOW_MS }),
    ]
    expect(comparisonsOf(legs, NOW_MS).map(({ kind, edge }) => [kind, edge?.edge ?? null])).toEqual([
      ['same-quote', '-1'],
      ['across-quotes', null],
    ])
  })
})
