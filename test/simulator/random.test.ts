import { describe, expect, test } from 'vitest'
import { bell, draw, keyOf, share, subKey } from '../../src/simulator/random.ts'

describe('chance without memory', () => {
  test('draws the same on every machine and in every version', () => {
    const key = subKey(keyOf('1/BTC-USD'), 358_731_072)
    expect([keyOf('1/BTC-USD'), key, draw(key, 0), draw(key, 1)]).toMatchInlineSnapshot(`
      [
        -1167531473,
        144827286,
        2532790283,
        1142628512,
      ]
    `)
  })

  test('every number, also beyond 32 bits, has a key of its own', () => {
    const numbers = [0, 1, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 40, Number.MAX_SAFE_INTEGER]
    expect(new Set(numbers.map((number) => subKey(7, number))).size).toBe(numbers.length)
  })

  test('shares spread evenly over 0..1', () => {
    const tenths = new Array<number>(10).fill(0)
    for (let number = 0; number < 100_000; number++) tenths[Math.floor(share(42, number) * 10)]! += 1
    for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  })

  test('the bell has mean 0 and standard deviation 1', () => {
    const values = Array.from({ length: 100_000 }, (_, number) => bell(42, number))
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
    expect(mean).toBeCloseTo(0, 1)
    expect(Math.sqrt(variance)).toBeCloseTo(1, 1)
    expect(Math.max(...values.map(Math.abs))).toBeLessThan(3.47)
  })
})
