import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { OutgoingRecord } from '../../src/broker/broker.ts'
import { openPublisher } from '../../src/broker/publisher.ts'
import { type Line, openWatchedFeed } from '../../src/ingest/watched-feed.ts'
import { EngineError } from '../../src/models/engine-error.ts'
import type { FeedRecord } from '../../src/models/feed-records.ts'
import { booksTopic } from '../../src/models/topics.ts'

/** Seconds after noon, what happens to a product, and what then lies on the topic: a line a publication. */
describe('while there is no room', () => {
  test('a lost book is a hole from the last good answer placed, open before any mark and closed by the next book', async () => {
    expect(
      await play('0 A book | 1 mark | full | 2 A book | 3 mark | room | 4 mark | 5 A book | 6 mark'),
    ).toEqual([
      'A up 0, A book 0',
      'mark 1',
      'A open from 0: spool-full, mark 4',
      'A close at 5, A book 5',
      'mark 6',
    ])
  })

  test('a book that finds room first says the whole hole itself', async () => {
    expect(await play('0 A book | full | 2 A book | room | 5 A book')).toEqual([
      'A up 0, A book 0',
      'A open from 0: spool-full, A close at 5, A book 5',
    ])
  })

  test('every product that lost something has its hole, and no other has', async () => {
    expect(await play('0 A book | 1 B book | full | 2 A book | 3 B same | room | 4 mark')).toEqual([
      'A up 0, A book 0',
      'B up 1, B book 1',
      'A open from 0: spool-full, mark 4',
    ])
  })

  test('what was never up was never watched: it is up with its first book that is placed', async () => {
    expect(await play('full | 0 A book | 1 mark | room | 2 mark | 3 A book')).toEqual(['A up 3, A book 3'])
  })

  test('a rejection that is lost is a hole too', async () => {
    expect(await play('0 A book | full | 2 A bad | room | 3 mark')).toEqual([
      'A up 0, A book 0',
      'A open from 0: spool-full, mark 3',
    ])
  })

  test('a hole that could not be opened, or closed, is opened and closed later by the same words', async () => {
    expect(
      await play('0 A book | full | 11 mark | room | 12 mark | full | 13 A book | room | 14 A book'),
    ).toEqual(['A up 0, A book 0', 'A open from 10: stale, mark 12', 'A close at 14, A book 14'])
  })

  test('a product that is refused meanwhile is said to be with the next mark', async () => {
    expect(await play('0 A book | full | 2 A refused | room | 3 mark | 4 mark')).toEqual([
      'A up 0, A book 0',
      'A open from 2: unknown-product, mark 3',
      'mark 4',
    ])
  })

  test('a goodbye that cannot be placed is none', async () => {
    expect(await play('0 A book | full | 1 bye')).toEqual(['A up 0, A book 0'])
  })
})

describe('words of a stream that find no room', () => {
  test('are said later, in order, before anything else of their line', async () => {
    expect(await play('0 A book | full | 2 A lost 1 | 3 A word | room | 4 A book | 5 mark')).toEqual([
      'A up 0, A book 0',
      'A open from 1: sequence-gap, A close at 3, A book 4',
      'mark 5',
    ])
  })

  test('are said before the mark where nothing else comes', async () => {
    expect(await play('0 A book | full | 2 A lost 1 | room | 3 mark | 4 A word | 5 mark')).toEqual([
      'A up 0, A book 0',
      'A open from 1: sequence-gap, mark 3',
      'A close at 4',
      'mark 5',
    ])
  })

  test('a hole does not end before the data that were dropped in it, and what is dropped later is another', async () => {
    expect(
      await play('0 A book | 2 A lost 1 | full | 4 A book | 5 A word | 6 A book | room | 7 mark | 8 A book'),
    ).toEqual([
      'A up 0, A book 0',
      'A open from 1: sequence-gap',
      'A close at 5, A open from 5: spool-full, mark 7',
      'A close at 8, A book 8',
    ])
  })

  test('others are said as ever', async () => {
    expect(await play('0 A book | 0 B book | full | 2 A lost 1 | room | 3 B book | 4 A word')).toEqual([
      'A up 0, A book 0',
      'B up 0, B book 0',
      'B book 3',
      'A open from 1: sequence-gap, A close at 4',
    ])
  })
})

