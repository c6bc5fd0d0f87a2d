import type { OutboxMessage } from '../../models/outbox-message.ts'
import type { Commit } from '../../store/store.ts'
import type { Partition } from './partition.ts'
import type { Reader } from './reader.ts'

/**
 * While catching up, a commit is due as soon as rows that will not change soon outweigh those that the next book changes
 * again: what waits stays young, small and bounded, and what is written over and over stays a small part.
 */
const FINAL_ROWS = 4_000
const FINAL_PER_CHANGING = 4

export function isWorthCommitting({ final, changing }: Reader['waiting']): boolean {
  return final >= FINAL_ROWS + FINAL_PER_CHANGING * changing
}

/** Everything that `partitions` have not committed yet, and `more` to be told. The rows are made ready as they are read. */
export function commitOf(partitions: readonly Partition[], more: readonly OutboxMessage[]): Commit {
  const pending = partitions.flatMap((partition) => partition.readers().map((reader) => reader.pending()))
  return {
    partitions: partitions.map((partition) => partition.positions()),
    feeds: pending.flatMap(({ feeds }) => feeds),
    rows: oneAfterAnother(pending.flatMap(({ rows }) => rows)),
    outbox: [...pending.flatMap(({ outbox }) => outbox), ...more],
  }
}

function* oneAfterAnother<T>(parts: readonly Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part
}
