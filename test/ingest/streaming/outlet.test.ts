import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { OutgoingRecord } from '../../../src/broker/broker.ts'
import { openPublisher } from '../../../src/broker/publisher.ts'
import { Outlet, WAITING_MAX } from '../../../src/ingest/streaming/outlet.ts'
import { type Happening, type Line, openWatchedFeed } from '../../../src/ingest/watched-feed.ts'
import { EngineError } from '../../../src/models/engine-error.ts'
import { virtualTimers } from '../../../src/models/virtual-timers.ts'

describe('records on their way out', () => {
  test('wait for others to go with them, but not for long', async () => {
    const rig = await outletRig()
    rig.trade('A')
    rig.trade('A')
    await rig.timers.advanceBy(LINGER_MS - 1)
    expect(rig.calls).toEqual([])
    await rig.timers.advanceBy(1)
    expect(rig.calls).toEqual([['A up', 'A 1', 'A 2']])
  })

  test('a thousand of them wait for nothing', async () => {
    const rig = await outletRig()
    for (let i = 0; i < 1_000; i++) rig.trade('A')
    expect(rig.calls).toEqual([])
    await rig.timers.advanceBy(0)
    expect(rig.calls[0]).toHaveLength(1_001)
  })

  test('keep the order of their line, with words and marks, and nothing is left', async () => {
    const rig = await outletRig()
    rig.trade('A')
    rig.lost('A')
    rig.word('A')
    rig.trade('A')
    await rig.mark()
    expect(rig.calls.flat()).toEqual(['A up', 'A 1', 'A hole-open', 'A hole-close', 'A 2', 'mark 0'])
  })

  test('books wait in their own place, and are fetched when something goes out', async () => {
    const rig = await outletRig()
    rig.book(0)
    rig.book(1)
    await rig.timers.advanceBy(LINGER_MS)
    expect(rig.calls).toEqual([['A up', 'A book 2']])
  })

  test('one that is not due yet goes out when it is, whatever else happens', async () => {
    const rig = await outletRig({ bookDueMs: 100 })
    rig.book(0)
    await rig.timers.advanceBy(99)
    expect(rig.calls).toEqual([])
    await rig.timers.advanceBy(LINGER_MS)
    expect(rig.calls).toEqual([['A up', 'A book 1']])
  })

  test('one that comes due while something is going out is not forgotten', async () => {
    const rig = await outletRig()
    rig.hold()
    rig.trade('B')
    await rig.timers.advanceBy(LINGER_MS)
    rig.book(0)
    rig.release()
    await rig.timers.advanceBy(2 * LINGER_MS)
    expect(rig.calls).toEqual([
      ['B up', 'B 1'],
      ['A up', 'A book 1'],
    ])
  })
})

describe('marks', () => {
  test('never say more than has been handed over', async () => {
    const rig = await outletRig({ bookDueMs: 1_000 })
    rig.trade('A')
    await rig.timers.advanceBy(100)
    rig.book(100)
    await rig.timers.advanceBy(300)
    await rig.mark()
    expect(rig.calls.flat()).toEqual(['A up', 'A 1', 'mark 100'])
  })

  test('say goodbye behind everything there was, due or not', async () => {
    const rig = await outletRig({ bookDueMs: 1_000 })
    await rig.timers.advanceBy(100)
    rig.book(100)
    rig.trade('B')
    await rig.mark(true)
    expect(rig.calls.flat()).toEqual(['B up', 'B 1', 'A up', 'A book 1', 'bye 100', 'bye 100'])
  })

  test('of those that wait for a slow log the latest speaks for all', async () => {
    const rig = await outletRig()
    rig.hold()
    rig.trade('A')
    await rig.timers.advanceBy(LINGER_MS)
    const done: Promise<void>[] = []
    for (let second = 1; second <= 5; second++) {
      await rig.timers.advanceTo(second * 1_000)
      done.push(rig.mark())
    }
    rig.release()
    await Promise.all(done)
    expect(rig.calls).toEqual([['A up', 'A 1'], ['mark 5000']])
  })
})

