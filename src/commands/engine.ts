import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Broker } from '../broker/broker.ts'
import { openBroker } from '../broker/open-broker.ts'
import { type Holder, type Lock, takeLock } from '../broker/os-lock.ts'
import { EngineError } from '../models/engine-error.ts'
import { isoTime } from '../models/time.ts'
import { pipeline } from '../pipeline.ts'
import { type Runner, runProcessors } from '../processors/run-processors.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import type { Context } from './context.ts'
import { checkSettings } from './fingerprint.ts'

/** How long another processor process is waited for before it is named. */
export const LOCK_WAIT_MS = 10_000
const LOCK_LOOK_MS = 100
export const GROUP = 'tidebook'

/** Log, store and processors, running in this process. */
export type Engine = {
  readonly broker: Broker
  readonly store: Store
  readonly runner: Runner
  close(): Promise<void>
}

export type EngineOptions = {
  /** What the lock is held for, as others are told. */
  readonly does: string
  readonly acceptLog?: boolean | undefined
  /** Take the settings in force as the ones that decide results from now on. */
  readonly acceptSettings?: boolean | undefined
  readonly onOutbox?: () => void
}

/** Starts the processors. The lock must be held: one process makes rows on the embedded log. */
export async function startEngine(context: Context, options: EngineOptions): Promise<Engine> {
  const { config, log, monotonicMs } = context
  const broker = await openBroker(config, context)
  const store = openStore(config, monotonicMs)
  try {
    await checkSettings(store, config, options.acceptSettings === true)
    const runner = await runProcessors({
      broker,
      store,
      processors: pipeline(config),
      group: GROUP,
      lateMaxMs: config.lateMaxMs,
      monotonicMs,
      log,
      acceptLog: options.acceptLog === true,
      ...(options.onOutbox === undefined ? {} : { onOutbox: options.onOutbox }),
    })
    const close = async (): Promise<void> => {
      await runner.close()
      await store.close()
      await broker.close()
    }
    return { broker, store, runner, close }
  } catch (error) {
    await store.close()
    await broker.close()
    throw error
  }
}

/** The lock, or who still has it after `waitMs`. */
export async function waitForLock(
  context: Context,
  does: string,
  waitMs: number,
): Promise<Lock | { heldBy: Holder | null }> {
  const { config, monotonicMs, nowMs, stop } = context
  const untilMs = monotonicMs() + waitMs
  for (;;) {
    const taken = takeLock(join(config.dataDir, 'process.lock'), { does, startedAtMs: nowMs() })
    if ('release' in taken || monotonicMs() >= untilMs || stop.aborted) return taken
    await delay(LOCK_LOOK_MS)
  }
}

export function lockHeld(holder: Holder | null, dataDir: string): EngineError {
  const who =
    holder === null
      ? 'another process'
      : `process ${holder.pid} (${holder.does}, since ${isoTime(holder.startedAtMs)})`
  return new EngineError('lock-held', `${who} already makes the tables in ${dataDir}`, {
    hint: 'stop it, or set DATA_DIR to another folder',
  })
}
