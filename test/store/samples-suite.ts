import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { decimalOf } from '../../src/models/decimal.ts'
import { DAY_MS, SECOND_MS } from '../../src/models/time.ts'
import { type FeedName, freshReader, idOf, type Store } from '../../src/store/store.ts'
import { dump, tableFindings } from '../../src/store/verify-tables.ts'
import { PROCESSORS } from '../processors/running/rig.ts'
import { openScratchStore, PARTITION } from './scratch.ts'

/** One-second samples: how they are looked for, and how they leave. What every store promises. */
const SAMPLES = PROCESSORS.find(({ name }) => name === 'mid-price')!.table

/** When the samples of the tests begin. */
export const DAY_START_MS = 1_700_000_000_000

/** Samples that one call of `applyRetention` looks at. */
const A_LOOK = 5_000

/** A product of one source and the partition it lies on. Ids grow in this order: so do keys within a second. */
type Line = FeedName & { readonly topic: string; readonly partition: number }
const line = (id: number, source: string, partition = 0, venue = 'coinbase'): Line => ({
  ...{ id, source, partition, venue, product: `P${id}-USD` },
  topic: `books.${venue}`,
})
export const mock = line(1, 'mock')
const live = line(2, 'coinbase')
const mockElsewhere = line(3, 'mock', 1)
const binance = line(4, 'mock', 0, 'binance')

export function describeSamples(name: string, open: () => Store | Promise<Store>): void {
  const opened = (): Promise<Store> => openScratchStore(TABLES, open)

  describe(`the ${name} store: samples`, () => {
    test('the latest start of every feed at or after a moment', async () => {
      const store = await opened()
      await putSamples(store, mock, [1_000, 5_000, 9_000])
      await putSamples(store, live, [2_000])
      await putSamples(store, binance, [500])
      expect(await store.latestStarts(SAMPLES, 1_000)).toEqual(
        new Map([
          [mock.id, 9_000],
          [live.id, 2_000],
        ]),
      )
      expect(await store.latestStarts(SAMPLES, 9_001)).toEqual(new Map())
    })

    test('are dropped a day behind progress, and never before', async () => {
      const store = await opened()
      await putSamples(store, mock, seconds(3))
      await advance(store, mock, DAY_START_MS + DAY_MS - 1)
      await store.applyRetention()
      expect(await left(store, mock)).toEqual(seconds(3))
      await advance(store, mock, DAY_START_MS + SECOND_MS + DAY_MS)
      await store.applyRetention()
      expect(await left(store, mock)).toEqual(seconds(3).slice(2))
    })

    test('stay where there is no progress yet, or no table of them', async () => {
      const store = await opened()
      await putSamples(store, mock, seconds(3))
      await store.applyRetention()
      expect(await left(store, mock)).toEqual(seconds(3))
      const bare = await openScratchStore([], open)
      await bare.applyRetention()
    })

    test.each([
      ['another source', live],
      ['the same source on another partition', mockElsewhere],
      ['another venue', binance],
    ])('of a source that stopped stay for ever, and those of %s go all the same', async (_, other) => {
      const store = await opened()
      for (const each of [mock, other]) await putSamples(store, each, seconds(20))
      await advance(store, mock, DAY_START_MS + 20 * SECOND_MS)
      await advance(store, other, DAY_START_MS + 10 * SECOND_MS + DAY_MS)
      for (let call = 0; call < 3; call++) await store.applyRetention()
      expect(await left(store, mock)).toEqual(seconds(20))
      expect(await left(store, other)).toEqual(seconds(20).slice(11))
    })

    test('go though another kind of topic of their source stands still', async () => {
      const store = await opened()
      await putSamples(store, mock, seconds(3))
      await advance(store, mock, DAY_START_MS + 10 * DAY_MS)
      await advance(store, { ...mock, topic: 'trades.coinbase' }, DAY_START_MS)
      await store.applyRetention()
      expect(await left(store, mock)).toEqual([])
    })

    test('that are more than one look go over several calls', async () => {
      const store = await opened()
      await putSamples(store, mock, seconds(2 * A_LOOK + 10))
      await advance(store, mock, DAY_START_MS + 10 * DAY_MS)
      const counts = []
      for (let call = 0; call < 3; call++) {
        await store.applyRetention()
        counts.push(await count(store))
      }
      expect(counts).toEqual([A_LOOK + 10, 10, 0])
    })

    test('are looked at round and round, past those that stay, which go when their source has gone on', async () => {
      const store = await opened()
      await putSamples(store, mock, seconds(A_LOOK + 10))
      await putSamples(store, live, seconds(100, A_LOOK + 10))
      await advance(store, mock, DAY_START_MS)
      await advance(store, live, DAY_START_MS + 10 * DAY_MS)
      await store.applyRetention()
      expect(await count(store)).toBe(A_LOOK + 110)
      await store.applyRetention()
      expect(await count(store)).toBe(A_LOOK + 10)
      await advance(store, mock, DAY_START_MS + 10 * DAY_MS)
      await store.applyRetention()
      expect(await count(store)).toBe(10)
      await store.applyRetention()
      expect(await count(store)).toBe(0)
    })

    test('of one second are not lost from sight where a look ends among them', async () => {
      const store = await opened()
      await putSamples(store, mock, seconds(A_LOOK / 2))
      await putSamples(store, live, seconds(A_LOOK / 2))
      await putSamples(store, binance, seconds(2, A_LOOK / 2 - 1))
      for (const each of [mock, live, binance]) await advance(store, each, DAY_START_MS + 10 * DAY_MS)
      await store.applyRetention()
      expect([await left(store, mock), await left(store, live)]).toEqual([[], []])
      expect(await left(store, binance)).toEqual(seconds(2, A_LOOK / 2 - 1))
      await store.applyRetention()
      expect(await count(store)).toBe(0)
    })

    test('are shown and compared without the old ones, however far these have gone', async () => {
      const store = await opened()
      const waiting = await openScratchStore(TABLES)
      for (const each of [store, waiting]) {
        await putSamples(each, mock, seconds(30))
        await putSamples(each, live, seconds(A_LOOK + 30))
        await putSamples(each, binance, seconds(30))
        await advance(each, mock, DAY_START_MS + 30 * SECOND_MS)
        await advance(each, live, DAY_START_MS + (A_LOOK + 20) * SECOND_MS + DAY_MS)
      }
      const before = await dump(store.db, SAMPLES)
      // All of those whose source stopped, all of those without progress, and what is left of the last day.
      expect(before).toHaveLength(30 + 30 + 9)
      for (let call = 0; call < 3; call++) {
        expect(await dump(store.db, SAMPLES)).toEqual(before)
        const shown = await store.db.selectFrom('mid_price').select(sql<number>`count(*)`.as('n')).execute()
        expect(shown).toEqual([{ n: before.length }])
        const findings = await tableFindings(store.db, waiting.db, [SAMPLES])
        expect(findings).toEqual([{ ok: true, text: 'table mid_price: 69 rows, as the log makes them' }])
        await store.applyRetention()
      }
      expect(await count(store)).toBe(before.length)
      expect(await count(waiting)).toBe(A_LOOK + 90)
    })
  })
}

