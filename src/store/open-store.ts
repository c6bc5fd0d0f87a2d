import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, PostgresDialect, SqliteDialect, sql } from 'kysely'
import type { Config } from '../config.ts'
import { EngineError } from '../models/engine-error.ts'
import { openReadPool, PostgresConnection, type PostgresLog } from './postgres/connection.ts'
import { openPostgresStore } from './postgres-store.ts'
import { storageError } from './sqlite/file.ts'
import { openSqliteStore } from './sqlite-store.ts'
import type { Store } from './store.ts'
import type { Views } from './views.ts'

const READ_TIMEOUT_MS = 10_000

type Settings = Pick<Config, 'dataDir'> & Partial<Pick<Config, 'databaseUrl'>>

/** The file of the embedded store. */
export function storeFile(config: Pick<Config, 'dataDir'>): string {
  return join(config.dataDir, 'store.db')
}

/**
 * The store that the settings ask for: PostgreSQL where DATABASE_URL is set, which any number of processes may write to;
 * otherwise a SQLite file below DATA_DIR, for the one process that writes rows. Throws an EngineError.
 */
export async function openStore(
  config: Settings,
  monotonicMs: () => number,
  log?: PostgresLog,
): Promise<Store> {
  if (config.databaseUrl !== undefined) {
    const about = log === undefined ? {} : { log }
    return openPostgresStore({ url: config.databaseUrl, monotonicMs, ...about })
  }
  mkdirSync(config.dataDir, { recursive: true })
  return openSqliteStore({ file: storeFile(config), monotonicMs })
}

export type ReadStore = { readonly db: Kysely<Views>; close(): Promise<void> }

/** The views, to read only. Throws EngineError `store-missing` where no processor has made them yet. */
export async function openReadStore(config: Settings): Promise<ReadStore> {
  const { db, place } =
    config.databaseUrl === undefined ? readSqlite(storeFile(config)) : readPostgres(config.databaseUrl)
  try {
    if (!(await hasViews(db, config.databaseUrl !== undefined))) throw missing(place)
    return { db, close: () => db.destroy() }
  } catch (error) {
    await db.destroy()
    throw config.databaseUrl === undefined ? storageError(error, place) : error
  }
}

type Opened = { readonly db: Kysely<Views>; readonly place: string }

function readSqlite(file: string): Opened {
  if (!existsSync(file)) throw missing(file)
  try {
    const database = new Database(file, { readonly: true, timeout: READ_TIMEOUT_MS })
    return { db: new Kysely<Views>({ dialect: new SqliteDialect({ database }) }), place: file }
  } catch (error) {
    throw storageError(error, file)
  }
}

function readPostgres(url: string): Opened {
  const { place } = new PostgresConnection(url)
  return {
    db: new Kysely<Views>({ dialect: new PostgresDialect({ pool: openReadPool(url, place) }) }),
    place: `the database ${place}`,
  }
}

async function hasViews(db: Kysely<Views>, isPostgres: boolean): Promise<boolean> {
  const question = isPostgres
    ? sql`SELECT 1 WHERE to_regclass('positions') IS NOT NULL`
    : sql`SELECT 1 FROM sqlite_master WHERE name = 'positions'`
  return (await question.execute(db)).rows.length > 0
}

function missing(place: string): EngineError {
  return new EngineError('store-missing', `there are no tables yet in ${place}`, {
    hint: 'run `npm run process`, or `npm run insights`, which makes them',
  })
}
