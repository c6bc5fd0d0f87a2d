import { describe, expect, test } from 'vitest'
import { batchEnd, timelineOf } from '../../src/simulator/timeline.ts'
import { MARKET } from './made-logs.ts'

const NOON = Date.UTC(2026, 10, 20, 12)
const FIRST_SLOT = NOON / MARKET.intervalMs

describe('a timeline', () => {
  test('gives every tick once, however time is cut', () => {
    const timeline = timelineOf(MARKET, FIRST_SLOT)
    const whole = timeline(NOON, NOON + 60_000)
    const cut = []
    for (let timeMs = NOON; timeMs < NOON + 60_000; timeMs += 300) cut.push(...timeline(timeMs, timeMs + 300))
    expect(whole).toHaveLength(4 * 12)
    expect(cut).toEqual(whole)
  })

  test('has nothing before its first slot', () => {
    expect(timelineOf(MARKET, FIRST_SLOT + 1)(NOON, NOON + 5_000)).toEqual([])
  })

  test('has the same order by the clock of the venue and by ours', () => {
    const market = { ...MARKET, products: Array.from({ length: 50 }, (_, index) => `P${index}-USD`) }
    const ticks = timelineOf(market, FIRST_SLOT)(NOON, NOON + 60_000)
    const received = ticks.map(({ receivedAtMs }) => receivedAtMs)
    const exchange = ticks.map(({ exchangeTimeMs }) => exchangeTimeMs)
    expect(received).toEqual([...received].sort((a, b) => a - b))
    expect(exchange).toEqual([...exchange].sort((a, b) => a - b))
  })
})

describe('a publish', () => {
  const forever = Number.POSITIVE_INFINITY
  // 250 slots of 5 s make the thousand ticks of a publish: the cuts are 1,250 s apart, 12:04:10 is the first after noon
  const cases: [string, { upToMs: number; endMs: number; nowMs: number }, string][] = [
    ['of the past ends at the next cut', { upToMs: NOON, endMs: forever, nowMs: NOON + 9e6 }, '12:04:10'],
    ['ends where the stretch does', { upToMs: NOON, endMs: NOON + 60_000, nowMs: NOON + 9e6 }, '12:01:00'],
    ['of the latest past ends now', { upToMs: NOON, endMs: forever, nowMs: NOON + 90_500 }, '12:01:30'],
    ['waits live for the next second', { upToMs: NOON, endMs: forever, nowMs: NOON }, '12:00:01'],
    ['never ends after the stretch', { upToMs: NOON, endMs: NOON + 10, nowMs: NOON }, '12:00:00.010'],
  ]
  test.each(cases)('%s', (_, moments, expected) => {
    const end = batchEnd(MARKET, timelineOf(MARKET, FIRST_SLOT), moments)
    expect(new Date(end).toISOString().slice(11, 11 + expected.length)).toBe(expected)
  })

  test('waits live for the next tick, to the next tenth of a second', () => {
    const timeline = timelineOf(MARKET, FIRST_SLOT)
    const { receivedAtMs } = timeline(NOON, NOON + 5_000)[0]!
    const upToMs = Math.floor(receivedAtMs / 1_000) * 1_000
    const end = batchEnd(MARKET, timeline, { upToMs, endMs: forever, nowMs: upToMs })
    expect(end).toBe(Math.ceil(receivedAtMs / 100) * 100)
  })

  test('of very many products holds a part of a slot', () => {
    const products = Array.from({ length: 5_000 }, (_, index) => `P${index}-USD`)
    const market = { ...MARKET, products }
    const timeline = timelineOf(market, FIRST_SLOT)
    const end = batchEnd(market, timeline, { upToMs: NOON, endMs: forever, nowMs: NOON + 9e6 })
    expect(end).toBe(NOON + 1_000)
  })
})
