import { existsSync, readdirSync, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Kysely } from 'kysely'
import type { Broker } from '../broker/broker.ts'
import type { Config } from '../config.ts'
import { FEED_KINDS, type FeedKind } from '../models/topics.ts'
import type { Views } from '../store/views.ts'

/**
 * live: somebody vouches for the feed now. hole: somebody watches it and says there is trouble. ended: its producer left
 * in order. stale: its producer is silent, or the tables are behind.
 */
export type FeedState = 'live' | 'hole' | 'ended' | 'stale'

/** One kind of news about one product. */
type Line = {
  readonly venue: string
  readonly source: string
  readonly product: string
  readonly kind: FeedKind
}

export type FeedStatus = Line & {
  readonly state: FeedState
  /** Since the last book, trade or ticker was received. */
  readonly ageMs: number | null
  /** Since the last moment that somebody vouches for. */
  readonly unwatchedMs: number | null
  readonly openHoles: number
  /** `proven` where a loss would show; null where its producer does not say. */
  readonly continuity: string | null
  /** Of the product, whatever they would have been: told once, beside the first of its kinds, null beside the others. */
  readonly rejections: number | null
}

/** How far one reader of the tables has come on one partition. Nearly always the one reader is `all`. */
export type LagStatus = {
  readonly topic: string
  readonly partition: number
  readonly reader: string
  readonly records: number
  readonly lagRecords: number
  readonly bytes: number
}

/** Bytes on the disk of this machine. */
export type DiskStatus = {
  /** Null where topics are on Kafka. */
  readonly logBytes: number | null
  /** Null where tables are in PostgreSQL. */
  readonly storeBytes: number | null
  /** What waits on this disk for Kafka; null where nothing ever had to. */
  readonly spoolBytes: number | null
  /** Null where there is no data folder. */
  readonly freeBytes: number | null
}

export type StatusReport = {
  readonly ok: boolean
  readonly feeds: readonly FeedStatus[]
  readonly lags: readonly LagStatus[]
  readonly disk: DiskStatus
}

/** What the tables say of one kind of news about one product, before it is judged. */
export type FeedFacts = Omit<FeedStatus, 'state' | 'ageMs' | 'unwatchedMs'> & {
  readonly receivedAtMs: number | null
  readonly watchedToMs: number | null
  readonly bye: boolean
}

/** A feed's state from what is known of it. Pure. */
export function feedStatus(facts: FeedFacts, nowMs: number, staleAfterMs: number): FeedStatus {
  const { receivedAtMs, watchedToMs, bye, ...rest } = facts
  const unwatchedMs = watchedToMs === null ? null : nowMs - watchedToMs
  const silent = unwatchedMs === null || unwatchedMs > staleAfterMs
  const state = bye ? 'ended' : silent ? 'stale' : facts.openHoles > 0 ? 'hole' : 'live'
  return { ...rest, state, ageMs: receivedAtMs === null ? null : nowMs - receivedAtMs, unwatchedMs }
}

/** Fine is: something is live, and nothing that did not say goodbye is stale or in a hole. */
export function isFine(feeds: readonly FeedStatus[]): boolean {
  return (
    feeds.some(({ state }) => state === 'live') &&
    feeds.every(({ state }) => state === 'live' || state === 'ended')
  )
}

/** Where each kind says when the last of it was received. */
const SEEN_IN = { books: 'top_of_book', trades: 'trades_seen', tickers: 'tickers_seen' } as const

/**
 * The facts of everything that was ever watched or received, by venue, source, product, and kind in the order of the topics.
 * Each is judged by the run that watched it last.
 */
export async function feedFacts(db: Kysely<Views>): Promise<FeedFacts[]> {
  const [watches, holes, rejections, seen] = await Promise.all([
    lastWatches(db),
    openHoles(db),
    rejectionCounts(db),
    Promise.all(FEED_KINDS.map((kind) => lastSeen(db, kind))),
  ])
  const watchOf = new Map(watches.map((watch) => [lineName(watch), watch]))
  const seenOf = new Map(seen.flat().map((one) => [lineName(one), one]))
  const holesOf = new Map(holes.map((hole) => [`${lineName(hole)} ${hole.run}`, Number(hole.count)]))
  const rejectionsOf = new Map(rejections.map((row) => [productName(row), Number(row.count)]))
  const lines: Line[] = [...new Map([...watchOf, ...seenOf] as [string, Line][]).values()].sort(compareLines)
  return lines.map((line, i) => {
    const name = lineName(line)
    const watch = watchOf.get(name)
    const isFirst = i === 0 || productName(lines[i - 1]!) !== productName(line)
    return {
      venue: line.venue,
      source: line.source,
      product: line.product,
      kind: line.kind,
      receivedAtMs: seenOf.get(name)?.received_at_ms ?? null,
      watchedToMs: watch?.to_ms ?? null,
      bye: watch?.bye === 1,
      openHoles: holesOf.get(`${name} ${watch?.run}`) ?? 0,
      continuity: watch?.continuity ?? null,
      rejections: isFirst ? (rejectionsOf.get(productName(line)) ?? 0) : null,
    }
  })
}

