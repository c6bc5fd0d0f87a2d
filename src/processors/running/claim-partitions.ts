import {
  type Broker,
  type PartitionInfo,
  type TopicInfo,
  type TopicPartition,
  tpName,
} from '../../broker/broker.ts'
import { EngineError } from '../../models/engine-error.ts'
import { type Claim, freshReader, type ReaderState } from '../../store/store.ts'
import { lossesOf } from './losses.ts'
import { Partition, type PartitionOptions } from './partition.ts'
import { ORDINAL_OF } from './reader.ts'

type Options = PartitionOptions & {
  readonly broker: Broker
  readonly acceptLog?: boolean
  readonly log: { warn(about: object, text: string): void }
}

/**
 * Makes partitions ours and sees that the positions kept for them fit the log. A position before the log's start means
 * records were dropped unread: counted as lost and said. A position of another log, or past the end, means that the log
 * was replaced or lost its tail: that stops here, unless `acceptLog` says to go on with the log as it is. The
 * rows then forget which records they were made from, and ordinals are counted on: rejections of another log belong to new
 * digests, not to the old ones.
 */
export async function claimPartitions(
  tps: readonly TopicPartition[],
  options: Options,
): Promise<Partition[]> {
  const infos = new Map((await options.broker.topics()).map((info) => [info.topic, info]))
  const known = tps.map((tp) => ({ ...tp, logId: infos.get(tp.topic)!.logId }))
  const claims = await options.store.claim(known)
  const partitions: Partition[] = []
  for (const claim of claims) {
    const { info, span } = placeOf(claim, infos)
    const readers = claim.readers.map((state) => fitToLog(state, claim, info, span, options))
    const goneFrom = firstGone(claim, info, span)
    const tables = options.processors.map(({ table }) => table)
    if (goneFrom !== undefined) await options.store.forgetLineage(tables, claim.id, goneFrom)
    const refitted = readers.some((state, i) => state !== claim.readers[i])
    const partition = new Partition({ ...claim, readers }, span.startOffset, options, refitted)
    const progress = partition.all.state.progress
    if (refitted) partition.all.lose(await lossesOf(options.store, claim, progress))
    partitions.push(partition)
  }
  return partitions
}

/** The first offset whose record was read and is no longer, or not, what the log holds there. */
function firstGone(claim: Claim, info: TopicInfo, span: PartitionInfo): number | undefined {
  if (claim.knownLogId !== info.logId) return 0
  return claim.readers.some(({ position }) => position > span.endOffset) ? span.endOffset : undefined
}

function placeOf(
  claim: Claim,
  infos: ReadonlyMap<string, TopicInfo>,
): { info: TopicInfo; span: PartitionInfo } {
  const info = infos.get(claim.topic)!
  return { info, span: info.partitionInfos.find(({ partition }) => partition === claim.partition)! }
}

function fitToLog(
  state: ReaderState,
  claim: Claim,
  info: TopicInfo,
  span: PartitionInfo,
  options: Options,
): ReaderState {
  const name = tpName(claim)
  if (claim.knownLogId !== info.logId) {
    if (options.acceptLog !== true) throw otherLog(name)
    options.log.warn({ partition: name }, `${name} is another log than before: reading it from its start`)
    const counts = new Map([...state.counts].filter(([counted]) => counted.startsWith(ORDINAL_OF)))
    const { kept, progress } = state
    return { ...freshReader(state.reader, span.startOffset), kept, progress, counts }
  }
  if (state.position > span.endOffset) {
    const missing = state.position - span.endOffset
    if (options.acceptLog !== true) throw lostTail(name, state.position, span.endOffset)
    options.log.warn(
      { partition: name, missing },
      `${name} has lost its last ${missing} records: going on from its end`,
    )
    return { ...state, position: span.endOffset, first: state.first - missing }
  }
  if (state.position < span.startOffset) {
    const lost = span.startOffset - state.position
    options.log.warn(
      { partition: name, lost },
      `${lost} records of ${name} were dropped by retention before they were read`,
    )
    return { ...state, position: span.startOffset, lost: state.lost + lost }
  }
  return state
}

const WAY_OUT =
  'put the log back; or keep the tables and go on with the log as it is: `npm run process -- --accept-log`; or move store.db away to make the tables anew from this log'

function otherLog(name: string): EngineError {
  return new EngineError(
    'log-lost',
    `the tables were made from another log than the one that now holds ${name}`,
    { hint: WAY_OUT },
  )
}

function lostTail(name: string, position: number, end: number): EngineError {
  return new EngineError(
    'log-lost',
    `${name} ends at offset ${end}, but its records were read up to ${position}: the log has lost its tail`,
    {
      hint: WAY_OUT,
    },
  )
}
