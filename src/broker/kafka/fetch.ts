import { EngineError } from '../../models/engine-error.ts'
import { type LogRecord, type TopicPartition, tpName } from '../broker.ts'
import type { KafkaCluster, KafkaNode, KafkaNodes } from './cluster.ts'
import { saysAny } from './errors.ts'
import type { TopicMetadata } from './protocol.ts'
import { logRecords } from './records.ts'

/** Asked for instead of a time. */
export const EARLIEST = -2
export const LATEST = -1

/** Records of everybody, also of transactions that are open or were aborted: else one that is never ended stops a reader. */
export const READ_UNCOMMITTED = 0
/** About what a book of 20 levels takes; how much is fetched is a guess from how many records are wanted. */
const RECORD_BYTES = 2_048
const FETCH_BYTES_MAX = 1_048_576
/** Looks for as many partitions stand in one request; of a thousand the answer is some 30 kB. */
const PARTITIONS_A_REQUEST_MAX = 1_000

export type Range = { readonly start: number; readonly end: number }

/**
 * Looks at partitions without a group. Leaders are remembered until a broker says that it is not the leader.
 */
export type KafkaLooks = {
  /** Records from `fromOffset` on, or from the oldest kept; at most `recordsMax`, none only at the end. */
  read(tp: TopicPartition, fromOffset: number, recordsMax: number): Promise<LogRecord[]>
  /** The first offset at `timeMs` or later, by `tpName`; absent where there is none. */
  offsetsAt(tps: readonly TopicPartition[], timeMs: number): Promise<Map<string, number>>
  /** Where each begins and ends, by `tpName`. */
  ranges(tps: readonly TopicPartition[]): Promise<Map<string, Range>>
}

export function openKafkaLooks(cluster: KafkaCluster): KafkaLooks {
  const leaders = new Map<string, number>()

  /** Does `work` with the leaders as remembered; if they are no longer that, they are looked up again. */
  function withLeaders<T>(
    doing: string,
    tps: readonly TopicPartition[],
    work: (nodes: KafkaNodes) => Promise<T>,
  ): Promise<T> {
    return cluster.run(doing, async (nodes) => {
      if (tps.some((tp) => !leaders.has(tpName(tp)))) await learnLeaders(nodes, tps)
      try {
        return await work(nodes)
      } catch (error) {
        for (const tp of tps) leaders.delete(tpName(tp))
        throw error
      }
    })
  }

  async function learnLeaders(nodes: KafkaNodes, tps: readonly TopicPartition[]): Promise<void> {
    const found = await nodes.topics([...new Set(tps.map(({ topic }) => topic))])
    for (const tp of tps) leaders.set(tpName(tp), leaderOf(found, tp))
  }

  async function fetch(node: KafkaNode, tp: TopicPartition, offset: number, recordsMax: number) {
    const maxBytes = Math.min(recordsMax * RECORD_BYTES, FETCH_BYTES_MAX)
    const partitions = [{ partition: tp.partition, fetchOffset: String(offset), maxBytes }]
    const { responses } = await node.fetch({
      maxWaitTime: 0,
      minBytes: 1,
      maxBytes,
      isolationLevel: READ_UNCOMMITTED,
      topics: [{ topic: tp.topic, partitions }],
    })
    // A batch is sent whole: its first records may lie before the offset that was asked for.
    const records = responses[0]?.partitions[0]?.messages ?? []
    return records.filter((record) => Number(record.offset) >= offset).slice(0, recordsMax)
  }

  async function readFrom(nodes: KafkaNodes, tp: TopicPartition, offset: number, recordsMax: number) {
    const node = await nodes.byId(leaders.get(tpName(tp))!)
    try {
      return await fetch(node, tp, offset, recordsMax)
    } catch (error) {
      if (!saysAny(error, 'OFFSET_OUT_OF_RANGE')) throw error
      const start = (await listOffsets(nodes, [tp], EARLIEST)).get(tpName(tp)) ?? 0
      return offset < start ? await fetch(node, tp, start, recordsMax) : []
    }
  }

  /** One request to each leader (and each thousand partitions). */
  async function listOffsets(nodes: KafkaNodes, tps: readonly TopicPartition[], timestamp: number) {
    const byLeader = grouped(tps, (tp) => leaders.get(tpName(tp))!)
    const requests = [...byLeader].flatMap(([leader, its]) =>
      inParts(its, PARTITIONS_A_REQUEST_MAX).map(async (part) => {
        const node = await nodes.byId(leader)
        const topics = byTopic(part, ({ partition }) => ({ partition, timestamp }))
        return (await node.listOffsets({ isolationLevel: READ_UNCOMMITTED, topics })).responses
      }),
    )
    const offsets = new Map<string, number>()
    for (const { topic, partitions } of (await Promise.all(requests)).flat()) {
      for (const { partition, offset } of partitions) {
        if (Number(offset) >= 0) offsets.set(tpName({ topic, partition }), Number(offset))
      }
    }
    return offsets
  }

  return {
    async read(tp, fromOffset, recordsMax) {
      const doing = `a look at ${tpName(tp)}`
      return logRecords(
        await withLeaders(doing, [tp], (nodes) => readFrom(nodes, tp, fromOffset, recordsMax)),
      )
    },
    offsetsAt: (tps, timeMs) =>
      withLeaders('a look for offsets', tps, (nodes) => listOffsets(nodes, tps, timeMs)),
    async ranges(tps) {
      const [starts, ends] = await withLeaders('a look for offsets', tps, (nodes) =>
        Promise.all([listOffsets(nodes, tps, EARLIEST), listOffsets(nodes, tps, LATEST)]),
      )
      return new Map(
        [...ends].map(([name, end]) => [name, { start: Math.min(starts.get(name) ?? end, end), end }]),
      )
    },
  }
}

function leaderOf(topics: readonly TopicMetadata[], tp: TopicPartition): number {
  const found = topics
    .find(({ topic }) => topic === tp.topic)
    ?.partitions.find(({ partition }) => partition === tp.partition)
  if (found === undefined) throw new EngineError('bug', `Kafka has no partition ${tpName(tp)}`)
  if (found.leader >= 0) return found.leader
  throw new EngineError('broker-unreachable', `${tpName(tp)} has no leader at present`, { retry: 'yes' })
}

export function byTopic<P>(
  tps: readonly TopicPartition[],
  map: (tp: TopicPartition) => P,
): { topic: string; partitions: P[] }[] {
  return [...grouped(tps, ({ topic }) => topic)].map(([topic, its]) => ({ topic, partitions: its.map(map) }))
}

export function grouped<K, T>(all: readonly T[], keyOf: (each: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const each of all) {
    const group = groups.get(keyOf(each))
    if (group === undefined) groups.set(keyOf(each), [each])
    else group.push(each)
  }
  return groups
}

function inParts<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))
}
