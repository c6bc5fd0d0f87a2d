import type { Config } from '../config.ts'
import { EngineError } from '../models/engine-error.ts'
import { openReadStore, type ReadStore } from '../store/open-store.ts'

/** The tables to look at, or undefined where no processor has made them yet, or is about to. */
export async function openTables(config: Config): Promise<ReadStore | undefined> {
  try {
    return await openReadStore(config)
  } catch (error) {
    if (error instanceof EngineError && error.code === 'store-missing') return undefined
    throw error
  }
}
