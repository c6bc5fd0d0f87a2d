import { describe, expect, test } from 'vitest'
import {
  nothingToWatch,
  patternsFor,
  shareOut,
  type WireUse,
} from '../../../src/ingest/streaming/product-list.ts'
import type { Listing, Wire } from '../../../src/ingest/venue.ts'
import type { FeedKind } from '../../../src/models/topics.ts'

describe('which patterns a wire can answer', () => {
  const patterns = ['BTC-USDT', '*-USDT', 'BTC-USDT-PERP', '*-PERP', '*']
  const rows: [Wire['lists'], string[]][] = [
    ['both', patterns],
    ['spot', ['BTC-USDT', '*-USDT', '*-PERP', '*']],
    ['derivatives', ['BTC-USDT-PERP']],
  ]
  test.each(rows)('%s', (lists, expected) => {
    expect(patternsFor(use('w', lists, []).wire, patterns)).toEqual(expected)
  })
})

describe('which wire each kind of a product comes from', () => {
  const all: FeedKind[] = ['books', 'trades', 'tickers']

  test('the first that carries the kind and lists the product', () => {
    const { shares, unknown } = shareOut(
      [
        { use: use('deep', 'spot', ['books']), listings: [listed('BTC-USD')] },
        { use: use('plain', 'spot', all), listings: [listed('BTC-USD'), listed('ETH-USD')] },
      ],
      ['BTC-USD', 'ETH-USD'],
    )
    expect(told(shares)).toEqual([
      'deep BTC-USD: books',
      'plain BTC-USD: trades, tickers',
      'plain ETH-USD: books, trades, tickers',
    ])
    expect(unknown).toEqual([])
  })

  test('a pattern finds what is traded now; what is named is taken whether it is or not', () => {
    const listings = [listed('BTC-USD'), listed('OLD-USD', false), listed('DEAD-USD', false)]
    const { shares, unknown } = shareOut(
      [{ use: use('w', 'spot', ['books']), listings }],
      ['*-USD', 'OLD-USD', 'NEW-USD', '*-EUR'],
    )
    expect(told(shares)).toEqual(['w BTC-USD: books', 'w OLD-USD: books'])
    expect(unknown).toEqual(['NEW-USD', '*-EUR'])
  })

  test('what two patterns find is taken once', () => {
    const { shares } = shareOut(
      [{ use: use('w', 'spot', ['books']), listings: [listed('BTC-USD')] }],
      ['BTC-*', '*-USD'],
    )
    expect(told(shares)).toEqual(['w BTC-USD: books'])
  })

  test('two of the venue’s names for one product are one product, by the first', () => {
    const twice = [
      { ...listed('BTC-USD'), symbol: 'XBTUSD' },
      { ...listed('BTC-USD'), symbol: 'BTCUSD' },
    ]
    const { shares } = shareOut([{ use: use('w', 'spot', ['books']), listings: twice }], ['BTC-USD'])
    expect(shares[0]!.wanted.map(({ listing }) => listing.symbol)).toEqual(['XBTUSD'])
  })
})

test('where nothing is to be had, it says what was asked for', () => {
  expect(nothingToWatch('binance', ['X-Y', '*-Z'])).toMatchObject({
    code: 'venue-refused',
    message: 'binance lists nothing that matches X-Y, *-Z',
  })
})

function use(name: string, lists: Wire['lists'], kinds: readonly FeedKind[]): WireUse {
  return { wire: { name, lists } as Wire, restUrl: '', socketUrl: '', kinds }
}

function listed(product: string, trading = true): Listing {
  return { symbol: product.replace('-', ''), product, trading }
}

function told(shares: ReturnType<typeof shareOut>['shares']): string[] {
  return shares.flatMap(({ use: { wire }, wanted }) =>
    wanted.map(({ listing, kinds }) => `${wire.name} ${listing.product}: ${kinds.join(', ')}`),
  )
}
