import type { KafkaRequest } from './cluster.ts'

/**
 * Two requests of Kafka's protocol that kafkajs does not know, and their answers; the grammar stands over each as in
 * https://kafka.apache.org/protocol. They travel over its connections.
 */
export const METADATA = { apiKey: 3, version: 10 } as const
export const DESCRIBE_LOG_DIRS = { apiKey: 35, version: 1 } as const

export type PartitionMetadata = {
  readonly partition: number
  /** -1 while there is none. */
  readonly leader: number
  readonly replicas: number
}
export type TopicMetadata = {
  readonly topic: string
  /** 0, or why nothing is known about it. */
  readonly errorCode: number
  readonly topicId: string
  readonly partitions: readonly PartitionMetadata[]
}

/**
 * Topics with their ids, without making any that is missing.
 *
 *   Metadata Request (Version: 10) => [topics] allow_auto_topic_creation include_cluster_authorized_operations
 *                                     include_topic_authorized_operations TAG_BUFFER
 *     topics => topic_id name TAG_BUFFER
 *       topic_id => UUID
 *       name => COMPACT_NULLABLE_STRING
 */
export function metadataRequest(topics: readonly string[]): KafkaRequest<TopicMetadata[]> {
  const body = new Writer().tags()
  body.uvarint(topics.length + 1)
  for (const topic of topics) body.bytes(Buffer.alloc(16)).compactString(topic).tags()
  body.int8(0).int8(0).int8(0).tags()
  return {
    request: {
      apiKey: METADATA.apiKey,
      apiVersion: METADATA.version,
      apiName: 'Metadata',
      encode: body.encode,
    },
    response: answer(readMetadata),
  }
}

/**
 *   Metadata Response (Version: 10) => TAG_BUFFER throttle_time_ms [brokers] cluster_id controller_id [topics]
 *                                      cluster_authorized_operations TAG_BUFFER
 *     brokers => node_id:INT32 host:COMPACT_STRING port:INT32 rack:COMPACT_NULLABLE_STRING TAG_BUFFER
 *     topics => error_code:INT16 name:COMPACT_STRING topic_id:UUID is_internal:BOOLEAN [partitions]
 *               topic_authorized_operations:INT32 TAG_BUFFER
 *       partitions => error_code:INT16 partition_index:INT32 leader_id:INT32 leader_epoch:INT32
 *                     replica_nodes:[INT32] isr_nodes:[INT32] offline_replicas:[INT32] TAG_BUFFER
 */
function readMetadata(from: Reader): TopicMetadata[] {
  from.tags()
  from.int32()
  from.compactArray(() => [
    from.int32(),
    from.compactString(),
    from.int32(),
    from.compactString(),
    from.tags(),
  ])
  from.compactString()
  from.int32()
  return from.compactArray(() => {
    const [errorCode, topic, topicId] = [from.int16(), from.compactString(), from.uuid()]
    from.int8()
    const partitions = from.compactArray(() => readPartition(from))
    from.int32()
    from.tags()
    return { topic, errorCode, topicId, partitions }
  })
}

function readPartition(from: Reader): PartitionMetadata {
  from.int16()
  const [partition, leader] = [from.int32(), from.int32()]
  from.int32()
  const replicas = from.compactArray(() => from.int32()).length
  from.compactArray(() => from.int32())
  from.compactArray(() => from.int32())
  from.tags()
  return { partition, leader, replicas }
}

export type PartitionSize = { readonly topic: string; readonly partition: number; readonly bytes: number }

/**
 * What partitions take on one broker's disks.
 *
 *   DescribeLogDirs Request (Version: 1) => [topics]
 *     topics => topic:STRING partitions:[INT32]
 */
export function logDirsRequest(
  topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
): KafkaRequest<PartitionSize[]> {
  const body = new Writer().int32(topics.length)
  for (const { topic, partitions } of topics) {
    body.string(topic).int32(partitions.length)
    for (const partition of partitions) body.int32(partition)
  }
  const { apiKey, version: apiVersion } = DESCRIBE_LOG_DIRS
  return {
    request: { apiKey, apiVersion, apiName: 'DescribeLogDirs', encode: body.encode },
    response: answer(readLogDirs),
  }
}

/**
 *   DescribeLogDirs Response (Version: 1) => throttle_time_ms [results]
 *     results => error_code:INT16 log_dir:STRING [topics]
 *       topics => name:STRING [partitions]
 *         partitions => partition_index:INT32 partition_size:INT64 offset_lag:INT64 is_future_key:BOOLEAN
 */
function readLogDirs(from: Reader): PartitionSize[] {
  const sizes: PartitionSize[] = []
  from.int32()
  from.array(() => {
    from.int16()
    from.string()
    from.array(() => {
      const topic = from.string()
      from.array(() => {
        const [partition, bytes] = [from.int32(), from.int64()]
        from.int64()
        if (from.int8() === 0) sizes.push({ topic, partition, bytes })
      })
    })
  })
  return sizes
}

function answer<T>(read: (from: Reader) => T): KafkaRequest<T>['response'] {
  return {
    decode: async (payload) => ({ answer: read(new Reader(payload)) }),
    parse: async (it) => it.answer,
  }
}

class Writer {
  #parts: Buffer[] = []

  readonly encode = async (): Promise<{ buf: Buffer; buffer: Buffer }> => {
    const all = Buffer.concat(this.#parts)
    return { buf: all, buffer: all }
  }

  bytes(bytes: Buffer): this {
    this.#parts.push(bytes)
    return this
  }

  int8(value: number): this {
    return this.bytes(Buffer.of(value))
  }

  int32(value: number): this {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(value)
    return this.bytes(bytes)
  }

  string(text: string): this {
    const bytes = Buffer.from(text)
    const length = Buffer.alloc(2)
    length.writeInt16BE(bytes.length)
    return this.bytes(length).bytes(bytes)
  }

  uvarint(value: number): this {
    const bytes: number[] = []
    for (let rest = value; ; rest >>>= 7) {
      if (rest < 0x80) return this.bytes(Buffer.from([...bytes, rest]))
      bytes.push((rest & 0x7f) | 0x80)
    }
  }

  compactString(text: string): this {
    const bytes = Buffer.from(text)
    return this.uvarint(bytes.length + 1).bytes(bytes)
  }

  /** No tagged fields. */
  tags(): this {
    return this.uvarint(0)
  }
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  #skip(length: number): number {
    this.#at += length
    return this.#at - length
  }

  int8(): number {
    return this.#bytes.readInt8(this.#skip(1))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#skip(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#skip(4))
  }

  int64(): number {
    return Number(this.#bytes.readBigInt64BE(this.#skip(8)))
  }

  uuid(): string {
    const at = this.#skip(16)
    return this.#bytes.toString('base64url', at, at + 16)
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#skip(1))
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }

  #text(length: number): string {
    if (length <= 0) return ''
    const at = this.#skip(length)
    return this.#bytes.toString('utf8', at, at + length)
  }

  string(): string {
    return this.#text(this.int16())
  }

  compactString(): string {
    return this.#text(this.uvarint() - 1)
  }

  array<T>(read: () => T): T[] {
    return this.#times(this.int32(), read)
  }

  compactArray<T>(read: () => T): T[] {
    return this.#times(this.uvarint() - 1, read)
  }

  #times<T>(count: number, read: () => T): T[] {
    const all: T[] = []
    for (let i = 0; i < count; i++) all.push(read())
    return all
  }

  tags(): void {
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint()
      this.#skip(this.uvarint())
    }
  }
}
