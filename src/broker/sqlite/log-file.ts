import { type Stats, statSync } from 'node:fs'
import Database, { type Database as Connection } from 'better-sqlite3'
import { EngineError } from '../../models/engine-error.ts'
import { BUSY_BLOCK_MS, brokenPromise, corruptLog, foreignLog, untilFree } from './errors.ts'
import { bytesPassedOver, type PassedOver } from './wal-tail.ts'

/** 'Tide', so that `file log.db` and a misplaced DATA_DIR can be told apart from anybody's database. */
export const APPLICATION_ID = 0x54696465
export const LOG_VERSION = 1

/** Eleven books of 1.4 KB a page: written in nearly half the time that 4 KiB pages take, and read in three quarters. */
const PAGE_BYTES = 16 * 1024
/**
 * The -wal is moved into the file when it has grown to 4 MiB, and cut back to 64 MiB after a burst. Moving is done by a commit
 * that everybody waits for: 8 ms at a time, where 16 MiB at once took 25 and cost as much altogether.
 */
const CHECKPOINT_PAGES = 250
const WAL_BYTES_MAX = 64 * 1024 * 1024

/**
 * The log's own tables; each partition's records stand in a table `records_<id>` beside them (`recordsTable`).
 * Texts that repeat in every record (keys, runs) stand once, under an id, with their own checksum.
 */
const SCHEMA = `
  CREATE TABLE topics (
    topic TEXT PRIMARY KEY, log_id TEXT NOT NULL, partitions INTEGER NOT NULL,
    retention_ms INTEGER NOT NULL, retention_bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE partitions (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, start_offset INTEGER NOT NULL,
    UNIQUE (topic, partition)
  ) STRICT;
  CREATE TABLE keys (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, crc INTEGER NOT NULL) STRICT;
  CREATE TABLE runs (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, crc INTEGER NOT NULL) STRICT;
  CREATE TABLE group_offsets (
    "group" TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, "offset" INTEGER NOT NULL,
    PRIMARY KEY ("group", topic, partition)
  ) STRICT, WITHOUT ROWID;
`

/**
 * One partition. The offset is the rowid, so the table itself is the index, appending goes to its right edge, and a read is
 * one walk along it. `bytes` counts the text of all records before this one, since the beginning of the partition.
 */
export function recordsTable(partitionId: number): string {
  return `CREATE TABLE records_${partitionId} (
    "offset" INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, key_id INTEGER, run_id INTEGER, n INTEGER NOT NULL,
    bytes INTEGER NOT NULL, crc INTEGER NOT NULL, headers TEXT, value TEXT NOT NULL
  ) STRICT`
}

export type LogFile = {
  readonly path: string
  readonly db: Connection
  /** What was found unfinished behind the last commit when it was opened; undefined where there was nothing. */
  readonly passedOver: PassedOver | undefined
  /**
   * Throws `log-lost` when the file under this path is no longer the one that was opened. Asked before every write, since a
   * new log under the old name shares our -shm, and after it, since a deleted file takes writes as well as any.
   */
  checkStillThere(): void
  /** What an error means; one that comes of the file's being gone is `log-lost`, whatever SQLite calls it. */
  explain(error: unknown): EngineError
}

/** The log in memory, for tests: one process, gone with it. */
export const MEMORY = ':memory:'

/**
 * Opens the log, or begins one where there is no file. Whatever a crash left is recovered by SQLite. Throws an EngineError,
 * with the file untouched, for what is not a log (`log-foreign`), one of a later version (`log-newer`) or `log-corrupt`.
 */
export async function openLogFile(path: string, pagesMax?: number): Promise<LogFile> {
  refuseEmptied(path)
  const isOurFind = statOf(`${path}-shm`) === undefined
  const db = new Database(path)
  let bytes = 0
  try {
    await untilFree({ explain: (error) => brokenPromise(error, path) }, () => {
      db.pragma(`busy_timeout = ${BUSY_BLOCK_MS}`)
      const fresh = checkIdentity(db, path)
      prepareConnection(db, pagesMax)
      bytes = hasWal(path) ? bytesPassedOver(db, path) : 0
      if (fresh) begin(db)
    })
  } catch (error) {
    db.close()
    throw error
  }
  const checkStillThere = sameFileCheck(path)
  const passedOver = bytes === 0 ? undefined : { bytes, isOurFind }
  return {
    path,
    db,
    passedOver,
    checkStillThere,
    explain: (error) => explained(error, path, checkStillThere),
  }
}

function explained(error: unknown, path: string, checkStillThere: () => void): EngineError {
  try {
    checkStillThere()
  } catch (lost) {
    return brokenPromise(lost, path)
  }
  return brokenPromise(error, path)
}

/** Whether there is nothing in it yet; throws where there is something that we must not touch. */
function checkIdentity(db: Connection, path: string): boolean {
  const applicationId = db.pragma('application_id', { simple: true })
  const version = db.pragma('user_version', { simple: true }) as number
  const tables = db.prepare('SELECT count(*) FROM sqlite_master').pluck().get()
  if (applicationId === 0 && version === 0 && tables === 0) return true
  if (applicationId !== APPLICATION_ID) throw foreignLog(path, 'it is an SQLite database of something else')
  if (version > LOG_VERSION) {
    throw new EngineError(
      'log-newer',
      `${path} has version ${version}, this program knows up to ${LOG_VERSION}`,
      {
        hint: 'Run the newer program that wrote it, or point DATA_DIR at another folder. It was left untouched.',
      },
    )
  }
  return false
}

function prepareConnection(db: Connection, pagesMax: number | undefined): void {
  db.pragma(`page_size = ${PAGE_BYTES}`)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
  db.pragma(`journal_size_limit = ${WAL_BYTES_MAX}`)
  if (pagesMax !== undefined) db.pragma(`max_page_count = ${pagesMax}`)
}

/** Two processes may begin the same log at once: the second finds the first one's tables under the lock. */
function begin(db: Connection): void {
  db.transaction(() => {
    if (db.pragma('user_version', { simple: true }) !== 0) return
    db.exec(SCHEMA)
    db.pragma(`application_id = ${APPLICATION_ID}`)
    db.pragma(`user_version = ${LOG_VERSION}`)
  }).immediate()
}

/** SQLite would take an emptied file for a new one and throw its -wal away; we do not. */
function refuseEmptied(path: string): void {
  const [file, wal] = [statOf(path), statOf(`${path}-wal`)]
  if (file?.size === 0 && wal !== undefined && wal.size > 0) {
    throw corruptLog(path, 'the file is empty, but its -wal is not')
  }
}

function hasWal(path: string): boolean {
  return path !== MEMORY && (statOf(`${path}-wal`)?.size ?? 0) > 0
}

function sameFileCheck(path: string): () => void {
  if (path === MEMORY) return () => {}
  const opened = statOf(path)
  return () => {
    const now = statOf(path)
    if (now !== undefined && now.ino === opened?.ino && now.dev === opened.dev) return
    throw new EngineError(
      'log-lost',
      `${path} was ${now === undefined ? 'deleted' : 'replaced'} while it was open`,
      {
        hint: 'What is written now would be lost. Put the file back, or start again: a new log begins where there is none.',
      },
    )
  }
}

function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false })
}
