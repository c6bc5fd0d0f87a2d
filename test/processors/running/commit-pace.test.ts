import { expect, test } from 'vitest'
import { CommitPace } from '../../../src/processors/running/commit-pace.ts'

test.each([
  ['a millisecond', 1, 20],
  ['five milliseconds', 5, 40],
  ['ten milliseconds', 10, 80],
  ['fifty milliseconds', 50, 100],
])('where a commit takes %s, the next live one comes within 20 to 100 ms', (_, tookMs, dueMs) => {
  const pace = new CommitPace(0)
  pace.committed(1_000, 1_000 + tookMs, true)
  expect(pace.leftMs(false, 1_000)).toBe(dueMs)
  expect(pace.leftMs(false, 1_000 + dueMs)).toBe(0)
})

test('while catching up the next one is due after two seconds, whatever the last one took', () => {
  const pace = new CommitPace(0)
  pace.committed(1_000, 1_001, true)
  expect(pace.leftMs(true, 1_500)).toBe(1_500)
})

test('a commit that had nothing to write does not make the others seem cheap', () => {
  const pace = new CommitPace(0)
  pace.committed(1_000, 1_050, true)
  pace.committed(2_000, 2_000, false)
  expect(pace.leftMs(false, 2_000)).toBe(100)
})
