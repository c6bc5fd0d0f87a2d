import type { Stored } from '../../store/store.ts'
import type { Key } from '../../store/table.ts'

/** A row between two commits: as the store writes it, plus whether it must. `row` is undefined while there is none. */
export type CachedRow = {
  readonly key: Key
  readonly partition: number
  row: unknown
  firstOffset: number
  lastOffset: number
  dirty: boolean
}

export function emptyRow(key: Key, partition: number): CachedRow {
  return {
    key,
    partition,
    row: undefined,
    firstOffset: Number.MAX_SAFE_INTEGER,
    lastOffset: -1,
    dirty: false,
  }
}

export function storedRow(key: Key, stored: Stored<unknown> | undefined, partition: number): CachedRow {
  if (stored === undefined) return emptyRow(key, partition)
  return {
    key,
    partition,
    row: stored.row,
    firstOffset: stored.firstOffset,
    lastOffset: stored.lastOffset,
    dirty: false,
  }
}
