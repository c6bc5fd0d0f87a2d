import { describe, expect, test } from 'vitest'
import {
  DecimalText,
  PositiveDecimal,
  Product,
  RunId,
  SourceId,
  TIME_MS_MAX,
  TIME_MS_MIN,
  TimeMs,
  VENUES,
  VenueId,
} from '../../src/models/scalars.ts'

const accepts = (schema: { safeParse(value: unknown): { success: boolean } }, value: unknown) =>
  schema.safeParse(value).success

describe('a product is BASE-QUOTE', () => {
  test.each([
    'BTC-USD',
    '1INCH-USDT',
    '00-USD',
    'A-B',
    'BTC-USD-PERP',
    'BTC-USD-24SEP21-8000-P',
    '币安人生-USDT',
  ])('%s', (text) => {
    expect(accepts(Product, text)).toBe(true)
  })
  const no = [
    'btc-usd',
    'BTCUSD',
    'BTC-USD-perp',
    'BTC-USD-27JUN25-50000-C-X',
    'BTC_USD',
    'BTC-',
    '-USD',
    ' BTC-USD',
    'BTC-USD\n',
    '../-USD',
  ]
  no.push(`${'A'.repeat(21)}-USD`, 'BTC-ＵＳＤ', '', '__proto__')
  test.each(no)('"%s" is none', (text) => {
    expect(accepts(Product, text)).toBe(false)
  })
})

test('a price is worth more than nothing; any other decimal may be less', () => {
  expect(['0', '0.00', '-1', '-0', '1e3', 1].map((value) => accepts(PositiveDecimal, value))).not.toContain(
    true,
  )
  expect(['0.000000000000000001', '64930.00'].map((value) => accepts(PositiveDecimal, value))).not.toContain(
    false,
  )
  expect(['0', '-139.6902', '1'].map((value) => accepts(DecimalText, value))).not.toContain(false)
  expect(['', '1e3', '.5', 'NaN'].map((value) => accepts(DecimalText, value))).not.toContain(true)
})

test('a time lies between 2010 and 2100, in whole milliseconds', () => {
  expect([TIME_MS_MIN, TIME_MS_MAX].map((value) => accepts(TimeMs, value))).toEqual([true, true])
  expect(
    [TIME_MS_MIN - 1, TIME_MS_MAX + 1, 0, TIME_MS_MIN + 0.5, Number.NaN, '1795185300000'].map((value) =>
      accepts(TimeMs, value),
    ),
  ).not.toContain(true)
})

test('made data says what made it: mock and simulator are sources, never venues', () => {
  for (const venue of VENUES) expect(accepts(VenueId, venue) && accepts(SourceId, venue)).toBe(true)
  for (const made of ['mock', 'simulator'])
    expect([accepts(SourceId, made), accepts(VenueId, made)]).toEqual([true, false])
})

test('a run has a name of bounded length', () => {
  expect([accepts(RunId, 'r'), accepts(RunId, ''), accepts(RunId, 'r'.repeat(121))]).toEqual([
    true,
    false,
    false,
  ])
})
