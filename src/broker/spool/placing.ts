import { crc32 } from 'node:zlib'
import type { OutgoingRecord } from '../broker.ts'
import type { SpooledRecord } from './segment.ts'

/** How many partitions each topic has. */
export type PartitionCounts = ReadonlyMap<string, number>

/**
 * A spooled record as it goes to the far side, whose topics have `counts` partitions. It goes where it was numbered for,
 * unless that partition was chosen by a count that was only assumed and is another in truth, or does not exist:
 *
 * - With a key it goes where the key belongs. There it meets records that were numbered for other partitions, so it goes as
 *   of run `<run>/<partition it was numbered for>`: for each such run n still only ascends in every partition.
 * - Without one it is a mark. A run marks all its partitions at one moment, and says the holes of all its products before,
 *   so a mark is true of whatever the run feeds: it goes to every partition, since only the keys know which these are.
 */
export function placed(record: SpooledRecord, counts: PartitionCounts): OutgoingRecord[] {
  const { assumedPartitions, ...outgoing } = record
  const { topic, partition, key } = outgoing
  const count = counts.get(topic)
  if (count === undefined || isInPlace(record, count)) return [outgoing]
  const run = `${outgoing.run}/${partition}`
  if (key !== null) return [{ ...outgoing, run, partition: crc32(key) % count }]
  return Array.from({ length: count }, (_, each) => ({ ...outgoing, run, partition: each }))
}

function isInPlace({ partition, assumedPartitions }: SpooledRecord, count: number): boolean {
  return partition < count && (assumedPartitions === undefined || assumedPartitions === count)
}

/**
 * The counts to place by from now on. The first that the far side ever told this process stay: partitions that are added
 * later are left to runs that begin later, so that what may lie on the far side already has one place only.
 */
export function firstCounts(known: PartitionCounts, told: PartitionCounts): PartitionCounts {
  const counts = new Map(told)
  for (const [topic, count] of known) {
    if (count <= (told.get(topic) ?? 0)) counts.set(topic, count)
  }
  return counts
}
