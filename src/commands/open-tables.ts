import { existsSync } from 'node:fs'
import type { Kysely } from 'kysely'
import type { Config } from '../config.ts'
import { openReadStore, storeFile } from '../store/open-store.ts'
import type { Views } from '../store/views.ts'

/** The tables to look at, or undefined where no processor has made them yet, or is about to. */
export async function openTables(
  config: Config,
): Promise<{ readonly db: Kysely<Views>; close(): Promise<void> } | undefined> {
  if (!existsSync(storeFile(config))) return undefined
  const store = await openReadStore(config)
  const names = await store.db.introspection.getTables()
  if (names.some(({ name }) => name === 'positions')) return store
  await store.close()
  return undefined
}
