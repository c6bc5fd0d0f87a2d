import { setTimeout as delay } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { logSink } from '../alerts/log-sink.ts'
import { tellAll } from '../alerts/tell.ts'
import { type Broker, tpName } from '../broker/broker.ts'
import { openBroker } from '../broker/open-broker.ts'
import { endsOf } from '../processors/running/caught-up.ts'
import { openReadStore } from '../store/open-store.ts'
import type { Views } from '../store/views.ts'
import type { Context } from './context.ts'
import { carryRejects } from './courier.ts'
import { startEngine } from './engine.ts'
import { isShared, LOCK_WAIT_MS, takeFreePlace } from './place.ts'
import { openRemainder } from './remainder.ts'

const LOOK_MS = 50
const TELL_TIMEOUT_MS = 1_000

/** Tables to be read, as far as they have come. */
export type UpToDate = {
  /** Records on the log that the tables do not know yet: 0, unless another process makes them and is behind. */
  readonly lagRecords: number
  readonly db: Kysely<Views>
  readonly broker: Broker
  /** Processes what was published meanwhile where the tables are ours to make, and lets go of everything. */
  close(): Promise<void>
}

/**
 * Brings the tables up to what is on the log now. Where no processor runs, this process is it for the time being; where
 * one does, it is waited for, up to 10 s, and the lag is answered.
 */
export async function bringTablesUpToDate(context: Context): Promise<UpToDate> {
  const place = await takeFreePlace(context, 'insights')
  if (!('release' in place)) return waitForOther(context)
  const engine = await startEngine(context).catch((error: unknown) => {
    place.release()
    throw error
  })
  const { runner, store, broker } = engine
  await runner.caughtUp()
  if ((await carryRejects(store, broker)) > 0) await runner.caughtUp()
  // Another may have begun at the same moment and share the work: its part is waited for as well.
  const lagRecords = isShared(context) ? await waitForTables(context, store.db, await endsOf(broker)) : 0
  const close = async (): Promise<void> => {
    await runner.caughtUp()
    const remainder = await openRemainder(store.db, context.nowMs())
    if (remainder !== undefined)
      await tellAll([logSink(context.log)], remainder, { timeoutMs: TELL_TIMEOUT_MS, log: context.log })
    await engine.close()
    place.release()
  }
  return { lagRecords, db: store.db, broker, close }
}

async function waitForOther(context: Context): Promise<UpToDate> {
  const broker = await openBroker(context.config, context)
  const store = await openReadStore(context.config)
  const lagRecords = await waitForTables(context, store.db, await endsOf(broker))
  const close = async (): Promise<void> => {
    await store.close()
    await broker.close()
  }
  return { lagRecords, db: store.db, broker, close }
}

/** Waits until the tables hold the log up to `ends`, or for 10 s. Answers the lag that is left. */
async function waitForTables(
  context: Context,
  db: Kysely<Views>,
  ends: ReadonlyMap<string, number>,
): Promise<number> {
  const untilMs = context.monotonicMs() + LOCK_WAIT_MS
  let lagRecords = await lagBehind(db, ends)
  while (lagRecords > 0 && context.monotonicMs() < untilMs && !context.stop.aborted) {
    await delay(LOOK_MS)
    lagRecords = await lagBehind(db, ends)
  }
  return lagRecords
}

/** The records that the slowest processor has yet to apply, over all partitions; all of one that nobody has read yet. */
async function lagBehind(db: Kysely<Views>, ends: ReadonlyMap<string, number>): Promise<number> {
  const rows = await db.selectFrom('positions').select(['topic', 'partition', 'position']).execute()
  const slowest = new Map<string, number>()
  for (const { topic, partition, position } of rows) {
    const name = tpName({ topic, partition })
    slowest.set(name, Math.min(slowest.get(name) ?? position, position))
  }
  const lags = new Map([...ends].map(([name, end]) => [name, end - (slowest.get(name) ?? 0)]))
  return [...lags.values()].reduce((sum, lag) => sum + Math.max(0, lag), 0)
}
