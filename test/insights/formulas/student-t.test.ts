import { expect, test } from 'vitest'
import { studentT } from '../../../src/insights/formulas/student-t.ts'

// Printed tables of Student's T, two-sided.
test.each([
  [0.95, 1, '12.706'],
  [0.95, 2, '4.303'],
  [0.95, 3, '3.182'],
  [0.95, 4, '2.776'],
  [0.95, 5, '2.571'],
  [0.95, 10, '2.228'],
  [0.95, 17, '2.110'],
  [0.95, 30, '2.042'],
  [0.95, 120, '1.980'],
  [0.99, 4, '4.604'],
  [0.99, 7, '3.499'],
  [0.5, 1, '1.000'],
])(
  '%f of Student’s T lies within ± the table’s value at %i degrees of freedom: %s',
  (share, degrees, value) => {
    expect(studentT(share, degrees).toFixed(3)).toBe(value)
  },
)

test('for two degrees there is a closed form, t = share / sqrt((1 - share²) / 2)', () => {
  for (const share of [0.5, 0.9, 0.95, 0.999]) {
    expect(studentT(share, 2)).toBeCloseTo(share / Math.sqrt((1 - share ** 2) / 2), 9)
  }
})
