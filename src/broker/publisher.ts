import { crc32 } from 'node:zlib'
import { type OutgoingRecord, type TopicInfo, tpName } from './broker.ts'

/** What a producer needs of a broker. `publish` promises what it does on every broker. */
export type Publishing = {
  publish(records: readonly OutgoingRecord[]): Promise<void>
  topics(): Promise<readonly Pick<TopicInfo, 'topic' | 'partitions'>[]>
}

/** What a producer hands over. `value` may ask for the record's id, `<run>-<n>`, which only now is known. */
export type Draft = {
  readonly topic: string
  readonly key: string | null
  /** For what concerns a whole partition (marks); otherwise the key decides. */
  readonly partition?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly value: string | ((id: string) => string)
}

export type Publisher = {
  readonly run: string
  /** Numbers the drafts and publishes them as one batch. Resolves when they are durable. */
  send(drafts: readonly Draft[]): Promise<void>
  partitionOf(topic: string, key: string): number
}

/**
 * One run's hand on the broker: picks partitions by key and counts `n` densely per topic-partition, so that readers can
 * tell what was sent twice. `lastN` goes on from the numbers an earlier process of the same run has reached, by `tpName`.
 */
export async function openPublisher(
  broker: Publishing,
  run: string,
  lastN: ReadonlyMap<string, number> = new Map(),
): Promise<Publisher> {
  const partitions = new Map((await broker.topics()).map((info) => [info.topic, info.partitions]))
  const counts = new Map(lastN)

  function partitionOf(topic: string, key: string): number {
    return crc32(key) % (partitions.get(topic) ?? 1)
  }

  function numbered(draft: Draft): OutgoingRecord {
    const partition = draft.partition ?? (draft.key === null ? 0 : partitionOf(draft.topic, draft.key))
    const name = tpName({ topic: draft.topic, partition })
    const n = (counts.get(name) ?? 0) + 1
    counts.set(name, n)
    const value = typeof draft.value === 'string' ? draft.value : draft.value(`${run}-${n}`)
    const record = { topic: draft.topic, partition, key: draft.key, run, n, value }
    return draft.headers === undefined ? record : { ...record, headers: draft.headers }
  }

  return { run, partitionOf, send: (drafts) => broker.publish(drafts.map(numbered)) }
}