test('whatever finds no room: what was dropped, and what was lost, lies in a hole, and holes open and close in turn', async () => {
  const step = fc.constantFrom('book', 'book', 'book', 'lost', 'word', 'mark', 'full', 'room', 'other')
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { dropped, lost, records } = await playOne(steps)
      const holes: { fromMs: number; toMs: number }[] = []
      let upMs = Number.POSITIVE_INFINITY
      for (const record of records) {
        if (record.type === 'up') upMs = record.atMs
        if (record.type === 'hole-open') {
          expect(holes.at(-1)?.toMs ?? 0).toBeLessThan(Number.POSITIVE_INFINITY)
          holes.push({ fromMs: record.fromMs, toMs: Number.POSITIVE_INFINITY })
        }
        if (record.type === 'hole-close') {
          expect(holes.at(-1)!.toMs).toBe(Number.POSITIVE_INFINITY)
          holes.at(-1)!.toMs = record.toMs
          expect(record.toMs).toBeGreaterThanOrEqual(holes.at(-1)!.fromMs)
        }
      }
      const covers = (fromMs: number, toMs: number) =>
        holes.some((hole) => hole.fromMs <= Math.max(fromMs, upMs) && hole.toMs >= toMs)
      for (const atMs of dropped) if (atMs > upMs) expect(covers(atMs, atMs)).toBe(true)
      for (const [fromMs, toMs] of lost) if (toMs > upMs) expect(covers(fromMs, toMs)).toBe(true)
    }),
    { numRuns: 300 },
  )
})

test('what happens while something is on its way waits, and goes together', async () => {
  expect(await play('0 A book & 1 B book & 1 mark & 2 A same & 3 A book')).toEqual([
    'A up 0, A book 0',
    'B up 1, B book 1, mark 1, A book 3',
  ])
})

test('people are told of each publication whether it was placed', async () => {
  const fates: (string | undefined)[] = []
  await play('0 A book | full | 1 A book | 2 mark | room | 3 mark', (dropped) => fates.push(dropped?.code))
  expect(fates).toEqual([undefined, 'spool-full', 'spool-full', undefined])
})

test('any other failure is the caller’s to hear', async () => {
  await expect(play('0 A book | broken | 1 A book')).rejects.toThrow('the disk is gone')
})

const NOON_MS = Date.UTC(2026, 10, 20, 12)
const LINES = ['A-USD', 'B-USD'].map((product): Line => ({ kind: 'books', product, continuity: 'unproven' }))

type Weather = 'room' | 'full' | 'broken'

/** Steps one after another; those joined by `&` at the same moment. Answers what was published, a line a call. */
async function play(
  script: string,
  onFate: (dropped: EngineError | undefined) => void = () => {},
): Promise<string[]> {
  let weather: Weather = 'room'
  const calls: string[] = []
  const publish = async (records: readonly OutgoingRecord[]): Promise<void> => {
    await Promise.resolve()
    if (weather === 'full') throw new EngineError('spool-full', 'no room', { retry: 'yes' })
    if (weather === 'broken') throw new EngineError('disk-failed', 'the disk is gone')
    calls.push(records.map(({ value }) => told(value)).join(', '))
  }
  const topics = async () => [{ topic: booksTopic('coinbase'), partitions: 1 }]
  const publisher = await openPublisher({ publish, topics }, 'r')
  const about = { venue: 'coinbase', source: 'simulator', vouchMs: 10_000, onRecord: () => {} } as const
  const feed = openWatchedFeed(publisher, LINES, { ...about, onFate })

  const happens = async (step: string): Promise<unknown> => {
    const [when = '', subject = '', what] = step.split(' ')
    if (what === undefined && subject === '') {
      weather = when as Weather
      return
    }
    const timeMs = NOON_MS + Number(when) * 1_000
    const at = { timeMs, monotonicMs: timeMs - NOON_MS }
    const product = `${subject}-USD`
    const line = LINES.find((one) => one.product === product)!
    const data = (type: string) => ({
      topic: booksTopic('coinbase'),
      key: product,
      value: JSON.stringify({ type, product, atMs: timeMs }),
    })
    if (subject === 'mark' || subject === 'bye') return feed.mark(at, subject === 'bye')
    if (what === 'lost') {
      const [, , , from] = step.split(' ')
      return feed.say([
        { line, event: { kind: 'lost', at, reason: 'sequence-gap', fromMs: NOON_MS + Number(from) * 1_000 } },
      ])
    }
    if (what === 'word') return feed.say([{ line, event: { kind: 'good', at } }])
    if (what === 'refused') return feed.refused(line, at, 'unknown-product')
    if (what === 'bad') return feed.trouble(line, at, 'bad-answer', data('rejection'))
    return feed.good(line, at, what === 'book' ? data('book') : undefined)
  }
  for (const step of script.split(' | ')) await Promise.all(step.split(' & ').map(happens))
  return calls
}

