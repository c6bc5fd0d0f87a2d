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
  const kept = await store.settings.keepFirst(wanted)
  if (kept === wanted) return
  if (accept) return store.settings.set(wanted)
  throw new EngineError('store-fingerprint', `the tables were made with ${differences(kept, wanted)}`, {
    hint: 'set them back; or make the tables anew from the log with the new ones: `npm run rebuild -- all`',
  })
}

/** `LATE_MAX 3600000, here it is 60000 (milliseconds)` */
function differences(kept: string, wanted: string): string {
  const [there, here] = [kept, wanted].map((text) => JSON.parse(text) as Record<string, unknown>)
  const names = Object.keys({ ...there, ...here }).filter(
    (name) => textOf(there![name]) !== textOf(here![name]),
  )
  return names
    .map((name) => `${name} ${textOf(there![name])}, here it is ${textOf(here![name])} (milliseconds)`)
    .join('; ')
}

function textOf(value: unknown): string {
  return value === undefined ? 'unset' : String(value)
}
