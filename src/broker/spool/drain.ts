import type { Logger } from 'pino'
import { EngineError } from '../../models/engine-error.ts'
import type { Broker, OutgoingRecord } from '../broker.ts'
import type { Episode } from './episode.ts'
import { engineError, isRefusal, type Link, outcomeOf, within } from './link.ts'
import type { SpooledRecord } from './segment.ts'
import { setAside } from './set-aside.ts'
import type { Spool, SpoolBatch } from './spool.ts'

/** What was sent, not answered in time, and then kept as the spool's first records. */
export type Unsettled = {
  readonly broker: Broker
  readonly publishing: Promise<void>
  readonly records: number
}

export type Drain = {
  /** There may be something to do. */
  wake(): void
  /**
   * Where draining goes well and little is left, resolves when nothing is, or it goes well no longer, or after `msMax`: what
   * comes meanwhile need not go to the spool. A busy producer would never get past it otherwise.
   */
  lastArrival(msMax: number): Promise<void>
  /** Before anything is drained this is waited for. */
  settleFirst(unsettled: Unsettled | undefined): void
  /** Goes on for at most `msMax` where the far side is there. From then on nothing more is begun. */
  finish(msMax: number): Promise<void>
  /** Resolves when it has ended, after `finish` and once the link is closed. */
  readonly ended: Promise<void>
}

export type DrainOptions = {
  readonly spool: Spool
  readonly link: Link
  readonly place: (records: readonly SpooledRecord[]) => OutgoingRecord[]
  readonly episode: Episode
  /** Where what the far side will not have is set aside. */
  readonly dir: string
  readonly log: Logger
  readonly limits: { readonly farMsMax: number }
  /** The spool itself cannot be read any more. */
  readonly onBroken: (error: EngineError) => void
}

/** So often a record that fills a batch alone may be refused, over new connections, before it is the record's own fault. */
const ALONE_REFUSALS_MAX = 3

/** So little is left that it is on the far side soon: one batch. */
const LAST_RECORDS_MAX = 1_000
const LAST_BYTES_MAX = 512 * 1024

