import Big from 'big.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  add,
  compare,
  compareTexts,
  type Decimal,
  decimalOf,
  divide,
  formatDecimal,
  half,
  isPositive,
  isPositiveDecimal,
  multiply,
  parseDecimal,
  subtract,
  toNumber,
  ZERO,
} from '../../src/models/decimal.ts'
import { PositiveDecimal } from '../../src/models/scalars.ts'

describe('a text is a decimal or it is not', () => {
  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['-0.00', '0'],
    ['64930', '64930'],
    ['64930.00', '64930'],
    ['100', '100'],
    ['0.50000000', '0.5'],
    ['-1.10', '-1.1'],
    ['0.000000000000000001', '0.000000000000000001'],
    ['99999999999999999999.999999999999999999', '99999999999999999999.999999999999999999'],
    ['-99999999999999999999.999999999999999999', '-99999999999999999999.999999999999999999'],
    ['9007199254740993', '9007199254740993'],
  ])('%s is worth %s', (text, canonical) => {
    expect(formatDecimal(parseDecimal(text)!)).toBe(canonical)
  })

  const no = [
    '',
    '-',
    '.',
    '+1',
    '01',
    '-01',
    '.5',
    '1.',
    '1e3',
    '1E3',
    ' 1',
    '1 ',
    '1\n',
    '1,5',
    '0x10',
    'NaN',
  ]
  no.push('Infinity', '1_000', '--1', '1.2.3', '１', '100000000000000000000', '0.0000000000000000001')
  test.each(no)('"%s" is none', (text) => {
    expect(parseDecimal(text)).toBeUndefined()
  })
})

describe('arithmetic is exact: big.js finds the same', () => {
  test.each<[string, (a: Decimal, b: Decimal) => Decimal, (a: Big, b: Big) => Big]>([
    ['a sum', add, (a, b) => a.plus(b)],
    ['a difference', subtract, (a, b) => a.minus(b)],
    ['a product', multiply, (a, b) => a.times(b)],
    ['a half', half, (a) => a.times('0.5')],
  ])('%s', (_, ours, theirs) => {
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        expect(formatDecimal(ours(decimalOf(a), decimalOf(b)))).toBe(plain(theirs(Big(a), Big(b))))
      }),
      { numRuns: 500 },
    )
  })

  test('a quotient, to twelve places, half to even', () => {
    Big.DP = 12
    Big.RM = Big.roundHalfEven
    fc.assert(
      fc.property(
        decimal,
        decimal.filter((text) => /[1-9]/.test(text)),
        (a, b) => {
          expect(formatDecimal(divide(decimalOf(a), decimalOf(b)))).toBe(plain(Big(a).div(b)))
        },
      ),
      { numRuns: 500 },
    )
  })

  test('an order', () => {
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        expect(Math.sign(compare(decimalOf(a), decimalOf(b)))).toBe(Big(a).cmp(b))
      }),
      { numRuns: 500 },
    )
  })

  test('long chains of operations, whatever way their parts are held', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('+', '-', '/2'), decimal), { maxLength: 30 }),
        (steps) => {
          let ours = ZERO
          let theirs = Big(0)
          for (const [operation, text] of steps) {
            if (operation === '+') [ours, theirs] = [add(ours, decimalOf(text)), theirs.plus(text)]
            else if (operation === '-') [ours, theirs] = [subtract(ours, decimalOf(text)), theirs.minus(text)]
            else [ours, theirs] = [half(ours), theirs.times('0.5')]
          }
          expect(formatDecimal(ours)).toBe(plain(theirs))
          expect(isPositive(ours)).toBe(theirs.gt(0))
        },
      ),
      { numRuns: 200 },
    )
  })
})

test.each([
  ['1', '8', '0.125'],
  ['1', '3', '0.333333333333'],
  ['2', '3', '0.666666666667'],
  ['-2', '3', '-0.666666666667'],
  ['0.0000000000005', '1', '0'], // half way, to the even zero
  ['0.0000000000015', '1', '0.000000000002'],
  ['0.0000000000025', '1', '0.000000000002'],
  ['-0.0000000000015', '1', '-0.000000000002'],
  ['0.00000000000050001', '1', '0.000000000001'],
  ['1', '0.000000000000000001', '1000000000000000000'],
])('%s / %s is %s', (a, b, quotient) => {
  expect(formatDecimal(divide(decimalOf(a), decimalOf(b)))).toBe(quotient)
})

