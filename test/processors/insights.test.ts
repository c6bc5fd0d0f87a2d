import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { InsightResult } from '../../src/models/insight.ts'
import { insights } from '../../src/processors/insights.ts'
import { holdsInAnyOrder, merged, START_MS } from './play.ts'

const answer = (about: Partial<InsightResult>): InsightResult => ({
  type: 'insight',
  insight: 'best-prices',
  venue: 'coinbase',
  source: 'mock',
  product: 'BTC-USD',
  slotMs: START_MS,
  computedAtMs: START_MS + 40,
  fromMs: null,
  toMs: null,
  result: { highestBid: '100' },
  ...about,
})
const key = ['best-prices', 'coinbase', 'mock', 'BTC-USD', START_MS]

describe('insights', () => {
  test('two schedulers that answer one slot make one row: the answer that was worked out first', () => {
    const late = answer({ computedAtMs: START_MS + 90, result: { highestBid: '101' } })
    expect(merged(insights, key, [late, answer({})])).toMatchObject({
      slotMs: START_MS,
      computedAtMs: START_MS + 40,
      result: { highestBid: '100' },
    })
  })

  test('another slot, source or product is another row', () => {
    const { per } = insights
    const keyOf = (about: Partial<InsightResult>) =>
      per.kind === 'key' ? per.of(answer(about), { ordinal: 1, partition: 1 }) : undefined
    expect(keyOf({})).toEqual(key)
    const others = [{ slotMs: START_MS + 1 }, { source: 'coinbase' as const }, { product: 'ETH-USD' }]
    for (const other of others) expect(keyOf(other)).not.toEqual(key)
  })

  test('every arrival order gives the same row, ties included', () => {
    const anyAnswer = fc
      .record({
        computedAtMs: fc.integer({ min: START_MS, max: START_MS + 1 }),
        bid: fc.constantFrom('100', '101'),
        toMs: fc.option(fc.constant(START_MS)),
      })
      .map(({ computedAtMs, bid, toMs }) => answer({ computedAtMs, toMs, result: { highestBid: bid } }))
    holdsInAnyOrder(insights, key, anyAnswer)
  })
})
