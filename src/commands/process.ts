import { setFlagsFromString } from 'node:v8'
import type { Alert, Sink } from '../alerts/alert.ts'
import { openOutboxSender } from '../alerts/outbox-sender.ts'
import { openSinks } from '../alerts/sinks.ts'
import { tellAll } from '../alerts/tell.ts'
import type { Store } from '../store/store.ts'
import type { Context } from './context.ts'
import { carryRejects } from './courier.ts'
import { type Engine, LOCK_WAIT_MS, lockHeld, startEngine, waitForLock } from './engine.ts'
import { openRemainder } from './remainder.ts'

const TELL_TIMEOUT_MS = 5_000

/**
 * How much the heap may grow, in percent of what is alive, before it is cleaned. V8 would let it grow fourfold: rows wait a
 * second for their commit, and what has died since would be kept as well.
 */
const HEAP_GROWING_PERCENT = 20

/** Makes the tables: brings them up to the end of the log and keeps them there until it is stopped. */
export async function processRecords(
  context: Context,
  options: { acceptLog?: boolean } = {},
): Promise<number> {
  const { config, log } = context
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
  const lock = await waitForLock(context, 'process', LOCK_WAIT_MS)
  if (!('release' in lock)) throw lockHeld(lock.heldBy, config.dataDir)
  let wake = (): void => undefined
  const engine = await startEngine(context, {
    does: 'process',
    acceptLog: options.acceptLog,
    onOutbox: () => wake(),
  })
  const { store, broker, runner } = engine
  const sinks = openSinks(config, log)
  const outbox = {
    pending: (max: number) => store.outbox.pending(['digest', 'parked'], max),
    done: store.outbox.done,
  }
  const sender = openOutboxSender({ ...context, outbox, sinks })
  // One after another: two at once would carry the same records twice.
  let carrying: Promise<unknown> = Promise.resolve()
  wake = () => {
    sender.wake()
    carrying = carrying
      .then(() => carryRejects(store, broker))
      .catch((error) => log.error({ err: error }, 'rejected records wait for the next try'))
  }
  wake()
  const before = await openRemainder(store.db, context.nowMs())
  log.info({ dataDir: config.dataDir }, 'processing')
  const broken = await Promise.race([
    stopped(context),
    runner.done.then(
      () => undefined,
      (error: unknown) => ({ error }),
    ),
  ])
  await runner.close()
  // Together: either may take its whole time, and a shutdown has no more than the two would in turn.
  await Promise.all([tellRemainder(context, store, sinks, before), sender.close(), carrying])
  await closeQuietly(engine, broken !== undefined)
  lock.release()
  if (broken !== undefined) throw broken.error
  log.info({}, 'processing has ended, everything read is committed')
  return 0
}

/** What no digest covers yet is told once: not again where nothing came since the start. */
async function tellRemainder(
  { nowMs, log }: Context,
  store: Store,
  sinks: readonly Sink[],
  before: Alert | undefined,
): Promise<void> {
  const remainder = await openRemainder(store.db, nowMs())
  if (remainder === undefined || remainder.id === before?.id) return
  await tellAll(sinks, remainder, { timeoutMs: TELL_TIMEOUT_MS, log })
}

function stopped({ stop }: Context): Promise<undefined> {
  return new Promise((resolve) => {
    if (stop.aborted) resolve(undefined)
    else stop.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}

/** After a failure, what can still be closed is; its own complaint would hide the cause. */
async function closeQuietly(engine: Engine, failed: boolean): Promise<void> {
  if (failed) await engine.close().catch(() => undefined)
  else await engine.close()
}