describe('a slow log', () => {
  test('gets one publication after the other: trades all, books only the latest', async () => {
    const rig = await outletRig()
    rig.hold()
    rig.trade('B')
    await rig.timers.advanceBy(LINGER_MS)
    for (let i = 0; i < 500; i++) {
      rig.trade('B')
      rig.book(rig.timers.nowMs())
      await rig.timers.advanceBy(LINGER_MS)
      if (i % 10 === 0) void rig.mark()
    }
    expect(rig.calls).toEqual([])
    expect(rig.waiting()).toBe(1)
    rig.release()
    await rig.timers.advanceBy(3 * LINGER_MS)
    const told = rig.calls.flat()
    expect(told.filter((one) => one.startsWith('B ')).slice(1)).toEqual(
      Array.from({ length: 501 }, (_, i) => `B ${i + 1}`),
    )
    expect(told.filter((one) => one.startsWith('A book'))).toEqual(['A book 500'])
  })

  test('past what may wait, what comes is dropped and is a hole; words still find room', async () => {
    const rig = await outletRig()
    rig.trade('A')
    rig.trade('B')
    await rig.timers.advanceBy(LINGER_MS)
    rig.hold()
    rig.trade('A')
    await rig.timers.advanceBy(LINGER_MS)
    for (let i = 0; i < WAITING_MAX; i++) rig.trade('A')
    rig.trade('B')
    rig.trade('B')
    rig.trade('A')
    rig.lost('B')
    rig.word('B')
    expect([rig.dropped, rig.spells]).toEqual([3, 1])
    rig.release()
    await rig.mark()
    const told = rig.calls.flat()
    expect(told.filter((one) => one.startsWith('A ')).at(-1)).toBe('A hole-open')
    expect(told.filter((one) => one.startsWith('B ')).slice(2)).toEqual(['B hole-open', 'B hole-close'])
    expect(told.filter((one) => /^A \d/.test(one))).toHaveLength(WAITING_MAX + 2)
  })

  test('that nothing has room is said once, and again after everything had', async () => {
    const rig = await outletRig()
    const overflow = () => {
      for (let i = 0; i < WAITING_MAX + 3; i++) rig.trade('A')
    }
    overflow()
    expect(rig.spells).toBe(1)
    await rig.mark()
    overflow()
    expect(rig.spells).toBe(1)
    await rig.mark()
    rig.trade('A')
    await rig.mark()
    overflow()
    expect(rig.spells).toBe(2)
  })
})

describe('a log that breaks its promise', () => {
  test('is told of once, and nothing is published any more', async () => {
    const rig = await outletRig()
    rig.weather.is = 'broken'
    rig.trade('A')
    await rig.timers.advanceBy(LINGER_MS)
    rig.weather.is = 'room'
    rig.trade('A')
    await rig.mark()
    await rig.timers.advanceBy(LINGER_MS)
    expect(rig.failures).toEqual(['the disk is gone'])
    expect(rig.calls).toEqual([])
  })
})

test('whatever the log does: every trade is published in order or is in a hole, and no mark overtakes', async () => {
  const step = fc.constantFrom(
    'A',
    'A',
    'B',
    'book',
    'mark',
    'wait',
    'hold',
    'release',
    'full',
    'room',
    'lost',
    'word',
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const rig = await outletRig()
      for (const does of steps) {
        if (does === 'A' || does === 'B') rig.trade(does)
        if (does === 'book') rig.book(rig.timers.nowMs())
        if (does === 'mark') void rig.mark()
        if (does === 'wait') await rig.timers.advanceBy(LINGER_MS)
        if (does === 'hold') rig.hold()
        if (does === 'release') rig.release()
        if (does === 'full' || does === 'room') rig.weather.is = does
        if (does === 'lost') rig.lost('B')
        if (does === 'word') rig.word('B')
        await rig.timers.advanceBy(1)
      }
      rig.release()
      rig.weather.is = 'room'
      await rig.timers.advanceBy(LINGER_MS)
      await rig.mark(true)
      const told = rig.calls.flat()
      for (const product of ['A', 'B']) {
        const ids = told.flatMap((one) =>
          /^[AB] \d+$/.test(one) && one.startsWith(product) ? [Number(one.slice(2))] : [],
        )
        expect(ids).toEqual([...ids].sort((a, b) => a - b))
        expect(ids.length + (rig.droppedOf.get(product) ?? 0)).toBe(rig.count(product))
      }
      const marks = told.flatMap((one) => (/^(mark|bye) /.test(one) ? [Number(one.split(' ')[1])] : []))
      expect(marks).toEqual([...marks].sort((a, b) => a - b))
      if (told.length > 0) expect(told.at(-1)).toMatch(/^bye/)
    }),
    { numRuns: 200 },
  )
})

