import fc from 'fast-check'
import { expect, test } from 'vitest'
import { erlangFloat, isoMicros, padded, stripped } from '../../src/simulator/number-text.ts'

test.each([
  [185, 4, '0.0185', '0.0185', '0.0185'],
  [18_500, 4, '1.8500', '1.85', '1.85'],
  [7_123_456, 2, '71234.56', '71234.56', '71234.56'],
  [7_123_400, 2, '71234.00', '71234', '71234.0'],
  [20, 0, '20', '20', '20.0'],
  [2_000, 0, '2000', '2000', '2.0e3'],
  [14_270, 0, '14270', '14270', '14270.0'],
  [254_870, 0, '254870', '254870', '254870.0'],
  [1_000_000, 1, '100000.0', '100000', '1.0e5'],
  [5, 4, '0.0005', '0.0005', '0.0005'],
  [5, 6, '0.000005', '0.000005', '5.0e-6'],
  [0, 2, '0.00', '0', '0.0'],
])('%d with %d places is %s, %s without zeros, %s to Erlang', (units, places, ...texts) => {
  expect([padded(units, places), stripped(units, places), erlangFloat(units, places)]).toEqual(texts)
})

test('every text is worth what it was made of', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 50 }), fc.integer({ min: 0, max: 9 }), (units, places) => {
      const value = Number(`${units}e-${places}`)
      for (const text of [padded, stripped, erlangFloat]) expect(Number(text(units, places))).toBe(value)
      expect(() => JSON.parse(erlangFloat(units, places)) as unknown).not.toThrow()
    }),
  )
})

test('stamps have six places of a second', () => {
  const timeMs = Date.UTC(2026, 10, 20, 14, 35, 0, 7)
  expect(isoMicros(timeMs, 45)).toBe('2026-11-20T14:35:00.007045Z')
  expect(isoMicros(timeMs + 1_000, 0)).toBe('2026-11-20T14:35:01.007000Z')
})
