import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Stamped } from '../../src/processors/processor.ts'
import { tickersSeen, tradesSeen } from '../../src/processors/seen.ts'
import { holdsInAnyOrder, merged, START_MS } from './play.ts'

const news = (at: number, receivedAt: number): Stamped => ({
  feed: 7,
  timeMs: START_MS + at,
  exchangeTimeMs: START_MS + at,
  receivedAtMs: START_MS + receivedAt,
  n: 1,
})

describe('what was seen of a feed', () => {
  test('is the latest by each clock, be it of two trades', () => {
    const late = news(1, 9)
    expect(merged(tradesSeen, [7], [news(5, 6), late])).toEqual({
      feed: 7,
      timeMs: START_MS + 5,
      receivedAtMs: START_MS + 9,
    })
  })

  test('stays the row it was where a record says nothing newer', () => {
    const row = merged(tickersSeen, [7], [news(5, 6)])
    expect(tickersSeen.merge(row, news(5, 6), [7])).toBe(row)
  })

  test('is the same in every arrival order', () => {
    const anyNews = fc.tuple(fc.nat(3), fc.nat(3)).map(([at, receivedAt]) => news(at, receivedAt))
    holdsInAnyOrder(tradesSeen, [7], anyNews)
    holdsInAnyOrder(tickersSeen, [7], anyNews)
  })
})
