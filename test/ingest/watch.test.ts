import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NEW_WATCH, nextWatch, type WatchAbout, type WatchEvent } from '../../src/ingest/watch.ts'
import type { FeedRecord } from '../../src/models/feed-records.ts'

const about: WatchAbout = {
  venue: 'coinbase',
  source: 'simulator',
  run: 'r',
  kind: 'books',
  product: 'BTC-USD',
  continuity: 'unproven',
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
    expect(play('1 good | 10 tick | 12 tick | 13 tick')).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 11: stale',
    ])
  })

  test('a hole names the last trouble, and a good answer takes it back', () => {
    expect(play('1 good | 5 trouble unreachable | 11 tick')).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 11: unreachable',
    ])
    expect(play('1 good | 5 trouble unreachable | 6 good | 16 tick')).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 16: stale',
    ])
  })

  test('a hole is closed by the next good answer, and the next hole has another id', () => {
    expect(play('1 good | 12 tick | 20 good | 31 tick')).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 11: stale',
      'close r-books-BTC-USD-1 at 20: stale',
      'open r-books-BTC-USD-2 from 30: stale',
    ])
  })

  test('troubles during a hole join it', () => {
    expect(play('1 good | 12 tick | 13 trouble bad-answer | 14 tick | 15 refused unknown-product')).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 11: stale',
    ])
  })

  test('an answer that comes late says the hole before it closes it, even if no tick came between', () => {
    expect(play('1 good | 20 good')).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 11: stale',
      'close r-books-BTC-USD-1 at 20: stale',
    ])
  })

  test('a product the venue refuses is a hole that stays, unless it is had after all', () => {
    expect(
      play('1 good | 5 refused unknown-product | 30 tick | 31 trouble stale | 32 lost stale 31'),
    ).toEqual(['up 1', 'open r-books-BTC-USD-1 from 5: unknown-product'])
    expect(play('1 good | 5 refused unknown-product | 31 good')).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 5: unknown-product',
      'close r-books-BTC-USD-1 at 31: unknown-product',
    ])
  })

  test('a product refused at first is up and in a hole from that moment', () => {
    expect(play('3 refused unknown-product | 30 tick')).toEqual([
      'up 3',
      'open r-books-BTC-USD-1 from 3: unknown-product',
    ])
  })

  test('hours in which the machine slept are a hole', () => {
    expect(play('1 good | 7201/2 tick | 7203/4 good')).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 11: stale',
      'close r-books-BTC-USD-1 at 7203: stale',
    ])
  })

  test('words that could not be placed with data in them are owed: a hole from the last good answer, before anything else', () => {
    expect(play('1 good | 5 dropped | 6 tick | 8 good')).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 1: spool-full',
      'close r-books-BTC-USD-1 at 8: spool-full',
    ])
    expect(play('1 good | 5 dropped | 6 dropped | 8 good | 9 good')).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 1: spool-full',
      'close r-books-BTC-USD-1 at 8: spool-full',
    ])
    expect(play('1 good | 5 dropped | 6 refused unknown-product | 7 tick')).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 1: spool-full',
    ])
  })

  test('nothing is owed for what was not watched, or is in a hole already', () => {
    expect(play('1 dropped | 2 good')).toEqual(['up 2'])
    expect(play('1 good | 12 tick | 13 dropped | 14 good')).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 11: stale',
      'close r-books-BTC-USD-1 at 14: stale, spool-full',
    ])
    expect(play('1 good | 5 refused unknown-product | 6 dropped | 7 tick')).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 5: unknown-product',
    ])
  })

  test('what streams is lost from the last good moment, and had again from the next', () => {
    expect(
      play('1 good | 5 lost sequence-gap 4 | 6 good | 9 lost disconnected 8 | 9.5 good backfilled'),
    ).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 4: sequence-gap',
      'close r-books-BTC-USD-1 at 6: sequence-gap',
      'open r-books-BTC-USD-2 from 8: disconnected',
      'close r-books-BTC-USD-2 at 9.5: disconnected, back-filled',
    ])
  })

  test('what else is lost during a hole joins it, each cause once', () => {
    expect(
      play('1 good | 5 lost disconnected 4 | 6 lost check-failed 5 | 7 lost disconnected 6 | 8 good'),
    ).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 4: disconnected',
      'close r-books-BTC-USD-1 at 8: disconnected, check-failed',
    ])
  })

  test('nothing is lost of what was never good', () => {
    expect(play('1 lost disconnected 0 | 2 lost stale 1 | 3 good')).toEqual(['up 3'])
  })

  test('what is lost after something was dropped makes one hole from the earlier of the two', () => {
    expect(play('1 good | 5 dropped | 6 lost check-failed 0.5 | 7 good')).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 0.5: spool-full',
      'close r-books-BTC-USD-1 at 7: spool-full, check-failed',
    ])
  })

  test('a hole ends no earlier than what was dropped in it, and then is not back-filled', () => {
    expect(
      play('1 good | 5 lost disconnected 4 | 8 dropped | 6 good backfilled | 9 lost stale 9 | 10 good'),
    ).toEqual([
      'up 1',
      'open r-books-BTC-USD-1 from 4: disconnected',
      'close r-books-BTC-USD-1 at 8: disconnected, spool-full',
      'open r-books-BTC-USD-2 from 9: stale',
      'close r-books-BTC-USD-2 at 10: stale',
    ])
  })

  test('a clock set back hides no hole and makes none that ends before it began', () => {
    expect(play('3600 good | 0/3610 tick | -5/3611 good')).toEqual([
      'up 3600',
      'open r-books-BTC-USD-1 from 0: stale',
      'close r-books-BTC-USD-1 at 0: stale',
    ])
  })
})

test('whatever happens: up comes first and once, holes open and close in turn, none ends before it begins', () => {
  const step = fc.record({
    kind: fc.constantFrom('good', 'good', 'tick', 'trouble', 'lost', 'lost', 'refused', 'dropped'),
    agoMs: fc.nat(20_000),
    waitMs: fc.nat(15_000),
    jumpMs: fc.oneof(
      { weight: 9, arbitrary: fc.constant(0) },
      fc.integer({ min: -5_000_000, max: 5_000_000 }),
    ),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let [timeMs, monotonicMs] = [NOON_MS, 0]
      const events = steps.map(({ kind, waitMs, jumpMs, agoMs }): WatchEvent => {
        timeMs += waitMs + jumpMs
        monotonicMs += waitMs
        const fromMs = timeMs - agoMs
        return { kind, at: { timeMs, monotonicMs }, reason: 'unreachable', fromMs } as WatchEvent
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

/** `<seconds after noon>[/<seconds of the steady clock>] <event> [<reason> [<from>]] | ...` to a line for each record. */
function play(script: string): string[] {
  const events = script.split(' | ').map((line): WatchEvent => {
    const [clocks, kind, reason = 'stale', from = '0'] = line.split(' ') as [string, string, string?, string?]
    const [seconds, steady = seconds] = clocks.split('/').map(Number) as [number, number?]
    const at = { timeMs: NOON_MS + seconds * 1_000, monotonicMs: steady! * 1_000 }
    if (kind === 'good') return { kind, at, backfilled: reason === 'backfilled' }
    return { kind, at, reason, fromMs: NOON_MS + Number(from) * 1_000 } as WatchEvent
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
  if (record.type === 'hole-close') {
    const filled = record.backfilled ? ', back-filled' : ''
    return `close ${record.id} at ${second(record.toMs)}: ${record.causes?.join(', ')}${filled}`
  }
  return record.type
}
