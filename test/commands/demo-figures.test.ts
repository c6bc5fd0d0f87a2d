import { expect, test } from 'vitest'
import { demoLine, type Figures } from '../../src/commands/demo-figures.ts'

const figures: Figures = {
  nowMs: Date.UTC(2026, 10, 20, 14, 35, 2),
  books: 7_208,
  lagRecords: 0,
  top: { product: 'BTC-USD', bid: '71230.11', ask: '71230.6' },
  rejections: 140,
  digests: 14,
}

test('the status line says how much, how fast, how far behind, and the newest top of book', () => {
  const before = { ...figures, nowMs: figures.nowMs - 2_000, books: 7_200 }
  expect(demoLine(figures, before)).toBe(
    '14:35:02 UTC  7,208 books  4.0/s  lag 0  BTC-USD 71,230.11 / 71,230.60 (simulated)  rejections 140  digests 14',
  )
})

test('the first one has no rate, an empty one no book', () => {
  const first = demoLine({ ...figures, books: 0, top: undefined }, undefined)
  expect(first).toBe('14:35:02 UTC  0 books  -/s  lag 0  no book yet  rejections 140  digests 14')
})
