import { mapOf, type ReaderState } from './store.ts'

/** A reader as both databases keep it, without its partition and its runs. */
export const READER_COLUMNS =
  'reader, position, first, duplicate, too_late, foreign_records, lost, counts, progress'
export type ReaderRow = [string, number, number, number, number, number, number, string, string]

/** The reader again, as it was last committed. `runs`: the last `n` of each run. */
export function readerFrom(row: ReaderRow, runs: readonly [run: string, lastN: number][]): ReaderState {
  const [reader, position, first, duplicate, tooLate, foreign, lost, counts, progress] = row
  const counters = { position, kept: position, first, duplicate, tooLate, foreign, lost }
  const maps = { counts: mapOf(counts), progress: mapOf(progress), runs: new Map(runs) }
  return { reader, ...counters, ...maps, runsMoved: new Set() }
}