/** One line, an event a second: what of it was dropped, from when to when it was lost, and what lies on the topic. */
async function playOne(steps: readonly string[]) {
  const [line, other] = LINES as [Line, Line]
  const dropped: number[] = []
  const lost: [fromMs: number, toMs: number][] = []
  const records: FeedRecord[] = []
  let isFull = false
  let lostMs: number | undefined
  const publish = async (batch: readonly OutgoingRecord[]): Promise<void> => {
    if (isFull) throw new EngineError('spool-full', 'no room', { retry: 'yes' })
    records.push(
      ...batch
        .map(({ value }) => JSON.parse(value) as FeedRecord)
        .filter((record) => 'product' in record && record.product === line.product),
    )
  }
  const publisher = await openPublisher({ publish, topics: async () => [] }, 'r')
  const feed = openWatchedFeed(publisher, [line, other], {
    venue: 'coinbase',
    source: 'simulator',
    vouchMs: Number.POSITIVE_INFINITY,
    onRecord: () => {},
    onFate: () => {},
  })
  const end = (atMs: number) => {
    if (lostMs !== undefined) lost.push([lostMs, atMs])
    lostMs = undefined
  }
  for (const [second, does] of [...steps, 'room', 'mark'].entries()) {
    const timeMs = second * 1_000
    const at = { timeMs, monotonicMs: timeMs }
    const also = { topic: booksTopic('coinbase'), key: line.product, value: '{}' }
    if (does === 'full') isFull = true
    if (does === 'room') isFull = false
    if (does === 'mark') await feed.mark(at, false)
    if (does === 'other') await feed.good(other, at)
    if (does === 'lost' && lostMs === undefined) {
      lostMs = Math.max(0, timeMs - 500)
      await feed.say([{ line, event: { kind: 'lost', at, reason: 'sequence-gap', fromMs: lostMs } }])
    }
    if (does === 'word') {
      end(timeMs)
      await feed.say([{ line, event: { kind: 'good', at } }])
    }
    // A book out of step is never published.
    if (does === 'book' && lostMs === undefined) {
      if ((await feed.say([{ line, event: { kind: 'good', at }, also }])) === 'dropped') dropped.push(timeMs)
    }
  }
  return { dropped, lost, records }
}

function told(value: string): string {
  const record = JSON.parse(value) as FeedRecord | { type: 'book'; product: string; atMs: number }
  const second = (timeMs: number) => (timeMs - NOON_MS) / 1_000
  if (record.type === 'mark') return `${record.bye ? 'bye' : 'mark'} ${second(record.upToMs)}`
  const product = record.product.slice(0, 1)
  if (record.type === 'hole-open') return `${product} open from ${second(record.fromMs)}: ${record.reason}`
  if (record.type === 'hole-close') return `${product} close at ${second(record.toMs)}`
  return `${product} ${record.type} ${second(record.atMs)}`
}
