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
  const topics = new Map((await broker.topics()).map((info) => [info.topic, new Counted(info, lastN)]))

  /** A topic that nobody has made is for the broker to refuse. */
  function counted(topic: string): Counted {
    const known = topics.get(topic)
    if (known !== undefined) return known
    const unknown = new Counted({ topic, partitions: 1 }, lastN)
    topics.set(topic, unknown)
    return unknown
  }

  function numbered({ topic, partition: asked, key, headers, value: text }: Draft): OutgoingRecord {
    const place = counted(topic)
    const partition = asked ?? (key === null ? 0 : place.partitionOf(key))
    const n = place.next(partition)
    const value = typeof text === 'string' ? text : text(`${run}-${n}`)
    const record = { topic, partition, key, run, n, value }
    return headers === undefined ? record : { ...record, headers }
  }

  return {
    run,
    partitionOf: (topic, key) => counted(topic).partitionOf(key),
    send: (drafts) => broker.publish(drafts.map(numbered)),
  }
}

/** One topic's partitions, and how far this run has counted on each. */
class Counted {
  readonly #partitions: number
  readonly #counts: number[]

  constructor(
    { topic, partitions }: Pick<TopicInfo, 'topic' | 'partitions'>,
    lastN: ReadonlyMap<string, number>,
  ) {
    this.#partitions = partitions
    this.#counts = Array.from(
      { length: partitions },
      (_, partition) => lastN.get(tpName({ topic, partition })) ?? 0,
    )
  }

  partitionOf(key: string): number {
    return this.#partitions === 1 ? 0 : crc32(key) % this.#partitions
  }

  next(partition: number): number {
    const n = (this.#counts[partition] ?? 0) + 1
    this.#counts[partition] = n
    return n
  }
}
