import type { Logger } from 'pino'
import type { Sink } from './alert.ts'
import { outboxAlert, type PendingMessage } from './outbox-text.ts'
import { NEW_PACE, type Pace, paceAfterFailed, paceAfterSent } from './sink-pace.ts'
import { sendWithin } from './tell.ts'

/** Where messages for people wait until every sink has them. */
export type Outbox = {
  /** The oldest that some sink still lacks. */
  pending(max: number): Promise<readonly PendingMessage[]>
  /** `sink` has them; of all `sinks`, those that must. */
  done(ids: readonly string[], sink: string, sinks: readonly string[]): Promise<void>
}

export type OutboxSenderSettings = {
  readonly outbox: Outbox
  readonly sinks: readonly Sink[]
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly random: () => number
  readonly log: Logger
  /** How often to look where nobody calls `wake` (default 1 s). */
  readonly lookMs?: number
  /** How long `close` may take (default 5 s). */
  readonly lastAttemptMs?: number
}

export type OutboxSender = {
  /** Something was put into the outbox. */
  wake(): void
  /** One last attempt for whatever is waiting, bounded in time; what is left waits for the next start. */
  close(): Promise<void>
}

/** Messages looked at in one go. Where a sink is so far behind, its oldest are told to the log only. */
const WINDOW_MESSAGES_MAX = 200
const LOOK_MS = 1_000
const SEND_MS_MAX = 10_000
/** Half of the ten seconds in which a process has to stop. */
const LAST_ATTEMPT_MS = 5_000

type Lane = {
  readonly sink: Sink
  pace: Pace
  /** Digests that were given up for this sink since its last message. */
  uncounted: number
  sending: Promise<void> | undefined
}

/**
 * Carries messages from the outbox to the sinks, each sink at its own pace: one that fails or hangs is tried again and
 * never holds up another, nor whoever fills the outbox. A message may come twice where we die between telling and noting.
 */
export function openOutboxSender(settings: OutboxSenderSettings): OutboxSender {
  const { outbox, sinks, nowMs, monotonicMs, random, log } = settings
  const { lookMs = LOOK_MS, lastAttemptMs = LAST_ATTEMPT_MS } = settings
  const sinkNames = sinks.map(({ name }) => name)
  const lanes = sinks.map((sink): Lane => ({ sink, pace: NEW_PACE, uncounted: 0, sending: undefined }))
  const closing = new AbortController()
  let wakeUp = () => {}
  let isWoken = false

  async function carry(): Promise<void> {
    while (!closing.signal.aborted) {
      const isFull = await look().catch(sayOutboxFailed)
      if (!isFull) await idle()
    }
  }

  /** Answers whether there is more than one look can see. */
  async function look(): Promise<boolean> {
    isWoken = false
    const window = await outbox.pending(WINDOW_MESSAGES_MAX)
    for (const lane of lanes) {
      if (lane.sending !== undefined || monotonicMs() < lane.pace.notBeforeMs) continue
      const waiting = waitingFor(lane, window)
      if (waiting.length > 0) startSending(lane, waiting, SEND_MS_MAX)
    }
    await Promise.all(lanes.filter(({ sink }) => sink.paceMs === 0).map(({ sending }) => sending))
    return window.length === WINDOW_MESSAGES_MAX && (await giveUpOldest(window))
  }

  function startSending(lane: Lane, waiting: readonly PendingMessage[], timeoutMs: number): void {
    lane.sending = send(lane, waiting, timeoutMs).finally(() => {
      lane.sending = undefined
    })
  }

  /** Never rejects: a failure is this lane's alone. */
  async function send(lane: Lane, waiting: readonly PendingMessage[], timeoutMs: number): Promise<void> {
    const { sink } = lane
    const parts = sink.paceMs === 0 ? waiting.map((message) => [message]) : [waiting]
    const sent: PendingMessage[] = []
    try {
      for (const part of parts) {
        const { uncounted } = lane
        await sendWithin(sink, outboxAlert(part, uncounted, nowMs()), timeoutMs)
        lane.uncounted -= uncounted
        sent.push(...part)
      }
      lane.pace = paceAfterSent(monotonicMs(), sink.paceMs)
    } catch (error) {
      lane.pace = paceAfterFailed(lane.pace, monotonicMs(), error, random())
      const againMs = Math.round(lane.pace.notBeforeMs - monotonicMs())
      log.warn({ sink: sink.name, err: error, againMs }, `${sink.name} was not told; it is tried again`)
    }
    await done(sent, sink).catch(sayOutboxFailed)
  }

  async function done(messages: readonly PendingMessage[], sink: Sink): Promise<void> {
    const ids = messages.map(({ id }) => id)
    if (ids.length > 0) await outbox.done(ids, sink.name, sinkNames)
  }

  /** Makes room where a slow sink would keep the others from seeing what is new. Answers whether it did. */
  async function giveUpOldest(window: readonly PendingMessage[]): Promise<boolean> {
    let hasGivenUp = false
    for (const lane of lanes.filter(({ sink, sending }) => sink.paceMs > 0 && sending === undefined)) {
      const waiting = waitingFor(lane, window)
      if (waiting.length < WINDOW_MESSAGES_MAX / 2) continue
      const oldest = waiting.slice(0, WINDOW_MESSAGES_MAX / 2)
      await done(oldest, lane.sink)
      lane.uncounted += oldest.length
      hasGivenUp = true
      log.warn(
        { sink: lane.sink.name, messages: oldest.length },
        'a sink is far behind: told to the log only',
      )
    }
    return hasGivenUp
  }

  function idle(): Promise<void> {
    if (isWoken || closing.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, lookMs)
      wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  function sayOutboxFailed(error: unknown): boolean {
    log.error({ err: error }, 'the outbox failed; it is tried again')
    return false
  }

  async function lastAttempt(lane: Lane, untilMs: number): Promise<void> {
    const leftMs = untilMs - monotonicMs()
    if (lane.sending !== undefined || leftMs <= 0) return
    const window = await outbox.pending(WINDOW_MESSAGES_MAX)
    const waiting = waitingFor(lane, window)
    if (waiting.length > 0) await send(lane, waiting, leftMs)
  }

  async function close(): Promise<void> {
    const untilMs = monotonicMs() + lastAttemptMs
    closing.abort()
    wakeUp()
    await within(lastAttemptMs, Promise.all([carrying, ...lanes.map(({ sending }) => sending)]))
    await Promise.all(lanes.map((lane) => lastAttempt(lane, untilMs))).catch(sayOutboxFailed)
  }

  const carrying = carry()
  const wake = () => {
    isWoken = true
    wakeUp()
  }
  return { wake, close }
}

function waitingFor(lane: Lane, messages: readonly PendingMessage[]): readonly PendingMessage[] {
  return messages.filter(({ doneBy }) => !doneBy.includes(lane.sink.name))
}

/** Waits for `work`, but no longer than `timeoutMs`. */
async function within(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
