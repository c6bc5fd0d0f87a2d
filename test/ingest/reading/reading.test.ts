import Big from 'big.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { plainDecimal, readExactJson, readJson } from '../../../src/ingest/reading/reading.ts'

describe('a JSON number is had back as it was written, in plain notation', () => {
  test.each([
    ['37240.0', '37240'],
    ['2.0e3', '2000'],
    ['2E+3', '2000'],
    ['1e-7', '0.0000001'],
    ['12.5e-2', '0.125'],
    ['0.0', '0'],
    ['-0.0', '0'],
    ['-5.50', '-5.5'],
    ['0.1', '0.1'],
    ['0.30000000000000004', '0.30000000000000004'],
    ['9007199254740993', '9007199254740993'],
    ['123456789012345678', '123456789012345678'],
    ['1234567.8901234567', '1234567.8901234567'],
    ['1.2345678901234567e3', '1234.5678901234567'],
    ['1e18', '1000000000000000000'],
    ['1e-18', '0.000000000000000001'],
    ['1e-19', undefined],
    ['1e20', undefined],
    ['1e999', undefined],
    ['123456789012345678901', undefined],
  ])('%s is %s', (written, plain) => {
    expect(numberOf(`{"a":"x","n":${written}}`)).toBe(plain)
  })

  test('whatever its digits', () => {
    const digits = (max: number) => fc.array(fc.nat(9), { maxLength: max }).map((all) => all.join(''))
    const written = fc
      .tuple(fc.constantFrom('', '-'), digits(12), digits(12), fc.integer({ min: -8, max: 8 }), fc.boolean())
      .map(([sign, whole, places, exponent, plain]) => {
        const number = `${sign}${whole.replace(/^0+/, '') || '0'}${places === '' ? '' : `.${places}`}`
        return plain ? number : `${number}e${exponent}`
      })
    fc.assert(
      fc.property(written, (text) => {
        const plain = numberOf(`{"n":${text}}`)
        const exact = new Big(text)
        const fits = exact.abs().lt('1e20') && (exact.toFixed().split('.')[1] ?? '').length <= 18
        if (plain === undefined) expect(fits).toBe(false)
        else expect(new Big(plain).eq(exact)).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })
})

test('what is no JSON stays none, however its numbers look', () => {
  const bad = [
    '{1234567890123456:1}',
    '[01234567890123456]',
    '[1234567890123456.]',
    '[-]',
    '[.1234567890123456]',
    '',
    '\ufeff[]',
  ]
  for (const text of bad) {
    expect(readExactJson(Buffer.from(text))).toMatchObject({ refusal: { kind: 'malformed-json', path: '' } })
    expect(readJson(Buffer.from(text))).toMatchObject({ refusal: { kind: 'malformed-json', path: '' } })
  }
  expect(readJson(Buffer.from([0x22, 0xc3, 0x22]))).toMatchObject({ refusal: { kind: 'malformed-json' } })
})

test('digits in strings are left alone', () => {
  const text = '{"a":"12345678901234567890","b\\"1234567890123456":["\\\\",1234567890123456789]}'
  expect(readExactJson(Buffer.from(text))).toEqual({
    json: { a: '12345678901234567890', 'b"1234567890123456': ['\\', '1234567890123456789'] },
  })
})

function numberOf(text: string): string | undefined {
  const read = readExactJson(Buffer.from(text))
  if ('refusal' in read) throw new Error(read.refusal.message)
  return plainDecimal((read.json as { n: number | string }).n)
}
