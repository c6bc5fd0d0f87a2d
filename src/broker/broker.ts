/**
 * Topics that remember. One face for the embedded log and for Kafka; what a caller may rely on stands here and is held by
 * one test suite run against every implementation.
 */
export type TopicPartition = { readonly topic: string; readonly partition: number }

/** `books.coinbase/0`: the one text form of a topic-partition, used as a map key and in messages. */
export function tpName(tp: TopicPartition): string {
  return `${tp.topic}/${tp.partition}`
}

/** A record to be written. `run` and `n` (dense per run and topic-partition, from 1) let readers drop what came twice. */
export type OutgoingRecord = TopicPartition & {
  readonly key: string | null
  readonly run: string
  readonly n: number
  readonly headers?: Readonly<Record<string, string>>
  readonly value: string
}

/** A record as it lies on a topic. `corrupt`: its checksum is wrong; key, run, n and value must not be believed. */
export type LogRecord = {
  readonly offset: number
  readonly key: string | null
  readonly run: string | null
  readonly n: number | null
  readonly appendedAtMs: number
  readonly headers: Readonly<Record<string, string>> | null
  readonly value: string | null
  readonly corrupt: boolean
}

export type TopicSettings = {
  readonly topic: string
  readonly partitions: number
  /** Records older than this may be dropped; so may the oldest beyond `retentionBytes`, whichever comes first. */
  readonly retentionMs: number
  readonly retentionBytes: number
}

export type PartitionInfo = {
  readonly partition: number
  /** Offset of the oldest record kept, and of the next to be written. Dense: end - start records lie between. */
  readonly startOffset: number
  readonly endOffset: number
  readonly bytes: number
}

export type TopicInfo = TopicSettings & {
  /** Another id is another log, whatever its name: positions of one mean nothing in the other. */
  readonly logId: string
  readonly partitionInfos: readonly PartitionInfo[]
}

export type GroupOffset = TopicPartition & { readonly offset: number }
export type GroupInfo = { readonly group: string; readonly offsets: readonly GroupOffset[] }

export type ConsumeOptions = {
  readonly topics: readonly string[]
  readonly group: string
  /** Called with what this consumer now reads; answers the offset to begin each at, by `tpName`. */
  onAssigned(tps: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>>
  /** Called before the partitions go elsewhere, and on close. */
  onLost(tps: readonly TopicPartition[]): Promise<void>
  /**
   * Records of one partition, offsets ascending and dense from where it stood. The next call waits for this one. A
   * rejection of the promise closes the consumer and reaches `done`.
   */
  onBatch(
    tp: TopicPartition,
    records: readonly LogRecord[],
    about: { heartbeat(): Promise<void> },
  ): Promise<void>
  /** At most so many records a batch (default 1,000). */
  readonly batchRecordsMax?: number
}

export type Consumer = {
  pause(tps: readonly TopicPartition[]): void
  resume(tps: readonly TopicPartition[]): void
  seek(tp: TopicPartition, offset: number): void
  /** Settles when the consumer has ended: resolved after `close`, rejected with what broke it. */
  readonly done: Promise<void>
  /** Waits for the running batch, then calls `onLost` with everything assigned. */
  close(): Promise<void>
}

export type Broker = {
  /** Creates what is missing. An existing topic keeps its partitions; retention follows the settings. */
  ensureTopics(settings: readonly TopicSettings[]): Promise<void>
  /**
   * Resolves when every record is durable: on the disk, synced. Records of one partition keep the order in which they
   * were handed over, over calls too. All records of one call lie on the log, or none. Rejects with an EngineError
   * (`disk-full`, `disk-failed`, `overloaded`, `closed`) and then nothing of the call was acknowledged.
   */
  publish(records: readonly OutgoingRecord[]): Promise<void>
  consume(options: ConsumeOptions): Promise<Consumer>
  /** One look: at most `recordsMax` records from `fromOffset` on (or the oldest kept, if that is later). */
  read(tp: TopicPartition, fromOffset: number, recordsMax: number): Promise<LogRecord[]>
  /** Tells the broker how far a group is, so that lag shows in its tools. Nothing is ever started from these. */
  commitOffsets(group: string, offsets: readonly GroupOffset[]): Promise<void>
  topics(): Promise<TopicInfo[]>
  groups(): Promise<GroupInfo[]>
  close(): Promise<void>
}
