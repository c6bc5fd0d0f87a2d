import { setTimeout as delay } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { logSink } from '../alerts/log-sink.ts'
import { tellAll } from '../alerts/tell.ts'
import { type Broker, tpName } from '../broker/broker.ts'
import { openBroker } from '../broker/open-broker.ts'
import { openReadStore } from '../store/open-store.ts'
import type { Views } from '../store/views.ts'
import type { Context } from './context.ts'
import { carryRejects } from './courier.ts'
import { LOCK_WAIT_MS, startEngine, waitForLock } from './engine.ts'
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
  const lock = await waitForLock(context, 'insights', 0)
  if (!('release' in lock)) return waitForOther(context)
  const engine = await startEngine(context, { does: 'insights' }).catch((error: unknown) => {
    lock.release()
    throw error
  })
  const { runner, store, broker } = engine
  await runner.caughtUp()
  if ((await carryRejects(store, broker)) > 0) await runner.caughtUp()
  const close = async (): Promise<void> => {
    await runner.caughtUp()
    const remainder = await openRemainder(store.db, context.nowMs())
    if (remainder !== undefined)
      await tellAll([logSink(context.log)], remainder, { timeoutMs: TELL_TIMEOUT_MS, log: context.log })
    await engine.close()
    lock.release()
  }
  return { lagRecords: 0, db: store.db, broker, close }
}

async function waitForOther(context: Context): Promise<UpToDate> {
  const broker = await openBroker(context.config, context)
  const store = await openReadStore(context.config)
  const ends = await endsOf(broker)
  const untilMs = context.monotonicMs() + LOCK_WAIT_MS
  let lagRecords = await lagBehind(store.db, ends)
  while (lagRecords > 0 && context.monotonicMs() < untilMs && !context.stop.aborted) {
    await delay(LOOK_MS)
    lagRecords = await lagBehind(store.db, ends)
  }
  const close = async (): Promise<void> => {
    await store.close()
    await broker.close()
  }
  return { lagRecords, db: store.db, broker, close }
}

async function endsOf(broker: Broker): Promise<Map<string, number>> {
  const infos = await broker.topics()
  return new Map(
    infos.flatMap(({ topic, partitionInfos }) =>
      partitionInfos.map((p) => [tpName({ topic, partition: p.partition }), p.endOffset] as const),
    ),
  )
}

/** The records that the slowest processor has yet to apply, over all partitions. */
async function lagBehind(db: Kysely<Views>, ends: ReadonlyMap<string, number>): Promise<number> {
  const rows = await db.selectFrom('positions').select(['topic', 'partition', 'position']).execute()
  const lags = new Map<string, number>()
  for (const { topic, partition, position } of rows) {
    const name = tpName({ topic, partition })
    lags.set(name, Math.max(lags.get(name) ?? 0, (ends.get(name) ?? 0) - position))
  }
  return [...lags.values()].reduce((sum, lag) => sum + Math.max(0, lag), 0)
}
