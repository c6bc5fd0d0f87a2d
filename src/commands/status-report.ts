import { existsSync, readdirSync, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Kysely } from 'kysely'
import type { Broker } from '../broker/broker.ts'
import type { Config } from '../config.ts'
import type { Views } from '../store/views.ts'

/**
 * live: somebody vouches for the feed now. hole: somebody watches it and says there is trouble. ended: its producer left
 * in order. stale: its producer is silent, or the tables are behind.
 */
export type FeedState = 'live' | 'hole' | 'ended' | 'stale'

export type FeedStatus = {
  readonly venue: string
  readonly source: string
  readonly product: string
  readonly state: FeedState
  /** Since the last book was received. */
  readonly ageMs: number | null
  /** Since the last moment that somebody vouches for. */
  readonly unwatchedMs: number | null
  readonly openHoles: number
  readonly rejections: number
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

/** What the tables say of one feed, before it is judged. */
export type FeedFacts = {
  readonly venue: string
  readonly source: string
  readonly product: string
  readonly receivedAtMs: number | null
  readonly watchedToMs: number | null
  readonly bye: boolean
  readonly openHoles: number
  readonly rejections: number
}

/** A feed's state from what is known of it. Pure. */
export function feedStatus(facts: FeedFacts, nowMs: number, staleAfterMs: number): FeedStatus {
  const unwatchedMs = facts.watchedToMs === null ? null : nowMs - facts.watchedToMs
  const silent = unwatchedMs === null || unwatchedMs > staleAfterMs
  const state = facts.bye ? 'ended' : silent ? 'stale' : facts.openHoles > 0 ? 'hole' : 'live'
  const { venue, source, product, openHoles, rejections } = facts
  const ageMs = facts.receivedAtMs === null ? null : nowMs - facts.receivedAtMs
  return { venue, source, product, state, ageMs, unwatchedMs, openHoles, rejections }
}

/** Fine is: something is live, and nothing that did not say goodbye is stale or in a hole. */
export function isFine(feeds: readonly FeedStatus[]): boolean {
  return (
    feeds.some(({ state }) => state === 'live') &&
    feeds.every(({ state }) => state === 'live' || state === 'ended')
  )
}

/** The facts of every feed that was ever watched. A feed is judged by the run that watched it last. */
export async function feedFacts(db: Kysely<Views>): Promise<FeedFacts[]> {
  const [watches, tops, holes, rejections] = await Promise.all([
    db
      .selectFrom('watches')
      .select(['venue', 'source', 'product', 'run', 'to_ms', 'bye'])
      .orderBy('to_ms')
      .orderBy('run')
      .execute(),
    db.selectFrom('top_of_book').select(['venue', 'source', 'product', 'received_at_ms']).execute(),
    db.selectFrom('holes').select(['venue', 'source', 'product', 'run']).where('to_ms', 'is', null).execute(),
    db
      .selectFrom('rejections')
      .select(({ fn }) => ['venue', 'source', 'product', fn.countAll<number>().as('count')])
      .groupBy(['venue', 'source', 'product'])
      .execute(),
  ])
  const newest = new Map(watches.map((watch) => [nameOf(watch), watch]))
  const feeds = new Map([...watches, ...tops].map((feed) => [nameOf(feed), feed]))
  return [...feeds.entries()].sort(byName).map(([name, { venue, source, product }]) => {
    const watch = newest.get(name)
    return {
      venue,
      source,
      product,
      receivedAtMs: tops.find((top) => nameOf(top) === name)?.received_at_ms ?? null,
      watchedToMs: watch?.to_ms ?? null,
      bye: watch?.bye === 1,
      openHoles: holes.filter((hole) => nameOf(hole) === name && hole.run === watch?.run).length,
      rejections: Number(rejections.find((row) => nameOf(row) === name)?.count ?? 0),
    }
  })
}

function nameOf(feed: { venue: string; source: string; product: string | null }): string {
  return `${feed.venue} ${feed.source} ${feed.product}`
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1
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
