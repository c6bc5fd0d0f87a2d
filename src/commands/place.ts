import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Broker } from '../broker/broker.ts'
import { openBroker } from '../broker/open-broker.ts'
import { type Holder, takeLock } from '../broker/os-lock.ts'
import { EngineError } from '../models/engine-error.ts'
import { isoTime } from '../models/time.ts'
import type { Context } from './context.ts'

/**
 * Who may make rows. On Kafka with PostgreSQL any number of processes do, each those of the partitions it is dealt. Wherever
 * the log or the store is embedded, one process does, by a lock of the operating system that even kill -9 frees.
 */
export const GROUP = 'tidebook'

/** How long another processor process is waited for before it is named. */
export const LOCK_WAIT_MS = 10_000
const LOCK_LOOK_MS = 100

export type Place = { release(): void }
/** Somebody else makes the rows; null where it cannot be told who. */
export type Taken = { readonly heldBy: Holder | null }

/** Whether several processes may make rows at once. */
export function isShared({ config }: Pick<Context, 'config'>): boolean {
  return config.kafkaBrokers !== undefined && config.databaseUrl !== undefined
}

/** For a process that is there to make rows: a place among others, or the one place, waited for. */
export async function takePlace(context: Context, does: string): Promise<Place> {
  if (isShared(context)) return { release() {} }
  const place = await waitForLock(context, does, LOCK_WAIT_MS)
  if ('release' in place) return place
  throw lockHeld(place.heldBy, context.config.dataDir)
}

/** For a process that makes rows only where nobody else does: its place, or that somebody is there. */
export async function takeFreePlace(context: Context, does: string): Promise<Place | Taken> {
  if (!isShared(context)) return waitForLock(context, does, 0)
  const broker = await openBroker(context.config, context)
  const busy = await isBusy(broker)
  await broker.close()
  return busy ? { heldBy: null } : { release() {} }
}

async function isBusy(broker: Broker): Promise<boolean> {
  const group = (await broker.groups()).find((known) => known.group === GROUP)
  return (group?.members ?? 0) > 0
}

async function waitForLock(context: Context, does: string, waitMs: number): Promise<Place | Taken> {
  const { config, monotonicMs, nowMs, stop } = context
  const untilMs = monotonicMs() + waitMs
  for (;;) {
    const taken = takeLock(join(config.dataDir, 'process.lock'), { does, startedAtMs: nowMs() })
    if ('release' in taken || monotonicMs() >= untilMs || stop.aborted) return taken
    await delay(LOCK_LOOK_MS)
  }
}

function lockHeld(holder: Holder | null, dataDir: string): EngineError {
  const who =
    holder === null
      ? 'another process'
      : `process ${holder.pid} (${holder.does}, since ${isoTime(holder.startedAtMs)})`
  return new EngineError('lock-held', `${who} already makes the tables in ${dataDir}`, {
    hint: 'stop it, or set DATA_DIR to another folder; with KAFKA_BROKERS and DATABASE_URL several processes share the work',
  })
}
