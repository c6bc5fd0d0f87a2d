import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { EngineError } from '../models/engine-error.ts'
import type { Broker, Consumer, GroupInfo, GroupOffset } from './broker.ts'
import { type Bell, openBell } from './sqlite/bell.ts'
import { openCatalog } from './sqlite/catalog.ts'
import { startConsumer } from './sqlite/consumer.ts'
import { brokenPromise, untilFree } from './sqlite/errors.ts'
import { type LogFile, MEMORY, openLogFile } from './sqlite/log-file.ts'
import { openWriter, WRITER_LIMITS, type WriterLimits } from './sqlite/writer.ts'

export type SqliteBrokerOptions = {
  /** Where `log.db` and its bell live, made if missing; or `MEMORY`, for tests. */
  readonly dir: string
  readonly nowMs: () => number
  /** For the ids of new logs. */
  readonly random: () => number
  readonly log?: Logger
  readonly limits?: Partial<WriterLimits>
  /** The file may not grow beyond so many 16 KiB pages: a full disk, on request. */
  readonly pagesMax?: number
}

export type SqliteBroker = Broker & {
  /** Drops what the topics' settings no longer keep, all of it; `publish` does it in bites. Answers how many records. */
  applyRetention(): Promise<number>
}

/** Records dropped in one transaction of `applyRetention`. */
const DROP_RECORDS_MAX = 2_000

/**
 * The embedded log: topics in one SQLite file, durable at every acknowledgement, shared by as many processes as like.
 * Rejects with an EngineError (`log-foreign`, `log-newer`, `log-corrupt`, `disk-failed` ...).
 */
export async function openSqliteBroker(options: SqliteBrokerOptions): Promise<SqliteBroker> {
  const { dir, log, random, nowMs } = options
  const { file, bell } = await openFiles(dir, options.pagesMax)
  sayPassedOver(file, log)
  const catalog = openCatalog(file.db, random)
  const writer = openWriter(file, catalog, bell, {
    nowMs,
    log,
    limits: { ...WRITER_LIMITS, ...options.limits },
  })
  const groups = openGroups(file)
  const consumers = new Set<Consumer>()
  let closing: Promise<void> | undefined

  async function look<T>(work: () => T): Promise<T> {
    if (closing !== undefined) throw new EngineError('closed', 'the broker is closed')
    return untilFree(file, work)
  }

  async function close(): Promise<void> {
    await Promise.all([...consumers].map((consumer) => consumer.close()))
    await writer.close()
    bell.close()
    file.db.close()
  }

  return {
    sharesPartitions: false,
    publish: writer.publish,
    ensureTopics: (settings) => look(() => catalog.ensure(settings)),
    topics: () => look(() => catalog.infos()),
    read: (tp, fromOffset, recordsMax) => look(() => catalog.partition(tp).read(fromOffset, recordsMax)),
    offsetAt: (tp, timeMs) => look(() => catalog.partition(tp).offsetAt(timeMs)),
    commitOffsets: (group, offsets) => look(() => groups.commit(group, offsets)),
    groups: () => look(() => groups.all()),
    async consume(about) {
      if (closing !== undefined) throw new EngineError('closed', 'the broker is closed')
      const consumer = await startConsumer(file, catalog, bell, about)
      consumers.add(consumer)
      return consumer
    },
    async applyRetention() {
      let dropped = 0
      for (let last = DROP_RECORDS_MAX; last === DROP_RECORDS_MAX; dropped += last) {
        last = await look(() => writer.dropOld(DROP_RECORDS_MAX))
      }
      return dropped
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}

async function openFiles(dir: string, pagesMax: number | undefined): Promise<{ file: LogFile; bell: Bell }> {
  const [path, bellPath] = dir === MEMORY ? [MEMORY, undefined] : [join(dir, 'log.db'), join(dir, 'log.bell')]
  try {
    if (bellPath !== undefined) mkdirSync(dir, { recursive: true })
    const file = await openLogFile(path, pagesMax)
    return { file, bell: openBell(bellPath, commitsOfOthers(file)) }
  } catch (error) {
    throw brokenPromise(error, path)
  }
}

/** Nobody was promised what was never finished; but a disk that lost what it promised shows itself here, and only here. */
function sayPassedOver({ path, passedOver }: LogFile, log: Logger | undefined): void {
  if (passedOver === undefined) return
  const { bytes, isOurFind } = passedOver
  const text = `an unfinished or torn write of ${bytes} bytes at the end of ${path}-wal was passed over`
  if (isOurFind) log?.warn({ path, bytes }, text)
  else log?.info({ path, bytes }, text)
}

/**
 * Whether another connection has committed anything since this was last asked. Yes, too, where that cannot be known: whoever
 * then reads meets the error himself, and has somewhere to tell it.
 */
function commitsOfOthers(file: LogFile): () => boolean {
  const version = file.db.prepare('PRAGMA data_version').pluck()
  let seen = version.get()
  return () => {
    const before = seen
    try {
      file.checkStillThere()
      seen = version.get()
    } catch {
      return true
    }
    return seen !== before
  }
}

/** How far each group says it is. Told to people and never relied upon, so it is not worth an fsync. */
function openGroups({ db, checkStillThere }: LogFile) {
  const upsert = db.prepare<[string, string, number, number]>(
    `INSERT INTO group_offsets VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET "offset" = excluded."offset" WHERE "offset" <> excluded."offset"`,
  )
  const select = db.prepare<[], GroupOffset & { group: string }>(
    'SELECT "group", topic, partition, "offset" FROM group_offsets ORDER BY "group", topic, partition',
  )
  const commitAll = db.transaction((group: string, offsets: readonly GroupOffset[]) => {
    for (const { topic, partition, offset } of offsets) upsert.run(group, topic, partition, offset)
  })
  return {
    commit(group: string, offsets: readonly GroupOffset[]): void {
      checkStillThere()
      db.pragma('synchronous = NORMAL')
      try {
        commitAll.immediate(group, offsets)
      } finally {
        db.pragma('synchronous = FULL')
      }
    },
    all(): GroupInfo[] {
      const groups = new Map<string, GroupOffset[]>()
      for (const { group, ...offset } of select.all()) {
        groups.set(group, [...(groups.get(group) ?? []), offset])
      }
      return [...groups].map(([group, offsets]) => ({ group, offsets, members: null }))
    },
  }
}