const LINGER_MS = 5

type Weather = 'room' | 'full' | 'broken'

/** Three lines on a made clock: trades of A and B, and a book of A that waits in its own place. */
async function outletRig({ bookDueMs = 0 }: { bookDueMs?: number } = {}) {
  const timers = virtualTimers(0)
  const calls: string[][] = []
  const failures: string[] = []
  const counts = new Map<string, number>()
  const droppedOf = new Map<string, number>()
  const weather: { is: Weather } = { is: 'room' }
  let held: Promise<void> | undefined
  let letGo: () => void = () => {}
  let books = 0
  let bookSinceMs: number | undefined
  let dropped = 0
  let spells = 0

  const publish = async (records: readonly OutgoingRecord[]): Promise<void> => {
    await held
    if (weather.is === 'full') throw new EngineError('spool-full', 'no room', { retry: 'yes' })
    if (weather.is === 'broken') throw new EngineError('disk-failed', 'the disk is gone')
    calls.push(records.map(({ value }) => wordOf(value)))
  }
  const lines = new Map(
    ['A', 'B', 'A book'].map((name): [string, Line] => [
      name,
      { kind: name === 'A book' ? 'books' : 'trades', product: name.slice(0, 1), continuity: 'proven' },
    ]),
  )
  const publisher = await openPublisher({ publish, topics: async () => [] }, 'r')
  const feed = openWatchedFeed(publisher, [...lines.values()], {
    venue: 'binance',
    source: 'simulator',
    vouchMs: Number.POSITIVE_INFINITY,
    onRecord: () => {},
    onFate: () => {},
  })
  const now = () => ({ timeMs: timers.nowMs(), monotonicMs: timers.monotonicMs() })
  const draft = (line: Line, value: object) => ({
    topic: 't',
    key: line.product,
    value: JSON.stringify(value),
  })
  const outlet = new Outlet({
    feed,
    timers,
    lingerMs: LINGER_MS,
    collect(all) {
      const line = lines.get('A book')!
      if (bookSinceMs === undefined) return false
      if (!all && timers.nowMs() < bookSinceMs + bookDueMs) return true
      const event = { kind: 'good', at: { ...now(), timeMs: bookSinceMs } } as const
      bookSinceMs = undefined
      outlet.add({ line, event, also: draft(line, { type: 'book', product: 'A', id: books }) })
      return false
    },
    waitingSinceMs: () => bookSinceMs,
    onFate(happenings, fate) {
      if (fate !== 'dropped') return
      for (const { line, also } of happenings) {
        if (also === undefined || line.kind === 'books') continue
        dropped++
        droppedOf.set(line.product, (droppedOf.get(line.product) ?? 0) + 1)
      }
    },
    onFull() {
      spells++
    },
    onFailure: (error) => failures.push((error as Error).message),
  })
  const happen = (product: string, event: Happening['event'], also?: Happening['also']) =>
    outlet.add({ line: lines.get(product)!, event, also })
  return {
    timers,
    calls,
    failures,
    weather,
    droppedOf,
    get spells() {
      return spells
    },
    get dropped() {
      return dropped
    },
    count: (product: string) => counts.get(product) ?? 0,
    waiting: () => (bookSinceMs === undefined ? 0 : 1),
    trade(product: string) {
      const id = (counts.get(product) ?? 0) + 1
      counts.set(product, id)
      const line = lines.get(product)!
      happen(product, { kind: 'good', at: now() }, draft(line, { type: 'trade', product, id }))
    },
    lost: (product: string) =>
      happen(product, { kind: 'lost', at: now(), reason: 'disconnected', fromMs: timers.nowMs() }),
    word: (product: string) => happen(product, { kind: 'good', at: now() }),
    book(atMs: number) {
      books++
      bookSinceMs ??= atMs
      outlet.wake()
    },
    mark: (bye = false) => outlet.mark(now(), bye),
    hold() {
      held ??= new Promise((resolve) => {
        letGo = resolve
      })
    },
    release() {
      held = undefined
      letGo()
    },
  }
}

function wordOf(value: string): string {
  const { type, product, id, upToMs, bye } = JSON.parse(value)
  if (type === 'mark') return `${bye ? 'bye' : 'mark'} ${upToMs}`
  if (type === 'trade') return `${product} ${id}`
  return type === 'book' ? `${product} book ${id}` : `${product} ${type}`
}
