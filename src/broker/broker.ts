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

/**
 * A record as it lies on a topic. `corrupt`: its checksum is wrong; key, run, n and value must not be believed. `bytes`: its
 * value where that is not UTF-8 text; `value` is null then.
 */
export type LogRecord = {
  readonly offset: number
  readonly key: string | null
  readonly run: string | null
  readonly n: number | null
  readonly appendedAtMs: number
  readonly headers: Readonly<Record<string, string>> | null
  readonly value: string | null
  readonly corrupt: boolean
  readonly bytes?: Uint8Array
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
  /** Copies kept of every record; 1 on the embedded log. */
  readonly replication: number
  readonly partitionInfos: readonly PartitionInfo[]
}

export type GroupOffset = TopicPartition & { readonly offset: number }
export type GroupInfo = {
  readonly group: string
  readonly offsets: readonly GroupOffset[]
  /** Processes that read for it now; null where the broker cannot tell. */
  readonly members: number | null
}

export type ConsumeOptions = {
  readonly topics: readonly string[]
  readonly group: string
  /**
   * Called with what this consumer now reads, which may be nothing; answers the offset to begin each at, by `tpName`. Where
   * the broker shares partitions out it is called again whenever that changes, after `onLost` for all it had.
   */
  onAssigned(tps: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>>
  /** Called when the partitions go elsewhere, and on close. Others may have them already. */
  onLost(tps: readonly TopicPartition[]): Promise<void>
  /**
   * Records of one partition, offsets ascending from where it stood, and dense but for what has left the log. The next
   * call waits for this one. A rejection of the promise closes the consumer and reaches `done`; one of `heartbeat` is to be
   * passed on.
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
  /** Whether the partitions of a group are shared out among the processes that consume; otherwise each has them all. */
  readonly sharesPartitions: boolean
  /** Creates what is missing. Answers, a line each, what existing topics have otherwise and keep. */
  ensureTopics(settings: readonly TopicSettings[]): Promise<readonly string[]>
  /**
   * Resolves when every record is durable: on the disk, synced. Records of one partition keep the order in which they
   * were handed over, over calls too. Rejects with an EngineError (`disk-full`, `disk-failed`, `overloaded`,
   * `broker-unreachable`, `closed`) and then nothing of the call was acknowledged; some of it may lie on the log all the
   * same, and its `run` and `n` make it count once should it be sent again.
   */
  publish(records: readonly OutgoingRecord[]): Promise<void>
  consume(options: ConsumeOptions): Promise<Consumer>
  /** One look: at most `recordsMax` records from `fromOffset` on (or the oldest kept, if that is later). */
  read(tp: TopicPartition, fromOffset: number, recordsMax: number): Promise<LogRecord[]>
  /** The first offset whose record was appended at `timeMs` or later; the end where there is none. */
  offsetAt(tp: TopicPartition, timeMs: number): Promise<number>
  /** Tells the broker how far a group is, so that lag shows in its tools. Nothing is ever started from these. */
  commitOffsets(group: string, offsets: readonly GroupOffset[]): Promise<void>
  topics(): Promise<TopicInfo[]>
  groups(): Promise<GroupInfo[]>
  close(): Promise<void>
}
