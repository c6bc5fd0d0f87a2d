import type { Broker } from '../broker/broker.ts'
import { formatDuration } from '../models/time.ts'
import type { Context } from './context.ts'
import { openToLook } from './open-to-look.ts'
import { size } from './readable.ts'
import { type Column, type RowFormat, rowsText } from './rows-text.ts'

export type TopicsOptions = { readonly partitions?: boolean | undefined; readonly format: RowFormat }

/** What topics there are, how much lies on them, how long it is kept. What differs from the settings is said on opening. */
export async function topics(context: Context, options: TopicsOptions): Promise<number> {
  const broker = await openToLook(context)
  try {
    context.out(await topicsText(broker, options))
    return 0
  } finally {
    await broker.close()
  }
}

/** The report on every topic of a broker: a row each, or a row for each of their partitions. */
export async function topicsText(broker: Broker, { partitions, format }: TopicsOptions): Promise<string> {
  return partitions === true
    ? rowsText(await partitionRows(broker), PARTITION_COLUMNS, format)
    : rowsText(await topicRows(broker), TOPIC_COLUMNS, format)
}

type TopicRow = Awaited<ReturnType<typeof topicRows>>[number]
type PartitionRow = Awaited<ReturnType<typeof partitionRows>>[number]

const TOPIC_COLUMNS: readonly Column<TopicRow>[] = [
  { head: 'TOPIC', field: 'topic' },
  { head: 'PARTITIONS', field: 'partitions' },
  { head: 'COPIES', field: 'replication' },
  { head: 'RECORDS', field: 'records' },
  { head: 'SIZE', field: 'bytes', cell: ({ bytes }) => size(bytes) },
  { head: 'KEPT FOR', field: 'retentionMs', cell: keptFor },
  { head: 'UP TO', field: 'retentionBytes', cell: keptUpTo },
  { head: 'LOG ID', field: 'logId', cell: ({ logId }) => logId.slice(0, 8) },
]

const PARTITION_COLUMNS: readonly Column<PartitionRow>[] = [
  { head: 'TOPIC', field: 'topic' },
  { head: 'PARTITION', field: 'partition' },
  { head: 'START', field: 'startOffset' },
  { head: 'END', field: 'endOffset' },
  { head: 'RECORDS', field: 'records' },
  { head: 'SIZE', field: 'bytes', cell: ({ bytes }) => size(bytes) },
]

async function topicRows(broker: Broker) {
  return (await broker.topics()).map((info) => ({
    topic: info.topic,
    partitions: info.partitions,
    replication: info.replication,
    records: sum(info.partitionInfos.map(({ startOffset, endOffset }) => endOffset - startOffset)),
    bytes: sum(info.partitionInfos.map(({ bytes }) => bytes)),
    retentionMs: info.retentionMs,
    retentionBytes: info.retentionBytes,
    logId: info.logId,
  }))
}

async function partitionRows(broker: Broker) {
  return (await broker.topics()).flatMap(({ topic, partitionInfos }) =>
    partitionInfos.map(({ partition, startOffset, endOffset, bytes }) => {
      return { topic, partition, startOffset, endOffset, records: endOffset - startOffset, bytes }
    }),
  )
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}

/** Kafka writes "for ever" as -1. */
function isBounded(bound: number): boolean {
  return bound >= 0 && Number.isSafeInteger(bound)
}

function keptFor({ retentionMs }: TopicRow): string {
  return isBounded(retentionMs) ? formatDuration(retentionMs) : 'ever'
}

function keptUpTo({ retentionBytes }: TopicRow): string {
  return isBounded(retentionBytes) ? size(retentionBytes) : 'any size'
}
