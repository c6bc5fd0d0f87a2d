import type { Config } from '../config.ts'
import { EngineError } from '../models/engine-error.ts'
import type { Store } from '../store/store.ts'

/**
 * The settings that decide what rows say. A store keeps them: tables made under two meanings would be neither.
 */
function settingsThatDecide(config: Config): string {
  return JSON.stringify({ WINDOWS: config.windowsMs, LATE_MAX: config.lateMaxMs })
}

/** Throws EngineError `store-fingerprint` where the tables were made under other settings, unless those are accepted. */
export async function checkSettings(store: Store, config: Config, accept: boolean): Promise<void> {
  const wanted = settingsThatDecide(config)
  const kept = await store.settings.get()
  if (kept === wanted) return
  if (kept !== undefined && !accept) {
    throw new EngineError(
      'store-fingerprint',
      `the tables were made with ${kept}, the settings now are ${wanted} (milliseconds)`,
      {
        hint: 'set them back; or make the tables anew from the log with the new ones: `npm run rebuild -- all`',
      },
    )
  }
  await store.settings.set(wanted)
}
