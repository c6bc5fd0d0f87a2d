import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import type { Config } from '../config.ts'
import { EngineError } from '../models/engine-error.ts'
import { storageError } from './sqlite-file.ts'
import { openSqliteStore } from './sqlite-store.ts'
import type { Store } from './store.ts'
import type { Views } from './views.ts'

const READ_TIMEOUT_MS = 10_000

export function storeFile(config: Pick<Config, 'dataDir'>): string {
  return join(config.dataDir, 'store.db')
}

/** The store that the settings ask for, for the one process that writes rows. Throws an EngineError. */
export function openStore(config: Pick<Config, 'dataDir'>, monotonicMs: () => number): Store {
  mkdirSync(config.dataDir, { recursive: true })
  return openSqliteStore({ file: storeFile(config), monotonicMs })
}

/** The views, to read only. Throws EngineError `store-missing` where nothing was ever processed. */
export async function openReadStore(
  config: Pick<Config, 'dataDir'>,
): Promise<{ readonly db: Kysely<Views>; close(): Promise<void> }> {
  const file = storeFile(config)
  if (!existsSync(file)) {
    throw new EngineError('store-missing', `there are no tables yet: ${file} does not exist`, {
      hint: 'run `npm run process`, or `npm run insights`, which makes them',
    })
  }
  try {
    const database = new Database(file, { readonly: true, timeout: READ_TIMEOUT_MS })
    const db = new Kysely<Views>({ dialect: new SqliteDialect({ database }) })
    return { db, close: () => db.destroy() }
  } catch (error) {
    throw storageError(error, file)
  }
}
