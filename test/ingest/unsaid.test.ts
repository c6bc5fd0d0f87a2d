import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { withUnsaid } from '../../src/ingest/unsaid.ts'
import type { WatchEvent } from '../../src/ingest/watch.ts'
import { HOLE_REASONS } from '../../src/models/feed-records.ts'

describe('what happened and could not be said, and what is kept of it', () => {
  const rows: [string, string, string][] = [
    ['each word in its order', 'lost:stale good', 'lost:stale good'],
    ['of good ones in a row the first and the last', 'good@1 good@2 good@3', 'good@1 good@3'],
    [
      'two holes become one',
      'lost:stale@1 good@2 lost:disconnected@3 good@4',
      'lost:stale@1 lost:disconnected@3 good@4',
    ],
    [
      'a cause that is known already adds nothing',
      'lost:stale@1 good@2 lost:stale@3 good@4',
      'lost:stale@1 good@4',
    ],
    ['of what was dropped the last', 'dropped@1 good@2 dropped@3', 'dropped@3'],
    [
      'what ends an older hole stays',
      'good@1 lost:stale@2 good@3 dropped@4',
      'good@1 lost:stale@2 dropped@4',
    ],
    ['a refusal stays', 'refused:unknown-product good lost:stale', 'refused:unknown-product lost:stale'],
  ]
  test.each(rows)('%s', (_, happened, kept) => {
    expect(happened.split(' ').map(eventOf).reduce(withUnsaid, [])).toEqual(kept.split(' ').map(eventOf))
  })
})

test('however much happens, what is kept is bounded', () => {
  const event = fc.oneof(
    fc.constant('good'),
    fc.constant('dropped'),
    fc.constantFrom(...HOLE_REASONS).map((reason) => `lost:${reason}`),
    fc.constant('refused:unknown-product'),
  )
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), (events) => {
      const most = events.map(eventOf).reduce<{ kept: readonly WatchEvent[]; most: number }>(
        ({ kept, most }, one) => {
          const next = withUnsaid(kept, one)
          return { kept: next, most: Math.max(most, next.length) }
        },
        { kept: [], most: 0 },
      ).most
      expect(most).toBeLessThanOrEqual(HOLE_REASONS.length + 2 + 4)
    }),
  )
})

/** `<kind>[:<reason>][@<second>]` */
function eventOf(text: string): WatchEvent {
  const [, kind, reason, second = '0'] = /^([a-z]+)(?::([a-z-]+))?(?:@(\d+))?$/.exec(text)!
  const timeMs = Number(second) * 1_000
  const at = { timeMs, monotonicMs: timeMs }
  const about = reason === undefined ? {} : { reason, ...(kind === 'lost' ? { fromMs: timeMs } : {}) }
  return { kind, at, ...about } as WatchEvent
}
