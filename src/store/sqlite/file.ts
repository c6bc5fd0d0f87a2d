import Database from 'better-sqlite3'
import { EngineError } from '../../models/engine-error.ts'
import { BOOKKEEPING_DDL, MIGRATIONS, STORE_APPLICATION_ID, STORE_VERSION } from './schema.ts'

/** How long a writer waits for another process's write before it gives up. */
const BUSY_TIMEOUT_MS = 10_000
/** 32 MB of write-ahead log before it is folded in: seldom enough not to stall, small enough to recover at once. */
const WAL_PAGES = 4_000

/**
 * Opens a store for writing, or makes one where there is none. A file that is not ours, newer than us, or broken is said,
 * never replaced. `synchronous = NORMAL` may forget the last commits in a power cut; positions and rows go together, so
 * they are made again from the log.
 */
export function openStoreFile(file: string): Database.Database {
  try {
    const db = new Database(file, { timeout: BUSY_TIMEOUT_MS })
    if (isEmpty(db)) createStore(db)
    else {
      checkStore(db, file)
      migrate(db)
    }
    db.pragma('synchronous = NORMAL')
    db.pragma(`wal_autocheckpoint = ${WAL_PAGES}`)
    db.pragma('cache_size = -8000')
    return db
  } catch (error) {
    throw storageError(error, file)
  }
}

/** Nothing was ever in it: a new file, or one whose making was cut short by a crash before its tables were there. */
function isEmpty(db: Database.Database): boolean {
  const identity = ['application_id', 'user_version'].map((name) => db.pragma(name, { simple: true }))
  const tables = db.prepare('SELECT count(*) FROM sqlite_master').pluck().get()
  return [...identity, tables].every((value) => value === 0)
}

function createStore(db: Database.Database): void {
  db.pragma('page_size = 8192')
  db.pragma('journal_mode = WAL')
  db.transaction(() => {
    // Another process may have made it between our look and our lock.
    if ((db.pragma('application_id', { simple: true }) as number) === STORE_APPLICATION_ID) return
    db.exec(BOOKKEEPING_DDL)
    db.pragma(`application_id = ${STORE_APPLICATION_ID}`)
    db.pragma(`user_version = ${STORE_VERSION}`)
  }).immediate()
}

function checkStore(db: Database.Database, file: string): void {
  const id = db.pragma('application_id', { simple: true }) as number
  const version = db.pragma('user_version', { simple: true }) as number
  if (id !== STORE_APPLICATION_ID) {
    throw new EngineError('store-foreign', `${file} is a SQLite file, but not a store of ours`, {
      hint: 'set DATA_DIR to a folder of its own, or move that file away',
    })
  }
  if (version > STORE_VERSION) {
    throw new EngineError(
      'store-newer',
      `${file} was written by a newer version (its format is ${version}, ours ${STORE_VERSION})`,
      {
        hint: 'run the newer version, or move the store away and let this one make it anew from the log',
      },
    )
  }
}

/** Brings an older store up to this version, all in one transaction: cut short anywhere, it is still the older one. */
function migrate(db: Database.Database): void {
  const version = () => db.pragma('user_version', { simple: true }) as number
  if (version() === STORE_VERSION) return
  db.transaction(() => {
    // Another process may have done it between our look and our lock.
    for (let from = version(); from < STORE_VERSION; from++) db.exec(MIGRATIONS[from]!)
    db.pragma(`user_version = ${STORE_VERSION}`)
  }).immediate()
}

/** What SQLite said, in our words. Errors of ours pass unchanged. */
export function storageError(error: unknown, file: string): unknown {
  if (error instanceof EngineError || !(error instanceof Database.SqliteError)) return error
  const about = { cause: error }
  // A -shm that cannot grow is the first thing to fail when a file is opened on a full disk.
  if (error.code === 'SQLITE_FULL' || error.code === 'SQLITE_IOERR_SHMSIZE') {
    return new EngineError('disk-full', `no room to write ${file}`, {
      ...about,
      hint: 'free some space and start again; nothing half-written was kept',
    })
  }
  if (error.code === 'SQLITE_NOTADB') {
    return new EngineError('store-foreign', `${file} is not a SQLite file`, {
      ...about,
      hint: 'set DATA_DIR to a folder of its own, or move that file away',
    })
  }
  if (error.code.startsWith('SQLITE_CORRUPT')) {
    return new EngineError('store-corrupt', `${file} is damaged: ${error.message}`, {
      ...about,
      hint: 'move store.db (with its -wal and -shm) away and start again: the tables are made anew from the log',
    })
  }
  if (
    error.code.startsWith('SQLITE_IOERR') ||
    error.code === 'SQLITE_READONLY' ||
    error.code === 'SQLITE_CANTOPEN'
  ) {
    return new EngineError('disk-failed', `cannot read or write ${file}: ${error.message}`, {
      ...about,
      hint: 'check the disk and the rights on DATA_DIR',
    })
  }
  return error
}
