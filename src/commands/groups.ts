import { setTimeout as delay } from 'node:timers/promises'
import { type Broker, type PartitionInfo, type TopicPartition, tpName } from '../broker/broker.ts'
import { age } from '../insights/words.ts'
import { EngineError } from '../models/engine-error.ts'
import { parseDuration, SECOND_MS } from '../models/time.ts'
import type { Context } from './context.ts'
import { openToLook } from './open-to-look.ts'
import { type Column, type RowFormat, rowsText } from './rows-text.ts'

export type GroupsOptions = { readonly over: string; readonly format: RowFormat }

const NO_GROUPS = 'No group has told an offset yet.\n'
const OVER_MS_MAX = 3_600_000
/** Records looked at for one whose time can be believed: damage comes by the page, and a page has some eleven books. */
const UNREAD_LOOKED_AT = 16

/** How far behind every group is, and whether it is catching up, seen in two looks. */
export async function groups(context: Context, options: GroupsOptions): Promise<number> {
  const overMs = parseDuration(options.over)
  if (overMs === undefined || overMs > OVER_MS_MAX) {
    throw new EngineError('usage', `--over got "${options.over}", expected 0s to 1h, such as 2s`)
  }
  const broker = await openToLook(context)
  try {
    const rows = await groupRows(broker, context, overMs)
    const isEmptyTable = rows.length === 0 && options.format === 'table'
    context.out(isEmptyTable ? NO_GROUPS : rowsText(rows, COLUMNS, options.format))
    return 0
  } finally {
    await broker.close()
  }
}

export type GroupRow = {
  readonly group: string
  /** Processes that read for it now; null where the broker cannot tell. */
  readonly members: number | null
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Null where the broker has no such partition (any more). */
  readonly endOffset: number | null
  /** Records it has yet to read, of those that are still there. */
  readonly lagRecords: number | null
  /** Age of the next record it has to read; 0 where there is none, null where the time of that record is not known. */
  readonly lagMs: number | null
  /** Records a second by which the lag grows. */
  readonly slope: number | null
  /** Time until the lag is 0 at this slope; null where it does not shrink. */
  readonly zeroInMs: number | null
}

const COLUMNS: readonly Column<GroupRow>[] = [
  { head: 'GROUP', field: 'group' },
  { head: 'MEMBERS', field: 'members' },
  { head: 'TOPIC', field: 'topic' },
  { head: 'PARTITION', field: 'partition' },
  { head: 'OFFSET', field: 'offset' },
  { head: 'END', field: 'endOffset' },
  { head: 'LAG', field: 'lagRecords' },
  { head: 'BEHIND', field: 'lagMs', cell: ({ lagMs }) => (lagMs === null ? '-' : age(lagMs)) },
  { head: 'SLOPE', field: 'slope', cell: ({ slope }) => slopeText(slope) },
  { head: 'ZERO IN', field: 'zeroInMs', cell: ({ zeroInMs }) => (zeroInMs === null ? '-' : age(zeroInMs)) },
]

/** `+12.0/s` where the lag grows, `-350.5/s` where it shrinks. */
function slopeText(slope: number | null): string {
  if (slope === null) return '-'
  return `${slope > 0 ? '+' : ''}${slope.toFixed(1)}/s`
}

/** Every group on every partition it has told an offset of, after two looks `overMs` apart; one look where that is 0. */
export async function groupRows(
  broker: Broker,
  { nowMs, monotonicMs, stop }: Pick<Context, 'nowMs' | 'monotonicMs' | 'stop'>,
  overMs: number,
): Promise<GroupRow[]> {
  const before = overMs === 0 ? undefined : { atMs: monotonicMs(), lags: await lagsOf(broker) }
  if (overMs > 0) await delay(overMs, undefined, { signal: stop }).catch(() => {})
  const elapsedMs = before === undefined ? 0 : monotonicMs() - before.atMs
  const rows: GroupRow[] = []
  for (const lag of (await lagsOf(broker)).values()) {
    const lagMs = lag.lagRecords === 0 ? 0 : await unreadAgeMs(broker, lag, nowMs())
    const slope = slopeOf(before?.lags.get(nameOf(lag))?.lagRecords, lag.lagRecords, elapsedMs)
    rows.push({ ...lag, lagMs, slope, zeroInMs: zeroInMs(lag.lagRecords, slope) })
  }
  return rows
}

type Lag = Pick<GroupRow, 'group' | 'members' | 'topic' | 'partition' | 'offset' | 'endOffset' | 'lagRecords'>

function nameOf({ group, ...tp }: { readonly group: string } & TopicPartition): string {
  return `${tpName(tp)} ${group}`
}

/** Offsets are asked for before the ends, so that what comes in between can only make a lag look longer. */
async function lagsOf(broker: Broker): Promise<Map<string, Lag>> {
  const known = await broker.groups()
  const partitions = new Map<string, PartitionInfo>()
  for (const { topic, partitionInfos } of await broker.topics()) {
    for (const info of partitionInfos) partitions.set(tpName({ topic, partition: info.partition }), info)
  }
  const lags = known.flatMap(({ group, members, offsets }) =>
    offsets.map(({ topic, partition, offset }) => {
      const info = partitions.get(tpName({ topic, partition }))
      const endOffset = info?.endOffset ?? null
      return { group, members, topic, partition, offset, endOffset, lagRecords: lagRecords(offset, info) }
    }),
  )
  return new Map(lags.map((lag) => [nameOf(lag), lag]))
}

/** What retention took is no longer ahead of anybody. */
function lagRecords(offset: number, info: PartitionInfo | undefined): number | null {
  return info === undefined ? null : Math.max(0, info.endOffset - Math.max(offset, info.startOffset))
}

async function unreadAgeMs(broker: Broker, lag: Lag, nowMs: number): Promise<number | null> {
  if (lag.lagRecords === null) return null
  const unread = await broker.read(lag, lag.offset, UNREAD_LOOKED_AT)
  const next = unread.find(({ corrupt }) => !corrupt)
  return next === undefined ? null : Math.max(0, nowMs - next.appendedAtMs)
}

function slopeOf(before: number | null | undefined, now: number | null, elapsedMs: number): number | null {
  if (before === null || before === undefined || now === null || elapsedMs <= 0) return null
  return ((now - before) / elapsedMs) * SECOND_MS
}

function zeroInMs(lag: number | null, slope: number | null): number | null {
  if (lag === 0) return 0
  return lag === null || slope === null || slope >= 0 ? null : (lag / -slope) * SECOND_MS
}
