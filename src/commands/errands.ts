import type { Alert, Sink } from '../alerts/alert.ts'
import { openOutboxSender } from '../alerts/outbox-sender.ts'
import { openSinks } from '../alerts/sinks.ts'
import { tellAll } from '../alerts/tell.ts'
import { SECOND_MS } from '../models/time.ts'
import { REJECTIONS_TOPIC } from '../models/topics.ts'
import type { Store } from '../store/store.ts'
import type { Context } from './context.ts'
import { carryRejects } from './courier.ts'
import type { Engine } from './engine.ts'
import { openRemainder } from './remainder.ts'

const TELL_TIMEOUT_MS = 5_000

export type Errands = {
  /** The outbox has something. */
  wake(): void
  /** Partitions are about to be let go: whose errands these are is decided now. */
  last(): void
  close(): Promise<void>
}

/**
 * What leaves through the outbox: digests and alarms to the sinks, foreign records to their topic. Where several processes
 * share the work, whoever has the rejections does it for all.
 */
export async function openErrands(context: Context, { store, broker, runner }: Engine): Promise<Errands> {
  const { config, log } = context
  let decided: boolean | undefined
  const isOurs = () => decided ?? runner.owns({ topic: REJECTIONS_TOPIC, partition: 0 })
  const sinks = openSinks(config, log)
  const outbox = {
    pending: async (max: number) => (isOurs() ? store.outbox.pending(['digest', 'parked'], max) : []),
    done: store.outbox.done,
  }
  const sender = openOutboxSender({ ...context, outbox, sinks })
  // One after another: two at once would carry the same records twice.
  let carrying: Promise<unknown> = Promise.resolve()
  const carry = (): void => {
    carrying = carrying
      .then(() => (isOurs() ? carryRejects(store, broker) : 0))
      .catch((error) => log.error({ err: error }, 'rejected records wait for the next try'))
  }
  const looking = broker.sharesPartitions ? setInterval(carry, SECOND_MS) : undefined
  const before = await openRemainder(store.db, context.nowMs())
  return {
    wake: () => {
      sender.wake()
      carry()
    },
    last: () => {
      decided = isOurs()
    },
    close: async () => {
      clearInterval(looking)
      const remainder = decided ? tellRemainder(context, store, sinks, before) : undefined
      // Together: either may take its whole time, and a shutdown has no more than the two would in turn.
      await Promise.all([remainder, sender.close(), carrying])
    },
  }
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
