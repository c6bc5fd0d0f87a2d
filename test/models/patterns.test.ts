import fc from 'fast-check'
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
  ['*C*-USD', 'BCC-USD', true],
  ['*USD*USD', 'USD-USD', true],
  ['*USD*USD', 'BTC-USD', false],
  ['B*B-USD', 'B-USD', false],
  ['*.5-*-*', '1.5-USD-PERP', true],
  ['*.5-*-*', '105-USD-PERP', false],
  ['*-USDT', '币安人生-USDT', true],
]
test.each(cases)('%s matches %s: %s', (pattern, product, expected) => {
  expect(matchesPattern(pattern, product)).toBe(expected)
})

test('any letters may stand between the stars: it is what a regular expression says', () => {
  const anyText = fc.string({ unit: fc.constantFrom('A', 'B', '-'), maxLength: 9 })
  const anyPattern = fc.string({ unit: fc.constantFrom('A', 'B', '-', '*', '*'), maxLength: 9 })
  fc.assert(
    fc.property(anyPattern, anyText, (pattern, product) => {
      const isLike = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(product)
      const isOfKind = pattern === product || isDerivative(pattern) === isDerivative(product)
      expect(matchesPattern(pattern, product)).toBe(isLike && isOfKind)
    }),
    { numRuns: 2_000 },
  )
})

test('three parts make a derivative', () => {
  expect(['BTC-USD', '*USDT', 'BTC-USD-PERP', '*-*-PERP'].map(isDerivative)).toEqual([
    false,
    false,
    true,
    true,
  ])
})