test('dividing by zero is an error, never an infinity', () => {
  expect(() => divide(decimalOf('1'), ZERO)).toThrow(RangeError)
})

test('the mid of 71234.56 and 71235.57 is 71235.065, their spread 1.01', () => {
  const [bid, ask] = [decimalOf('71234.56'), decimalOf('71235.57')]
  expect(formatDecimal(half(add(bid, ask)))).toBe('71235.065')
  expect(formatDecimal(subtract(ask, bid))).toBe('1.01')
})

test('a million sizes of every magnitude add up to the last digit', () => {
  let ours = ZERO
  let theirs = 0n
  for (let i = 0; i < 1_000_000; i++) {
    const units = (BigInt(i) * 2_654_435_761n) % 10n ** BigInt(1 + (i % 24))
    const text = units.toString().padStart(9, '0')
    ours = add(ours, decimalOf(`${text.slice(0, -8)}.${text.slice(-8)}`))
    theirs += units
  }
  expect(formatDecimal(multiply(ours, decimalOf('100000000')))).toBe(String(theirs))
})

test('a canonical text is the same value, and the only text of it', () => {
  fc.assert(
    fc.property(decimal, (text) => {
      const canonical = formatDecimal(decimalOf(text))
      expect(compare(decimalOf(canonical), decimalOf(text))).toBe(0)
      expect(formatDecimal(decimalOf(canonical))).toBe(canonical)
      expect(canonical).toMatch(/^(?!-0$)-?(0|[1-9]\d*)(\.\d*[1-9])?$/)
    }),
  )
})

test('a double is the nearest to the value', () => {
  fc.assert(
    fc.property(decimal, (text) => {
      expect(toNumber(decimalOf(text)) + 0).toBe(Number(text) + 0)
    }),
  )
})

describe('texts of prices are judged without making decimals of them', () => {
  test('a price is positive exactly where the schema says so', () => {
    const texts = fc.oneof(decimal, fc.stringMatching(/^[-+0-9.eE]{0,42}$/), fc.string())
    fc.assert(
      fc.property(texts, (text) => {
        expect(isPositiveDecimal(text)).toBe(PositiveDecimal.safeParse(text).success)
      }),
      { numRuns: 5_000 },
    )
  })

  test.each([
    ['64930', '64930.00', 0],
    ['64930.5', '64930.50', 0],
    ['64930', '64930.01', -1],
    ['9', '10', -1],
    ['10', '9.99', 1],
    ['0.1', '0.09', 1],
    ['0.10', '0.1000000', 0],
    ['1.000000000000000001', '1', 1],
    ['99999999999999999999', '99999999999999999998.999999999999999999', 1],
  ])('%s against %s is %d', (a, b, order) => {
    expect(Math.sign(compareTexts(a, b))).toBe(order)
    expect(Math.sign(compareTexts(b, a))).toBe(-order + 0)
  })

  test('their order is the order of their decimals', () => {
    const price = decimal.map((text) => text.replace('-', '')).filter((text) => /[1-9]/.test(text))
    const near = price.chain((text) =>
      fc
        .tuple(fc.constant(text), fc.constantFrom('', '0', '00', '1', '9', '5'))
        .map(([a, b]) => [a, longer(a, b)]),
    )
    fc.assert(
      fc.property(fc.oneof(fc.tuple(price, price), near), ([a, b]) => {
        expect(Math.sign(compareTexts(a!, b!))).toBe(compare(decimalOf(a!), decimalOf(b!)))
      }),
      { numRuns: 2_000 },
    )
  })
})

/** As long and as short as they may be: up to 20 digits before the point and 18 after it. */
const decimal = fc
  .tuple(
    fc.boolean(),
    fc.bigInt({ min: 0n, max: 10n ** 38n - 1n }),
    fc.integer({ min: 1, max: 38 }),
    fc.integer({ min: 0, max: 18 }),
  )
  .map(([negative, any, length, places]) => {
    const digits = (any % 10n ** BigInt(Math.min(length, 20 + places))).toString().padStart(places + 1, '0')
    const whole = digits.slice(0, digits.length - places)
    return `${negative ? '-' : ''}${whole}${places === 0 ? '' : `.${digits.slice(-places)}`}`
  })

/** `b` more digits behind the point of `a`, where there is room. */
function longer(a: string, b: string): string {
  const text = b === '' || a.includes('.') ? a + b : `${a}.${b}`
  return parseDecimal(text) === undefined ? a : text
}

function plain(value: Big): string {
  return value.eq(0) ? '0' : value.toFixed()
}