/** Carries what the spool holds to the far side, in order, one batch at a time, whenever both are there. */
export function openDrain(options: DrainOptions): Drain {
  const { spool, link, place, episode, log, limits } = options
  let unsettled: Unsettled | undefined
  let aloneRefusals = 0
  /** The last send was acknowledged, and nobody has waited in vain since. */
  let goesWell = false
  const waiting = new Set<() => void>()
  let knocked = false
  let wakeUp: (() => void) | undefined
  const ending = new AbortController()
  /** Called whenever there is nothing to do for now. */
  let onIdle: (() => void) | undefined

  async function run(): Promise<void> {
    for (;;) {
      await link.untilThere()
      const { broker } = link
      if (ending.signal.aborted) return
      if (broker === undefined) continue
      if (spool.records > 0) await drainOnce(broker)
      else await idle()
    }
  }

  async function idle(): Promise<void> {
    episode.over()
    onIdle?.()
    release()
    if (!knocked) {
      await new Promise<void>((resolve) => {
        wakeUp = resolve
      })
    }
    knocked = false
  }

  function release(): void {
    for (const resolve of waiting) resolve()
    waiting.clear()
  }

  function wake(): void {
    knocked = true
    wakeUp?.()
  }

  async function drainOnce(broker: Broker): Promise<void> {
    if (unsettled !== undefined) return settle(broker, unsettled)
    const batch = await spool.oldest()
    const outcome = await send(broker, batch.records)
    goesWell = outcome === 'acknowledged'
    if (!goesWell) release()
    if (outcome === 'acknowledged') await drained(batch)
    else if (isRefusal(outcome)) await sortOut(broker, batch, outcome)
  }

  /** Waits for what is on its way. Once it has arrived it need not be sent again. */
  async function settle(broker: Broker, { records, ...late }: Unsettled): Promise<void> {
    unsettled = undefined
    if (late.broker !== broker) return
    const outcome = await outcomeOf(late.publishing, limits.farMsMax, ending.signal)
    if (outcome === 'acknowledged') {
      for (let left = records; left > 0; ) {
        const batch = await spool.oldest(left)
        await drained(batch)
        left -= batch.records.length + batch.damaged
      }
    } else if (!isRefusal(outcome)) lose(broker, outcome)
  }

  async function drained(batch: SpoolBatch): Promise<void> {
    if (batch.damaged > 0) sayDamaged(batch)
    aloneRefusals = 0
    episode.drained(batch.records.length)
    await spool.drained(batch)
  }

  /** Sends; where the far side is away says so to the link. */
  async function send(broker: Broker, records: readonly SpooledRecord[]) {
    if (records.length === 0) return 'acknowledged' as const
    const outcome = await outcomeOf(broker.publish(place(records)), limits.farMsMax, ending.signal)
    if (outcome === 'acknowledged') link.answered()
    else if (!isRefusal(outcome)) lose(broker, outcome)
    return outcome
  }

  function lose(broker: Broker, outcome: 'late' | EngineError): void {
    const silent = `no answer within ${limits.farMsMax} ms`
    link.lost(broker, outcome === 'late' ? new EngineError('broker-unreachable', silent) : outcome)
  }

  /**
   * Finds the records that the far side will not have and sets them aside, so that the others get through. Where it will
   * have none of a batch it is no record's fault, but that of rights or settings: nothing is set aside, and it is tried again.
   */
  async function sortOut(broker: Broker, batch: SpoolBatch, error: EngineError): Promise<void> {
    const refused = await refusedOf(broker, batch.records)
    if (refused === undefined) return
    const isAlone = batch.records.length === 1 && ++aloneRefusals >= ALONE_REFUSALS_MAX
    if (refused.length === batch.records.length && !isAlone) {
      link.lost(broker, error)
      return
    }
    for (const each of refused) setAside(each, options)
    await drained(batch)
  }

  /** Those that are refused by themselves; undefined where the far side went away meanwhile. */
  async function refusedOf(
    broker: Broker,
    records: readonly SpooledRecord[],
  ): Promise<{ record: SpooledRecord; error: EngineError }[] | undefined> {
    const outcome = await send(broker, records)
    if (outcome === 'acknowledged') return []
    if (!isRefusal(outcome)) return undefined
    if (records.length === 1) return [{ record: records[0]!, error: outcome }]
    const middle = Math.ceil(records.length / 2)
    const first = await refusedOf(broker, records.slice(0, middle))
    if (first === undefined) return undefined
    const rest = await refusedOf(broker, records.slice(middle))
    return rest === undefined ? undefined : [...first, ...rest]
  }

  function sayDamaged({ damaged, segment }: SpoolBatch): void {
    log.error(
      { dir: segment.dir, damaged },
      `${damaged} records in ${segment.dir} were damaged on the disk: they are lost`,
    )
  }

  const running = run().catch((error: unknown) => options.onBroken(engineError(error)))

  return {
    wake,
    async lastArrival(msMax) {
      if (!goesWell || spool.records > LAST_RECORDS_MAX || spool.bytes > LAST_BYTES_MAX) return
      const arrived = new Promise<void>((resolve) => waiting.add(resolve))
      await within(arrived, msMax).catch(() => {
        goesWell = false
      })
    },
    ended: running,
    settleFirst(late) {
      unsettled = late
    },
    async finish(msMax) {
      if (link.broker !== undefined && spool.records > 0) {
        let timer: NodeJS.Timeout | undefined
        await new Promise<void>((resolve) => {
          onIdle = resolve
          timer = setTimeout(resolve, msMax)
          running.finally(resolve)
        })
        clearTimeout(timer)
      }
      ending.abort()
      wake()
    },
  }
}
