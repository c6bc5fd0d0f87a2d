import { setTimeout as delay } from 'node:timers/promises'
import { type Broker, type LogRecord, type TopicInfo, type TopicPartition, tpName } from '../broker/broker.ts'
import { EngineError } from '../models/engine-error.ts'
import type { Context } from './context.ts'
import { openToLook, unknownName } from './open-to-look.ts'
import { type Rendering, renderingOf } from './tail-format.ts'
import { offsetOf, parseRange, type Range } from './tail-range.ts'

export type TailOptions = {
  readonly offset: string
  readonly num: string
  readonly partitions?: string | undefined
  /** Only records with one of these keys; all where there are none. */
  readonly key: readonly string[]
  readonly format: string
  readonly exit?: boolean | undefined
}

/** Resolves when what was written has been taken, so that a slow reader holds the reading of the log back. */
export type Write = (text: string) => Promise<void>

/** Records in memory at once; of the largest books (1,000 levels a side) some 15 MB, and brokers give less of them. */
const READ_RECORDS_MAX = 200
/** How soon a record that has just come is seen. */
const LOOK_MS = 100
/** How long a reader may take for the last of it when we are told to stop. */
const TAKE_MS = 1_000

/** The records of a topic, each partition in the order of its offsets, and then those that come, until it is stopped. */
export async function tail(
  context: Context,
  topic: string,
  options: TailOptions,
  write: Write = standardOutput(context.stop),
): Promise<number> {
  const wanted = parseTailOptions(options, context.nowMs())
  const broker = await openToLook(context)
  try {
    await tailTopic(broker, topic, wanted, { ...context, write })
    return 0
  } finally {
    await broker.close()
  }
}

type Wanted = {
  readonly range: Range
  readonly recordsMax: number
  readonly partitions: readonly number[] | undefined
  readonly keys: ReadonlySet<string> | undefined
  readonly rendering: Rendering
  /** Ends where the log ends now. */
  readonly exit: boolean
}

/** Throws EngineError `usage`. */
export function parseTailOptions(options: TailOptions, nowMs: number): Wanted {
  const recordsMax = countOf('-n', options.num)
  return {
    range: parseRange(options.offset, nowMs),
    recordsMax: recordsMax === 0 ? Number.POSITIVE_INFINITY : recordsMax,
    partitions: options.partitions?.split(',').map((text) => countOf('-p', text)),
    keys: options.key.length === 0 ? undefined : new Set(options.key),
    rendering: renderingOf(options.format),
    exit: options.exit === true,
  }
}

function countOf(option: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  const expected = option === '-p' ? 'partitions, such as 0 or 0,2' : 'a number of records, or 0 for no bound'
  throw new EngineError('usage', `${option} got ${JSON.stringify(text)}, expected ${expected}`)
}

type Reading = {
  readonly tp: TopicPartition
  /** Read next; it may lie before `from` where that is not there yet. */
  at: number
  readonly from: number
  /** Not included; undefined where there is no end. */
  readonly until: number | undefined
  /** The log reaches as far as `until`: there is nothing to wait for. */
  readonly isThere: boolean
}

/** Ends when all that was asked for has been written, or at `stop`. Throws EngineError `usage` for an unknown topic. */
export async function tailTopic(
  broker: Broker,
  topic: string,
  wanted: Wanted,
  { stop, log, write }: Pick<Context, 'stop' | 'log'> & { readonly write: Write },
): Promise<void> {
  const { rendering, keys } = wanted
  let readings = await readingsOf(broker, await topicNamed(broker, topic), wanted)
  let left = wanted.recordsMax
  await writeText(rendering.head)
  while (!isOver()) {
    const found = await goRound()
    if (!found && !isOver()) await delay(LOOK_MS, undefined, { signal: stop }).catch(() => {})
  }
  await writeText(rendering.foot)

  function isOver(): boolean {
    readings = readings.filter(({ at, until }) => until === undefined || at < until)
    return left === 0 || readings.length === 0 || stop.aborted
  }

  /** One look at every partition, so that none keeps another waiting. Whether any had something. */
  async function goRound(): Promise<boolean> {
    let found = false
    for (const reading of readings) {
      if (left === 0 || stop.aborted) return found
      const records = await broker.read(reading.tp, reading.at, READ_RECORDS_MAX)
      // The last offsets may hold nothing for anybody, such as the end of a transaction.
      if (records.length === 0 && reading.isThere) reading.at = reading.until ?? reading.at
      if (records.length === 0) continue
      found = true
      await show(reading, records)
      reading.at = records.at(-1)!.offset + 1
    }
    return found
  }

  async function show({ tp, from, until }: Reading, records: readonly LogRecord[]): Promise<void> {
    let text = ''
    for (const record of records) {
      if (left === 0) break
      if (record.offset < from || (until !== undefined && record.offset >= until)) continue
      if (record.corrupt && !rendering.marksDamage) {
        log.warn(`${tpName(tp)}@${record.offset} is damaged and left out`)
      } else if (record.corrupt || keys === undefined || (record.key !== null && keys.has(record.key))) {
        text += rendering.record(tp, record)
        left--
      }
    }
    await writeText(text)
  }

  async function writeText(text: string): Promise<void> {
    if (text !== '') await write(text)
  }
}

async function topicNamed(broker: Broker, name: string): Promise<TopicInfo> {
  const infos = await broker.topics()
  const info = infos.find(({ topic }) => topic === name)
  if (info !== undefined) return info
  throw unknownName(
    'topic',
    name,
    infos.map(({ topic }) => topic),
  )
}

async function readingsOf(
  broker: Broker,
  { topic, partitions, partitionInfos }: TopicInfo,
  wanted: Wanted,
): Promise<Reading[]> {
  const { range, exit } = wanted
  const beyond = wanted.partitions?.find((partition) => partition >= partitions)
  if (beyond !== undefined) {
    throw new EngineError('usage', `-p got ${beyond}, but ${topic} has partitions 0 to ${partitions - 1}`)
  }
  const chosen = partitionInfos.filter(({ partition }) => wanted.partitions?.includes(partition) ?? true)
  return Promise.all(
    chosen.map(async (info) => {
      const tp = { topic, partition: info.partition }
      const from = await offsetOf(range.from, broker, tp, info)
      const until = range.until === undefined ? undefined : await offsetOf(range.until, broker, tp, info)
      const end = exit ? Math.min(until ?? info.endOffset, info.endOffset) : until
      const isThere = end !== undefined && end <= info.endOffset
      return { tp, at: Math.min(from, info.endOffset), from, until: end, isThere }
    }),
  )
}

/**
 * Waits until the bytes have gone to whoever reads; after `stop` no longer than a moment, since one who has stopped reading
 * must not keep us. One who has gone away ends the process, quietly.
 */
function standardOutput(stop: AbortSignal): Write {
  return (text) =>
    new Promise((resolve) => {
      const giveUp = () => void setTimeout(resolve, TAKE_MS)
      stop.addEventListener('abort', giveUp, { once: true })
      process.stdout.write(text, () => {
        stop.removeEventListener('abort', giveUp)
        resolve()
      })
      if (stop.aborted) giveUp()
    })
}
