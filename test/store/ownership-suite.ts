import { describe, expect, test } from 'vitest'
import { formatDecimal } from '../../src/models/decimal.ts'
import { freshReader, idOf, type PartitionCommit, type Store, shadowOf } from '../../src/store/store.ts'
import { dump } from '../../src/store/verify-tables.ts'
import { prices, type Row, row } from './prices.ts'
import { claimed, openScratchStore, PARTITION, writeOf } from './scratch.ts'

/** Whose a partition is, and what its owner alone may do: what every store promises. */
export function describeOwnership(name: string, open: () => Store | Promise<Store>): void {
  const opened = (): Promise<Store> => openScratchStore([prices], open)

  describe(`the ${name} store: rebuilding`, () => {
    const shadow = { ...prices, name: 'prices_shadow' }
    const partition = idOf(PARTITION.topic, PARTITION.partition)

    async function withRows(store: Store): Promise<PartitionCommit> {
      const { commit } = await claimed(store)
      await store.freshTable(shadow)
      const old = [writeOf(prices, row(1, '1'), [0, 5]), writeOf(prices, row(2, '2'), [4, 6])]
      const elsewhere = { ...writeOf(prices, row(3, '3'), [9, 9]), partition: partition + 1 }
      const made = [
        writeOf(shadow, row(1, '10'), [4, 5]),
        writeOf(shadow, row(2, '20'), [4, 6]),
        writeOf(shadow, row(4, '40'), [7, 7]),
      ]
      await store.commit({
        partitions: [commit],
        feeds: [],
        rows: [
          { table: prices, writes: [...old, elsewhere] },
          { table: shadow, writes: made },
        ],
        outbox: [],
      })
      return commit
    }

    const pricesOf = async (store: Store): Promise<(string | undefined)[]> => {
      const keys = [1, 2, 3, 4].map((startMs) => [7, startMs])
      const found = await store.fetch(prices, keys)
      return found.map((stored) => stored && formatDecimal((stored.row as Row).price))
    }

    test('takes the new rows, except where the old ones came of records that are gone', async () => {
      const store = await opened()
      const owned = await withRows(store)
      expect(await store.countForRebuild(prices, partition, 4)).toEqual({ kept: 1, replaced: 1 })
      expect(await store.swapShadow(prices, shadow, owned, 4)).toBe(true)
      await store.dropTable(shadow)
      expect(await pricesOf(store)).toEqual(['1', '20', '3', '40'])
    })

    test('changes nothing where somebody else has claimed the partition meanwhile', async () => {
      const store = await opened()
      const owned = await withRows(store)
      await claimed(store)
      expect(await store.swapShadow(prices, shadow, owned, 4)).toBe(false)
      expect(await pricesOf(store)).toEqual(['1', '2', '3', undefined])
    })

    test('begins with an empty table, whatever an earlier one left', async () => {
      const store = await opened()
      await withRows(store)
      await store.freshTable(shadow)
      expect(await dump(store.db, shadow)).toEqual([])
    })

    test('has a table for every partition and epoch, which the next claim of that partition drops', async () => {
      const store = await opened()
      const { commit: first } = await claimed(store)
      const [elsewhere] = await store.claim([{ ...PARTITION, partition: 1 }])
      const left = [shadowOf(prices, first), shadowOf(prices, elsewhere!)]
      for (const each of left) await store.freshTable(each)
      await claimed(store)
      await expect(dump(store.db, left[0]!)).rejects.toThrow(/prices_shadow/)
      expect(await dump(store.db, left[1]!)).toEqual([])
    })

    test('is asked for by processor and partition, once', async () => {
      const store = await opened()
      await store.requests.askRebuild('best-prices', [1, 2])
      await store.requests.askRebuild('best-prices', [2, 3])
      const asked = [1, 2, 3].map((partition) => ({ processor: 'best-prices', partition }))
      expect(await store.requests.rebuilds()).toEqual(asked)
      await store.requests.rebuilt(asked[1]!)
      expect(await store.requests.rebuilds()).toEqual([asked[0], asked[2]])
    })
  })

  describe(`the ${name} store: a reader`, () => {
    const empty = { feeds: [], rows: [], outbox: [] }
    const at = (position: number, kept: number | null) => ({ ...freshReader('all', 0), position, kept })

    test.each([
      ['stands elsewhere than its commit expects', 5, 4],
      ['is there though its commit expects none', 5, null],
    ])('that %s is not moved, and nothing else is', async (_, position, kept) => {
      const store = await opened()
      const { commit } = await claimed(store)
      await store.commit({ partitions: [{ ...commit, readers: [at(position, null)] }], ...empty })
      const rows = [{ table: prices, writes: [writeOf(prices, row(1))] }]
      const strayed = { partitions: [{ ...commit, readers: [at(9, kept)] }], ...empty, rows }
      expect(await store.commit(strayed)).toEqual({ fenced: [commit.id] })
      expect(await store.readerState(commit.id, 'all')).toMatchObject({ position })
      expect(await dump(store.db, prices)).toEqual([])
    })

    test('that is not there is not moved on', async () => {
      const store = await opened()
      const { commit } = await claimed(store)
      const strayed = { partitions: [{ ...commit, readers: [at(9, 5)] }], ...empty }
      expect(await store.commit(strayed)).toEqual({ fenced: [commit.id] })
      expect(await store.readerState(commit.id, 'all')).toBeUndefined()
    })

    test('may end and begin anew in one commit', async () => {
      const store = await opened()
      const { commit } = await claimed(store)
      await store.commit({ partitions: [{ ...commit, readers: [at(5, null)] }], ...empty })
      const anew = { partitions: [{ ...commit, readers: [at(2, null)], ended: ['all'] }], ...empty }
      expect(await store.commit(anew)).toEqual({ fenced: [] })
      expect(await store.readerState(commit.id, 'all')).toMatchObject({ position: 2, kept: 2 })
    })
  })

  describe(`the ${name} store: claims`, () => {
    test('that race are given one epoch each, and the last one holds', async () => {
      const store = await opened()
      const claims = (await Promise.all([1, 2, 3, 4, 5].map(() => store.claim([PARTITION])))).flat()
      expect(claims.map(({ epoch }) => epoch).sort()).toEqual([1, 2, 3, 4, 5])
      for (const { id, epoch, logId } of claims) {
        const commit = { id, epoch, logId, readers: [], follow: [], ended: [] }
        const { fenced } = await store.commit({ partitions: [commit], feeds: [], rows: [], outbox: [] })
        expect(fenced).toEqual(epoch === 5 ? [] : [id])
      }
    })

    test('of one partition leave those of others as they are', async () => {
      const store = await opened()
      const { commit } = await claimed(store)
      await store.claim([{ ...PARTITION, partition: 1 }])
      const both = { partitions: [commit], feeds: [], rows: [], outbox: [] }
      expect(await store.commit(both)).toEqual({ fenced: [] })
    })
  })
}
