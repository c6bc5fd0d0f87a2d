import { expect, test } from 'vitest'
import { isDerivative, matchesPattern } from '../../src/models/patterns.ts'

const cases: [string, string, boolean][] = [
  ['BTC-USD', 'BTC-USD', true],
  ['BTC-USD', 'BTC-USDT', false],
  ['*-USD', 'BTC-USD', true],
  ['*-USD', 'BTC-USDT', false],
  ['*USDT', 'BTC-USDT', true],
  ['*', 'BTC-USDT', true],
  ['BTC-*', 'BTC-EUR', true],
  ['B*-USD', 'ETH-USD', false],
  ['*-USD', 'BTC-USD-PERP', false],
  ['*', 'BTC-USD-PERP', false],
  ['*-*-PERP', 'BTC-USD-PERP', true],
  ['BTC-USD-*', 'BTC-USD-27JUN25', true],
  ['BTC-USD-*-C', 'BTC-USD-27JUN25-50000-C', true],
  ['BTC-USD-*-C', 'BTC-USD-27JUN25-50000-P', false],
]
test.each(cases)('%s matches %s: %s', (pattern, product, expected) => {
  expect(matchesPattern(pattern, product)).toBe(expected)
})

test('three parts make a derivative', () => {
  expect(['BTC-USD', '*USDT', 'BTC-USD-PERP', '*-*-PERP'].map(isDerivative)).toEqual([
    false,
    false,
    true,
    true,
  ])
})
