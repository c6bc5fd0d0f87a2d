import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { HoleClose, Mark, Up } from '../../src/models/feed-records.ts'
import { holes, runs, watches } from '../../src/processors/feeds.ts'
import type { About, Records } from '../../src/processors/processor.ts'
import { holdsInAnyOrder, merged, START_MS } from './play.ts'

const about = { venue: 'coinbase', source: 'mock', run: 'r1' } as const
const mark = (upToMs: number, bye = false): Mark => ({ type: 'mark', ...about, upToMs, bye })
const up = (atMs: number, continuity?: Up['continuity']): About<Up> => ({
  type: 'up',
  ...about,
  product: 'BTC-USD',
  feed: 7,
  atMs,
  ...(continuity === undefined ? {} : { continuity }),
})

const hole = { ...about, product: 'BTC-USD', feed: 7, id: 'h1' }
const open = (fromMs: number, reason: 'stale' | 'unreachable' = 'stale'): Records['hole'] => ({
  type: 'hole-open',
  ...hole,
  fromMs,
  reason,
})
const close = (toMs: number, backfilled = false, causes?: HoleClose['causes']): Records['hole'] => ({
  type: 'hole-close',
  ...hole,
  toMs,
  backfilled,
  ...(causes === undefined ? {} : { causes }),
})

const anyTime = fc.integer({ min: START_MS, max: START_MS + 3 })

describe('runs', () => {
  test('a run has watched its partition up to its furthest mark', () => {
    expect(merged(runs, ['r1', 3], [mark(START_MS + 2), mark(START_MS + 1)])).toEqual({
      run: 'r1',
      partition: 3,
      source: 'mock',
      venue: 'coinbase',
      upToMs: START_MS + 2,
      bye: 0,
    })
  })

  test('a goodbye counts where nothing was watched after it', () => {
    expect(merged(runs, ['r1', 3], [mark(START_MS, true), mark(START_MS)])?.bye).toBe(1)
    expect(merged(runs, ['r1', 3], [mark(START_MS, true), mark(START_MS + 1)])?.bye).toBe(0)
  })

  test('every arrival order gives the same row', () => {
    holdsInAnyOrder(
      runs,
      ['r1', 3],
      fc
        .record({ at: anyTime, bye: fc.boolean(), source: fc.constantFrom('mock', 'coinbase') })
        .map(({ at, bye, source }) => ({ ...mark(at, bye), source })),
    )
  })
})

describe('watches', () => {
  test('a feed is watched since the first time its run said so', () => {
    const row = merged(watches, ['r1', 7, 3], [up(START_MS + 5), up(START_MS), up(START_MS + 9)])
    expect(row).toEqual({ run: 'r1', feed: 7, partition: 3, fromMs: START_MS, continuity: null })
  })

  test('whether a loss would show is what its run said first', () => {
    const row = merged(watches, ['r1', 7, 3], [up(START_MS + 5, 'proven'), up(START_MS, 'unproven')])
    expect(row).toMatchObject({ fromMs: START_MS, continuity: 'unproven' })
  })

  test('every arrival order gives the same row', () => {
    const anyUp = fc
      .tuple(anyTime, fc.constantFrom('proven' as const, 'unproven' as const, undefined))
      .map(([at, continuity]) => up(at, continuity))
    holdsInAnyOrder(watches, ['r1', 7, 3], anyUp)
  })
})

describe('holes', () => {
  test('a hole opens and closes, in whatever order the two are read', () => {
    const whole = {
      id: 'h1',
      feed: 7,
      run: 'r1',
      fromMs: START_MS,
      reason: 'stale',
      toMs: START_MS + 60,
      backfilled: 1,
      causes: null,
    }
    expect(merged(holes, ['h1'], [open(START_MS), close(START_MS + 60, true)])).toEqual(whole)
    expect(merged(holes, ['h1'], [close(START_MS + 60, true), open(START_MS)])).toEqual(whole)
  })

  test('a hole that is still open has no end', () => {
    expect(merged(holes, ['h1'], [open(START_MS)])).toMatchObject({ fromMs: START_MS, toMs: null })
  })

  test('what closes it says everything that went wrong in it', () => {
    const causes = ['disconnected', 'sequence-gap'] as const
    const row = merged(holes, ['h1'], [open(START_MS), close(START_MS + 60, false, [...causes])])
    expect(row).toMatchObject({ reason: 'stale', causes: 'disconnected,sequence-gap' })
  })

  test('a cause during an open hole joins it', () => {
    const row = merged(holes, ['h1'], [open(START_MS + 5, 'unreachable'), open(START_MS)])
    expect(row).toMatchObject({ fromMs: START_MS, reason: 'stale' })
  })

  test('every arrival order gives the same row', () => {
    const anyOpen = fc.tuple(anyTime, fc.constantFrom('stale' as const, 'unreachable' as const))
    const anySide = fc.oneof(
      anyOpen.map(([at, reason]) => open(at, reason)),
      fc
        .tuple(anyTime, fc.boolean(), fc.option(fc.subarray(['stale', 'disconnected'] as const)))
        .map(([at, backfilled, causes]) => close(at, backfilled, causes === null ? undefined : [...causes])),
    )
    const anyHole = fc
      .record({ side: anySide, feed: fc.integer({ min: 7, max: 8 }), run: fc.constantFrom('r1', 'r2') })
      .map(({ side, feed, run }) => ({ ...side, feed, run }))
    holdsInAnyOrder(holes, ['h1'], anyHole)
  })
})
