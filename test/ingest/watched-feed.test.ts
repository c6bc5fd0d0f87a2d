import { describe, expect, test } from 'vitest'
import type { OutgoingRecord } from '../../src/broker/broker.ts'
import { openPublisher } from '../../src/broker/publisher.ts'
import { openWatchedFeed } from '../../src/ingest/watched-feed.ts'
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
const PRODUCTS = ['A-USD', 'B-USD']

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
  const feed = openWatchedFeed(publisher, PRODUCTS, { ...about, onFate })

  const happens = async (step: string): Promise<unknown> => {
    const [when = '', subject = '', what] = step.split(' ')
    if (what === undefined && subject === '') {
      weather = when as Weather
      return
    }
    const timeMs = NOON_MS + Number(when) * 1_000
    const at = { timeMs, monotonicMs: timeMs - NOON_MS }
    const product = `${subject}-USD`
    const data = (type: string) => ({
      topic: booksTopic('coinbase'),
      key: product,
      value: JSON.stringify({ type, product, atMs: timeMs }),
    })
    if (subject === 'mark' || subject === 'bye') return feed.mark(at, subject === 'bye')
    if (what === 'refused') return feed.refused(product, at, 'unknown-product')
    if (what === 'bad') return feed.trouble(product, at, 'bad-answer', data('rejection'))
    return feed.good(product, at, what === 'book' ? data('book') : undefined)
  }
  for (const step of script.split(' | ')) await Promise.all(step.split(' & ').map(happens))
  return calls
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
