import { describe, expect, test } from 'vitest'
import { Levels } from '../../../src/ingest/levels.ts'
import {
  AboveZero,
  AmountOrNone,
  addRows,
  Count,
  PriceOrNone,
  productOf,
} from '../../../src/ingest/reading/wire-words.ts'
import { rowsOf } from '../wire-fixtures.ts'

describe('a number as a venue writes it', () => {
  const no = 'no'
  test.each([
    // written, a price that happened, a price or none, an amount or none
    ['0.50', '0.50', '0.50', '0.50'],
    [0.5, '0.5', '0.5', '0.5'],
    [1e-7, '0.0000001', '0.0000001', '0.0000001'],
    ['1e3', '1000', '1000', '1000'],
    ['0', no, null, '0'],
    [0, no, null, '0'],
    ['', no, null, null],
    [null, no, null, null],
    [undefined, no, null, null],
    ['-1', no, no, no],
    ['1e99', no, no, no],
    ['much', no, no, no],
    [true, no, no, no],
  ])('%s', (written, happened, price, amount) => {
    const read = [AboveZero, PriceOrNone, AmountOrNone].map((word) => word.safeParse(written))
    expect(read.map(({ success, data }) => (success ? data : no))).toEqual([happened, price, amount])
  })

  test.each([
    [7, 7],
    ['7', 7],
    ['0', 0],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740992', no],
    ['07', no],
    [-1, no],
    [0.5, no],
    ['', no],
    [undefined, no],
  ])('%s counts as %s', (written, count) => {
    const { success, data } = Count.safeParse(written)
    expect(success ? data : no).toBe(count)
  })
})

describe('rows', () => {
  test('are a price and a size, whatever comes behind', () => {
    const levels = new Levels()
    expect(
      addRows(
        levels,
        'bid',
        [
          ['5.0', '0'],
          ['4', '1.50', '7', {}],
        ],
        ['bids'],
      ),
    ).toBeUndefined()
    expect(rowsOf(levels, { from: 0, to: 2 })).toEqual(['bid 5 0', 'bid 4 1.5'])
  })

  test.each([[['5']], [[5, '1']], [['5', 1]], [['0', '1']], [['5', '-1']], [[]], ['51'], [null]])(
    '%j is none',
    (row) => {
      expect(addRows(new Levels(), 'ask', [['5', '1'], row], ['asks'])).toMatchObject({
        kind: 'wrong-shape',
        path: 'asks[1]',
      })
    },
  )
})

test.each([
  [['BTC', 'USDT'], 'BTC-USDT'],
  [['USDe', 'USDT'], 'USDE-USDT'],
  [['BTC', 'USD', 'UM', 'PERP'], 'BTC-USD-UM-PERP'],
  [['BTC', ''], undefined],
  [['$', 'USD'], undefined],
])('%j make the product %s', (parts, product) => {
  expect(productOf(...parts)).toBe(product)
})