/** Of each kind and product the watch that came furthest. */
function lastWatches(db: Kysely<Views>) {
  const names = ['venue', 'source', 'product', 'kind'] as const
  return db
    .selectFrom((from) =>
      from
        .selectFrom('watches')
        .select([...names, 'run', 'to_ms', 'bye', 'continuity'])
        .select(({ fn }) =>
          fn
            .agg<number>('row_number')
            .over((over) => over.partitionBy(names).orderBy('to_ms', 'desc').orderBy('run', 'desc'))
            .as('place'),
        )
        .as('ranked'),
    )
    .selectAll()
    .where('place', '=', 1)
    .execute()
}

/** How many holes each run has left open: a run that died in one leaves it open for ever. */
function openHoles(db: Kysely<Views>) {
  return db
    .selectFrom('holes')
    .select(({ fn }) => ['venue', 'source', 'product', 'kind', 'run', fn.countAll<number>().as('count')])
    .where('to_ms', 'is', null)
    .groupBy(['venue', 'source', 'product', 'kind', 'run'])
    .execute()
}

function rejectionCounts(db: Kysely<Views>) {
  return db
    .selectFrom('rejections')
    .select(({ fn }) => ['venue', 'source', 'product', fn.countAll<number>().as('count')])
    .groupBy(['venue', 'source', 'product'])
    .execute()
}

async function lastSeen(db: Kysely<Views>, kind: FeedKind) {
  const rows = await db
    .selectFrom(SEEN_IN[kind])
    .select(['venue', 'source', 'product', 'received_at_ms'])
    .execute()
  return rows.map((row) => ({ ...row, kind }))
}

function lineName(line: Line): string {
  return `${productName(line)} ${line.kind}`
}

function productName(feed: { venue: string; source: string; product: string | null }): string {
  return `${feed.venue} ${feed.source} ${feed.product}`
}

function compareLines(a: Line, b: Line): number {
  const [x, y] = [productName(a), productName(b)]
  return x < y ? -1 : x > y ? 1 : FEED_KINDS.indexOf(a.kind) - FEED_KINDS.indexOf(b.kind)
}

/** How far the tables are behind the log, by reader; a partition that nobody has read yet lags by all it holds. */
export async function lagStatus(db: Kysely<Views> | undefined, broker: Broker): Promise<LagStatus[]> {
  const positions = db === undefined ? [] : await readerPositions(db)
  return (await broker.topics()).flatMap(({ topic, partitionInfos }) =>
    partitionInfos.flatMap(({ partition, startOffset, endOffset, bytes }) => {
      const readers = positions.filter((at) => at.topic === topic && at.partition === partition)
      const known = readers.length > 0 ? readers : [{ reader: 'nobody', position: startOffset }]
      return known.map(({ reader, position }) => ({
        topic,
        partition,
        reader,
        records: endOffset - startOffset,
        lagRecords: endOffset - position,
        bytes,
      }))
    }),
  )
}

/** Every reader once: `all` stands for many processors, any other for the one that reads by itself or is parked. */
function readerPositions(db: Kysely<Views>) {
  return db.selectFrom('positions').select(['topic', 'partition', 'reader', 'position']).distinct().execute()
}

/** Files by their size, write-ahead files included, and what the disk has left. */
export async function diskStatus(
  config: Pick<Config, 'dataDir' | 'kafkaBrokers' | 'databaseUrl'>,
): Promise<DiskStatus> {
  const { dataDir, kafkaBrokers, databaseUrl } = config
  const spool = join(dataDir, 'spool')
  return {
    logBytes: kafkaBrokers === undefined ? databaseBytes(join(dataDir, 'log.db')) : null,
    storeBytes: databaseUrl === undefined ? databaseBytes(join(dataDir, 'store.db')) : null,
    spoolBytes: existsSync(spool) ? databasesBelow(spool) : null,
    freeBytes: existsSync(dataDir) ? await freeBytes(dataDir) : null,
  }
}

async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir)
  return bavail * bsize
}

/** A spool that has been sent is removed, at any moment: what is gone counts nothing. */
function databasesBelow(dir: string): number {
  const logs = (readdirSync(dir, { recursive: true }) as string[]).filter((name) => name.endsWith('log.db'))
  return logs.reduce((sum, name) => sum + databaseBytes(join(dir, name)), 0)
}

function databaseBytes(path: string): number {
  return ['', '-wal'].reduce(
    (sum, suffix) => sum + (statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0),
    0,
  )
}
