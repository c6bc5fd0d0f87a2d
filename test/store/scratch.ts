import { onTestFinished } from 'vitest'
import { openSqliteStore } from '../../src/store/sqlite-store.ts'
import { type FeedName, idOf, type PartitionCommit, type Store } from '../../src/store/store.ts'
import type { Key, Table } from '../../src/store/table.ts'

/** Stores for tests that write rows by hand, as a runner of one partition would. */
export const PARTITION = { topic: 'books.coinbase', partition: 0, logId: 'log-1' }

export async function openScratchStore(
  tables: readonly Table<unknown>[],
  open: () => Store | Promise<Store> = () => openSqliteStore({ file: ':memory:', monotonicMs: () => 0 }),
): Promise<Store> {
  const store = await open()
  onTestFinished(() => store.close())
  await store.ensureTables(tables)
  return store
}

/** Writes rows in one commit; they belong to feed 7, `mock` BTC-USD, and to a partition that is claimed for it. */
export async function put(store: Store, table: Table<unknown>, rows: readonly object[]): Promise<void> {
  const { commit } = await claimed(store)
  const feeds: FeedName[] = [{ id: 7, venue: 'coinbase', source: 'mock', product: 'BTC-USD' }]
  const { fenced } = await store.commit({
    partitions: [commit],
    feeds,
    rows: [{ table, writes: rows.map((row) => writeOf(table, row)) }],
    outbox: [],
  })
  if (fenced.length > 0) throw new Error('the partition was claimed by somebody else')
}

/** A claim of the partition and the commit that it allows: no reader moves. */
export async function claimed(store: Store): Promise<{ commit: PartitionCommit; epoch: number }> {
  const [claim] = await store.claim([PARTITION])
  const { id, epoch, logId } = claim!
  return { commit: { id, epoch, logId, readers: [], follow: [], ended: [] }, epoch }
}

export function writeOf(table: Table<unknown>, row: object, offsets: [number, number] = [0, 0]) {
  const values = row as Record<string, number | string>
  const key: Key = table.key.map((name) => values[name]!)
  const partition = idOf(PARTITION.topic, PARTITION.partition)
  return { key, row, partition, firstOffset: offsets[0], lastOffset: offsets[1] }
}
