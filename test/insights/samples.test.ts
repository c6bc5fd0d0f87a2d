import { expect, test } from 'vitest'
import { type MidSample, readSamples, type SampleRange } from '../../src/insights/samples.ts'
import { ABOUT, at, openTables } from './tables.ts'

const feed = (product: string) => ({ venue: 'coinbase', source: 'mock', product }) as const

test('every sample of a range comes once and in order, across slices and with others between', async () => {
  const { db, putSamples } = openTables()
  const mids = Array.from({ length: 25_000 }, (_, i) => i)
  putSamples(mids)
  putSamples(mids, { product: 'ETH-USD' })
  const lastMs = at('14:37:05')
  const seen = await read(db, [
    { feed: feed('BTC-USD'), fromMs: lastMs - 23_999_000, toMs: lastMs - 1_000 },
    { feed: feed('ETH-USD'), fromMs: lastMs - 4_000, toMs: lastMs },
    { feed: feed('SOL-USD'), fromMs: lastMs - 4_000, toMs: lastMs },
  ])
  expect(seen.get('BTC-USD')?.map(({ mid }) => mid)).toEqual(mids.slice(1_000, -1))
  expect(seen.get('ETH-USD')?.map(({ text }) => text)).toEqual(['24995', '24996', '24997', '24998', '24999'])
  expect(seen.has('SOL-USD')).toBe(false)
})

test('ranges apart from each other do not read what lies between', async () => {
  const { db, putSamples } = openTables()
  putSamples([1, 2, 3, 4, 5, 6], { stepMs: 60_000 })
  const lastMs = at('14:37:05')
  const seen = await read(db, [
    { feed: feed('ETH-USD'), fromMs: lastMs - 300_000, toMs: lastMs - 240_000 },
    { feed: feed('BTC-USD'), fromMs: lastMs - 60_000, toMs: lastMs },
  ])
  expect([...seen].map(([product, samples]) => [product, samples.map(({ mid }) => mid)])).toEqual([
    ['BTC-USD', [5, 6]],
  ])
})

async function read(db: ReturnType<typeof openTables>['db'], ranges: readonly Omit<SampleRange, 'take'>[]) {
  const seen = new Map<string, MidSample[]>()
  const takers = ranges.map((range) => ({
    ...range,
    take(sample: MidSample) {
      const known = seen.get(range.feed.product) ?? []
      known.push(sample)
      seen.set(range.feed.product, known)
    },
  }))
  await readSamples(db, ABOUT, takers)
  return seen
}
