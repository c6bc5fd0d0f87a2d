import type { Broker } from '../broker/broker.ts'
import { openBroker } from '../broker/open-broker.ts'
import { pipeline } from '../pipeline.ts'
import { type Runner, runProcessors } from '../processors/run-processors.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import type { Context } from './context.ts'
import { checkSettings } from './fingerprint.ts'
import { GROUP, isShared } from './place.ts'

/** Log, store and processors, running in this process. */
export type Engine = {
  readonly broker: Broker
  readonly store: Store
  readonly runner: Runner
  close(): Promise<void>
}

export type EngineOptions = {
  readonly acceptLog?: boolean | undefined
  /** Take the settings in force as the ones that decide results from now on. */
  readonly acceptSettings?: boolean | undefined
  readonly onOutbox?: () => void
}

/** Starts the processors. The caller has its place: wherever log or store is embedded, one process makes rows. */
export async function startEngine(context: Context, options: EngineOptions = {}): Promise<Engine> {
  const { config, log, monotonicMs } = context
  const broker = await openBroker(config, context)
  const closing: (() => Promise<void>)[] = [() => broker.close()]
  try {
    const store = await openStore(config, monotonicMs)
    closing.unshift(() => store.close())
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
      // Another process may have taken other settings for the ones that decide.
      ...(isShared(context) ? { check: () => checkSettings(store, config, false) } : {}),
    })
    closing.unshift(() => runner.close())
    return { broker, store, runner, close: () => closeAll(closing) }
  } catch (error) {
    await closeAll(closing).catch(() => undefined)
    throw error
  }
}

/** In this order, each whatever became of those before it; the first complaint is thrown. */
async function closeAll(closing: readonly (() => Promise<void>)[]): Promise<void> {
  const complaints: unknown[] = []
  for (const close of closing) await close().catch((error: unknown) => complaints.push(error))
  if (complaints.length > 0) throw complaints[0]
}
