import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { EngineError } from '../../models/engine-error.ts'
import type { Broker } from '../broker.ts'

/** The far side: there, or being looked for. */
export type Link = {
  /** Undefined while it cannot be reached. */
  readonly broker: Broker | undefined
  /** Resolves when the first attempt has ended: with why it failed, or nothing. */
  readonly firstTry: Promise<EngineError | undefined>
  /** It has broken its promise: this connection is given up and another one looked for. */
  lost(broker: Broker, error: EngineError): void
  /** It has acknowledged something: should it go away now, it is looked for at once. */
  answered(): void
  /** Resolves when it is there, or when this is closed. */
  untilThere(): Promise<void>
  close(): Promise<void>
}

export type LinkOptions = {
  readonly connect: () => Promise<Broker>
  /** Asks what must be known before anything is sent; what it rejects with counts as not there. */
  readonly greet: (broker: Broker) => Promise<void>
  /** The far side is away, said at every attempt that failed. */
  readonly onAway: (error: EngineError) => void
  readonly random: () => number
  readonly log: Logger
  readonly limits: LinkLimits
}

export type LinkLimits = {
  /** Between two attempts: doubled each time, with jitter of half of it. */
  readonly retryMs: number
  readonly retryMsMax: number
  /** A connection that is not made by then is given up. */
  readonly connectMsMax: number
  /** One that does not close by then is left to itself. */
  readonly disconnectMsMax: number
}

export function openLink(options: LinkOptions): Link {
  const { limits, random, log } = options
  const ending = new AbortController()
  const waiting = new Set<() => void>()
  const closings = new Set<Promise<void>>()
  let broker: Broker | undefined
  let failures = 0
  let looking: Promise<void> | undefined
  let tried: (error?: EngineError) => void = () => {}
  const firstTry = new Promise<EngineError | undefined>((resolve) => {
    tried = resolve
  })

  function look(): void {
    looking ??= lookUntilThere()
  }

  async function lookUntilThere(): Promise<void> {
    while (!ending.signal.aborted) {
      await pause()
      if (ending.signal.aborted) return
      try {
        broker = await connected()
        looking = undefined
        tried()
        for (const resolve of waiting) resolve()
        waiting.clear()
        return
      } catch (error) {
        failed(engineError(error))
      }
    }
  }

  async function pause(): Promise<void> {
    if (failures === 0) return
    const waitMs = Math.min(limits.retryMs * 2 ** (failures - 1), limits.retryMsMax)
    await sleep(waitMs * (0.5 + random() / 2), undefined, { signal: ending.signal }).catch(() => {})
  }

  async function connected(): Promise<Broker> {
    const connecting = options.connect()
    const made = await within(connecting, limits.connectMsMax, ending.signal).catch((error: unknown) => {
      // One that comes after all is of no use any more.
      connecting.then(dispose, () => {})
      throw error
    })
    try {
      await within(options.greet(made), limits.connectMsMax, ending.signal)
      return made
    } catch (error) {
      dispose(made)
      throw error
    }
  }

  function failed(error: EngineError): void {
    if (ending.signal.aborted) return
    failures++
    tried(error)
    options.onAway(error)
  }

  function dispose(gone: Broker): void {
    const closing = within(gone.close(), limits.disconnectMsMax)
      .catch((error: unknown) => log.debug({ err: error }, 'a broken connection did not close'))
      .finally(() => closings.delete(closing))
    closings.add(closing)
  }

  look()
  return {
    firstTry,
    get broker() {
      return broker
    },
    lost(gone, error) {
      if (gone !== broker) return
      broker = undefined
      dispose(gone)
      failed(error)
      look()
    },
    answered() {
      failures = 0
    },
    async untilThere() {
      if (broker !== undefined || ending.signal.aborted) return
      await new Promise<void>((resolve) => waiting.add(resolve))
    },
    async close() {
      ending.abort()
      tried()
      for (const resolve of waiting) resolve()
      await looking
      if (broker !== undefined) dispose(broker)
      broker = undefined
      await Promise.all(closings)
    },
  }
}

/** What `work` comes to; rejects with an EngineError after `msMax` (`broker-unreachable`) or when `stop` aborts (`closed`). */
export function within<T>(work: Promise<T>, msMax: number, stop?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new EngineError('broker-unreachable', `no answer within ${msMax} ms`, { retry: 'yes' }))
    }, msMax)
    const onStop = () => reject(new EngineError('closed', 'closed while waiting for an answer'))
    stop?.addEventListener('abort', onStop)
    if (stop?.aborted) onStop()
    const tidy = () => {
      clearTimeout(timer)
      stop?.removeEventListener('abort', onStop)
    }
    work.then(resolve, reject).finally(tidy)
  })
}

/** How the far side answered a publish. A late one may still come. */
export type Outcome = 'acknowledged' | 'late' | EngineError

/** `late`, too, when `stop` aborts. */
export async function outcomeOf(
  publishing: Promise<void>,
  msMax: number,
  stop?: AbortSignal,
): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined
  let onStop = () => {}
  const late = new Promise<'late'>((resolve) => {
    onStop = () => resolve('late')
    timer = setTimeout(onStop, msMax)
    stop?.addEventListener('abort', onStop)
    if (stop?.aborted) onStop()
  })
  const answered = publishing.then(() => 'acknowledged' as const, engineError)
  try {
    return await Promise.race([answered, late])
  } finally {
    clearTimeout(timer)
    stop?.removeEventListener('abort', onStop)
  }
}

const FOR_GOOD = ['broker-refused', 'bad-config', 'bug']

/** Whether sending it again changes nothing: the far side will not have it, or we are set up so that it never gets there. */
export function isRefusal(outcome: Outcome): outcome is EngineError {
  return outcome instanceof EngineError && FOR_GOOD.includes(outcome.code)
}

/** What is not an error of ours is one of the far side: it is not there as it should be. */
export function engineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error
  return new EngineError('broker-unreachable', String(error), { retry: 'yes', cause: error })
}
