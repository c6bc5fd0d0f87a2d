import type { Logger } from 'pino'
import { type LogRecord, type OutgoingRecord, tpName } from '../broker.ts'
import { openSqliteBroker, type SqliteBroker } from '../sqlite-broker.ts'

/**
 * A record that waits for the far side. `assumedPartitions`: how many partitions its topic was taken to have when it was
 * numbered, where the far side could not be asked.
 */
export type SpooledRecord = OutgoingRecord & { readonly assumedPartitions?: number }

/** What a record takes of the spool's bound: its text. */
export function recordBytes({ value, headers }: OutgoingRecord): number {
  return Buffer.byteLength(value) + (headers === undefined ? 0 : Buffer.byteLength(JSON.stringify(headers)))
}

export type SpoolFileOptions = {
  readonly nowMs: () => number
  readonly random: () => number
  readonly log: Logger
  /** A segment's file may not grow beyond so many 16 KiB pages: a full disk, on request. */
  readonly pagesMax?: number
}

/** The oldest records of a segment. What was damaged on the disk is left out and counted. */
export type SegmentBatch = {
  readonly records: readonly SpooledRecord[]
  readonly damaged: number
  /** The offset behind it. */
  readonly end: number
}

/** One stretch of the spool: an embedded log in a folder of its own, which goes as a whole when it is drained. */
export type Segment = {
  readonly dir: string
  /** What waits in it. */
  readonly records: number
  readonly bytes: number
  /** Durable when it resolves, all of it or nothing. Rejects as `publish` does. */
  append(records: readonly SpooledRecord[]): Promise<void>
  /** At most `recordsMax` records and about `bytesMax` of text, at least one where there is one. */
  read(recordsMax: number, bytesMax: number): Promise<SegmentBatch>
  /** Everything before `end` has reached the far side; survives the process, not a power cut (readers drop what repeats). */
  drained(batch: SegmentBatch): Promise<void>
  /** Lets go of the file; it is opened again when it is needed. */
  rest(): Promise<void>
}

const TP = { topic: 'spool', partition: 0 }
const GROUP = 'drained'
/** In the headers of a spooled record: where it is to go, and `assumedPartitions`. */
const TO = 'spool-to'
const ASSUMED = 'spool-assumed'
/** Nothing leaves a segment by age or size. */
const KEEP_ALL = {
  partitions: 1,
  retentionMs: Number.MAX_SAFE_INTEGER,
  retentionBytes: Number.MAX_SAFE_INTEGER,
}

/** Opens the segment in `dir`, or begins one there. Rejects with an EngineError as the embedded log does. */
export async function openSegment(dir: string, options: SpoolFileOptions): Promise<Segment> {
  let opened: Promise<SqliteBroker> | undefined
  const file = () => {
    opened ??= openFile(dir, options)
    return opened
  }
  const state = await stateOf(await file())
  let { position, end, bytes } = state

  return {
    dir,
    get records() {
      return end - position
    },
    get bytes() {
      return bytes
    },
    async append(records) {
      const broker = await file()
      await broker.publish(records.map(packed))
      end += records.length
      bytes += records.reduce((sum, record) => sum + recordBytes(record), 0)
    },
    async read(recordsMax, bytesMax) {
      const broker = await file()
      const records = await broker.read(TP, position, Math.min(recordsMax, end - position))
      return batchOf(records, position, bytesMax)
    },
    async drained(batch) {
      position = batch.end
      const gone = batch.records.reduce((sum, record) => sum + recordBytes(record), 0)
      bytes = position === end ? 0 : Math.max(0, bytes - gone)
      const broker = await file()
      await broker.commitOffsets(GROUP, [{ ...TP, offset: position }])
    },
    async rest() {
      const broker = await opened
      opened = undefined
      await broker?.close()
    },
  }
}

async function openFile(dir: string, options: SpoolFileOptions): Promise<SqliteBroker> {
  const { nowMs, random, log, pagesMax } = options
  const broker = await openSqliteBroker({
    dir,
    nowMs,
    random,
    log,
    ...(pagesMax === undefined ? {} : { pagesMax }),
  })
  try {
    await broker.ensureTopics([{ topic: TP.topic, ...KEEP_ALL }])
    return broker
  } catch (error) {
    await broker.close()
    throw error
  }
}

/** Of a segment that was drained in part, the bytes that wait are told by the share of its records. */
async function stateOf(broker: SqliteBroker): Promise<{ position: number; end: number; bytes: number }> {
  const [topic] = await broker.topics()
  const { endOffset, bytes } = topic!.partitionInfos[0]!
  const [group] = await broker.groups()
  const position = group?.offsets[0]?.offset ?? 0
  const share = endOffset === 0 ? 0 : (endOffset - position) / endOffset
  return { position, end: endOffset, bytes: Math.round(bytes * share) }
}

function packed({ assumedPartitions, ...record }: SpooledRecord): OutgoingRecord {
  const assumed = assumedPartitions === undefined ? {} : { [ASSUMED]: String(assumedPartitions) }
  return { ...record, ...TP, headers: { ...record.headers, ...assumed, [TO]: tpName(record) } }
}

function batchOf(records: readonly LogRecord[], from: number, bytesMax: number): SegmentBatch {
  const kept: SpooledRecord[] = []
  let [bytes, damaged, end] = [0, 0, from]
  for (const record of records) {
    const spooled = unpacked(record)
    if (spooled !== undefined) {
      bytes += recordBytes(spooled)
      if (kept.length > 0 && bytes > bytesMax) break
      kept.push(spooled)
    } else damaged++
    end = record.offset + 1
  }
  return { records: kept, damaged, end }
}

function unpacked({ key, run, n, value, headers, corrupt }: LogRecord): SpooledRecord | undefined {
  if (corrupt || run === null || n === null || value === null || headers === null) return undefined
  const { [TO]: to = '', [ASSUMED]: assumed, ...rest } = headers
  const [topic, partition] = to.split('/')
  if (topic === undefined || partition === undefined) return undefined
  return {
    topic,
    partition: Number(partition),
    key,
    run,
    n,
    value,
    ...(Object.keys(rest).length === 0 ? {} : { headers: rest }),
    ...(assumed === undefined ? {} : { assumedPartitions: Number(assumed) }),
  }
}