/** All tables, as `process` makes them. */
export const TABLES = PROCESSORS.map(({ table }) => table)

/** So many starts of seconds from the beginning, or from the second `first`, on. */
export function seconds(many: number, first = 0): number[] {
  return Array.from({ length: many }, (_, i) => DAY_START_MS + (first + i) * SECOND_MS)
}

export async function putSamples(store: Store, feed: Line, starts: readonly number[]): Promise<void> {
  const partition = idOf(feed.topic, feed.partition)
  const writes = starts.map((startMs) => ({
    key: [startMs, feed.id],
    row: { startMs, feed: feed.id, mid: decimalOf('100.5'), atMs: startMs, sequence: null, n: 1 },
    ...{ partition, firstOffset: 0, lastOffset: 0 },
  }))
  await store.claim([{ ...PARTITION, topic: feed.topic, partition: feed.partition }])
  const rows = [{ table: SAMPLES, writes }]
  await store.commit({ partitions: [], feeds: [feed], rows, outbox: [] })
}

/** The feed's source comes as far as `progressMs` on the feed's partition; what others have come to there stays. */
export async function advance(store: Store, feed: Line, progressMs: number): Promise<void> {
  const request = { ...PARTITION, topic: feed.topic, partition: feed.partition }
  const [claim] = await store.claim([request])
  const { id, epoch, logId } = claim!
  const reader = claim!.readers[0] ?? freshReader('all', 0)
  reader.progress.set(feed.source, progressMs)
  const commit = { id, epoch, logId, readers: [reader], follow: [], ended: [] }
  const { fenced } = await store.commit({ partitions: [commit], feeds: [], rows: [], outbox: [] })
  expect(fenced).toEqual([])
}

/** The starts of a feed's samples that are still there, shown or not. */
async function left(store: Store, { id }: Line): Promise<number[]> {
  const { rows } = await sql<{ start_ms: number }>`
    SELECT start_ms FROM mid_price_rows WHERE feed = ${id} ORDER BY start_ms`.execute(store.db)
  return rows.map(({ start_ms }) => start_ms)
}

export async function count(store: Store): Promise<number> {
  const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM mid_price_rows`.execute(store.db)
  return rows[0]!.n
}
