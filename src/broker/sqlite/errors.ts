import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { EngineError } from '../../models/engine-error.ts'

/** Work that another process's lock keeps out is tried again this often and long: 10 s in all, far above any commit. */
const BUSY_PAUSE_MS = 10
const BUSY_ATTEMPTS_MAX = 400
/** How long one attempt may block the thread before it lets others run. */
export const BUSY_BLOCK_MS = 15

/** What can say of its own errors what they mean. */
export type Explains = { explain(error: unknown): EngineError }

/**
 * Does `work`, again while another process holds the lock it needs. Throws an EngineError: `overloaded` when the lock
 * never came free, else what the file makes of the error.
 */
export async function untilFree<T>(file: Explains, work: () => T): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error) || attempt === BUSY_ATTEMPTS_MAX) throw file.explain(error)
    }
    await sleep(BUSY_PAUSE_MS)
  }
}

export function isBusy(error: unknown): boolean {
  return codeOf(error).startsWith('SQLITE_BUSY')
}

/** A -shm that cannot grow is the first thing to fail when a file is opened on a full disk. */
const NO_ROOM = ['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC']

/** What an error of SQLite or the system means to whoever relied on the file at `path`; errors of ours stay as they are. */
export function brokenPromise(error: unknown, path: string): EngineError {
  if (error instanceof EngineError) return error
  const code = codeOf(error)
  const said = error instanceof Error ? error.message : String(error)
  if (NO_ROOM.includes(code)) {
    return new EngineError('disk-full', `no room left to write ${path}: ${said}`, {
      retry: { afterMs: 1_000 },
      hint: `Free space on the disk that holds ${path}, or lower the retention; nothing acknowledged is lost.`,
      cause: error,
    })
  }
  if (code.startsWith('SQLITE_BUSY')) {
    return new EngineError('overloaded', `another process kept ${path} locked for too long`, {
      retry: { afterMs: 1_000 },
      hint: 'Look for a stopped process or an open transaction of another tool on this file.',
      cause: error,
    })
  }
  if (code.startsWith('SQLITE_CORRUPT')) return corruptLog(path, said, error)
  if (code === 'SQLITE_NOTADB') return foreignLog(path, 'it is not an SQLite database', error)
  if (/^(SQLITE_(IOERR|CANTOPEN|READONLY|PERM)|E[A-Z]+$)/.test(code)) {
    return new EngineError('disk-failed', `the disk refused ${path} (${code}): ${said}`, {
      hint: 'Nothing more is acknowledged. Check the disk and the permissions, then start again: what was acknowledged is kept.',
      cause: error,
    })
  }
  return new EngineError('bug', `the log at ${path} failed: ${said}`, { cause: error })
}

export function corruptLog(path: string, what: string, cause?: unknown): EngineError {
  return new EngineError('log-corrupt', `${path} is damaged: ${what}`, {
    hint:
      `Stop every process and keep a copy of ${path} and ${path}-wal. To save what can be read: ` +
      `sqlite3 ${path} .recover | sqlite3 mended.db. To begin a new log: move them away.`,
    cause,
  })
}

export function foreignLog(path: string, what: string, cause?: unknown): EngineError {
  return new EngineError('log-foreign', `${path} is not a log of ours: ${what}`, {
    hint: 'It was left untouched. Point DATA_DIR at another folder, or move that file away.',
    cause,
  })
}

/** SQLite's word (`SQLITE_IOERR_FSYNC`) or the system's (`EACCES`). */
function codeOf(error: unknown): string {
  if (error instanceof Database.SqliteError) return error.code
  return error instanceof Error && 'syscall' in error && 'code' in error ? String(error.code) : ''
}
