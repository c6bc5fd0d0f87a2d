import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NEW_WATCH, nextWatch, type WatchAbout, type WatchEvent } from '../../src/ingest/watch.ts'
import type { FeedRecord } from '../../src/models/feed-records.ts'

const about: WatchAbout = {
  venue: 'coinbase',
  source: 'simulator',
  run: 'r',
  product: 'BTC-USD',
  vouchMs: 10_000,
}

describe('one product, seconds after noon and what is said of it', () => {
  test('it is up at its first good answer, and further ones need no word', () => {
    expect(play('0 tick | 1 good | 6 good | 11 tick')).toEqual(['up 1'])
  })

  test('nothing is claimed of a product that never answered', () => {
    expect(play('0 trouble unreachable | 30 tick | 31 trouble bad-answer')).toEqual([])
  })

  test('ten seconds after the last good answer a hole opens, from the end of what it vouched for', () => {
    expect(play('1 good | 10 tick | 12 tick | 13 tick')).toEqual(['up 1', 'open r-BTC-USD-1 from 11: stale'])
  })

  test('a hole names the last trouble, and a good answer takes it back', () => {
    expect(play('1 good | 5 trouble unreachable | 11 tick')).toEqual([
      'up 1',
      'open r-BTC-USD-1 from 11: unreachable',
    ])
    expect(play('1 good | 5 trouble unreachable | 6 good | 16 tick')).toEqual([
      'up 1',
      'open r-BTC-USD-1 from 16: stale',
    ])
  })

  test('a hole is closed by the next good answer, and the next hole has another id', () => {
    expect(play('1 good | 12 tick | 20 good | 31 tick')).toEqual([
      'up 1',
      'open r-BTC-USD-1 from 11: stale',
      'close r-BTC-USD-1 at 20',
      'open r-BTC-USD-2 from 30: stale',
    ])
  })

  test('troubles during a hole join it', () => {
    expect(play('1 good | 12 tick | 13 trouble bad-answer | 14 tick | 15 refused unknown-product')).toEqual([
      'up 1',
      'open r-BTC-USD-1 from 11: stale',
    ])
  })

  test('an answer that comes late says the hole before it closes it, even if no tick came between', () => {
    expect(play('1 good | 20 good')).toEqual([
      'up 1',
      'open r-BTC-USD-1 from 11: stale',
      'close r-BTC-USD-1 at 20',
    ])
  })

  test('a product the venue refuses is a hole that stays', () => {
    expect(play('1 good | 5 refused unknown-product | 30 tick | 31 good')).toEqual([
      'up 1',
      'open r-BTC-USD-1 from 5: unknown-product',
    ])
  })

  test('a product refused at first is up and in a hole from that moment', () => {
    expect(play('3 refused unknown-product | 30 tick')).toEqual([
      'up 3',
      'open r-BTC-USD-1 from 3: unknown-product',
    ])
  })

  test('hours in which the machine slept are a hole', () => {
    expect(play('1 good | 7201/2 tick | 7203/4 good')).toEqual([
      'up 1',
      'open r-BTC-USD-1 from 11: stale',
      'close r-BTC-USD-1 at 7203',
    ])
  })

  test('words that could not be placed with data in them are owed: a hole from the last good answer, before anything else', () => {
    expect(play('1 good | 5 dropped | 6 tick | 8 good')).toEqual([
      'up 1',
      'open r-BTC-USD-1 from 1: spool-full',
      'close r-BTC-USD-1 at 8',
    ])
    expect(play('1 good | 5 dropped | 6 dropped | 8 good | 9 good')).toEqual([
      'up 1',
      'open r-BTC-USD-1 from 1: spool-full',
      'close r-BTC-USD-1 at 8',
    ])
    expect(play('1 good | 5 dropped | 6 refused unknown-product | 7 good')).toEqual([
      'up 1',
      'open r-BTC-USD-1 from 1: spool-full',
    ])
  })

  test('nothing is owed for what was not watched, or is in a hole already', () => {
    expect(play('1 dropped | 2 good')).toEqual(['up 2'])
    expect(play('1 good | 12 tick | 13 dropped | 14 good')).toEqual([
      'up 1',
      'open r-BTC-USD-1 from 11: stale',
      'close r-BTC-USD-1 at 14',
    ])
    expect(play('1 good | 5 refused unknown-product | 6 dropped | 7 tick')).toEqual([
      'up 1',
      'open r-BTC-USD-1 from 5: unknown-product',
    ])
  })

  test('a clock set back hides no hole and makes none that ends before it began', () => {
    expect(play('3600 good | 0/3610 tick | -5/3611 good')).toEqual([
      'up 3600',
      'open r-BTC-USD-1 from 0: stale',
      'close r-BTC-USD-1 at 0',
    ])
  })
})

test('whatever happens: up comes first and once, holes open and close in turn, none ends before it begins', () => {
  const step = fc.record({
    kind: fc.constantFrom('good', 'tick', 'trouble', 'refused', 'dropped'),
    waitMs: fc.nat(15_000),
    jumpMs: fc.oneof(
      { weight: 9, arbitrary: fc.constant(0) },
      fc.integer({ min: -5_000_000, max: 5_000_000 }),
    ),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let [timeMs, monotonicMs] = [NOON_MS, 0]
      const events = steps.map(({ kind, waitMs, jumpMs }): WatchEvent => {
        timeMs += waitMs + jumpMs
        monotonicMs += waitMs
        return { kind, at: { timeMs, monotonicMs }, reason: 'unreachable' } as WatchEvent
      })
      const records = recordsOf(events)
      const open: FeedRecord[] = []
      records.forEach((record, i) => {
        expect(record.type === 'up').toBe(i === 0)
        if (record.type === 'hole-open') expect(open.push(record)).toBe(1)
        if (record.type === 'hole-close') {
          const opened = open.pop()
          expect(opened).toMatchObject({ type: 'hole-open', id: record.id })
          expect(opened!.type === 'hole-open' && opened!.fromMs <= record.toMs).toBe(true)
        }
      })
    }),
  )
})

const NOON_MS = Date.UTC(2026, 10, 20, 12)

/** `<seconds after noon>[/<seconds of the steady clock>] <event> [<reason>] | ...` to a line for each record. */
function play(script: string): string[] {
  const events = script.split(' | ').map((line): WatchEvent => {
    const [clocks, kind, reason = 'stale'] = line.split(' ') as [string, string, string?]
    const [seconds, steady = seconds] = clocks.split('/').map(Number) as [number, number?]
    const at = { timeMs: NOON_MS + seconds * 1_000, monotonicMs: steady! * 1_000 }
    return { kind, at, reason } as WatchEvent
  })
  return recordsOf(events).map(line)
}

function recordsOf(events: readonly WatchEvent[]): FeedRecord[] {
  let watch = NEW_WATCH
  return events.flatMap((event) => {
    const step = nextWatch(watch, event, about)
    watch = step.watch
    return step.records
  })
}

function line(record: FeedRecord): string {
  const second = (timeMs: number) => (timeMs - NOON_MS) / 1_000
  if (record.type === 'up') return `up ${second(record.atMs)}`
  if (record.type === 'hole-open') return `open ${record.id} from ${second(record.fromMs)}: ${record.reason}`
  if (record.type === 'hole-close') return `close ${record.id} at ${second(record.toMs)}`
  return record.type
}
