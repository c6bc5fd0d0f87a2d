import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Alert, Sink } from '../../src/alerts/alert.ts'
import { type OutboxSender, openOutboxSender } from '../../src/alerts/outbox-sender.ts'
import { NEW_PACE, paceAfterFailed, paceAfterSent } from '../../src/alerts/sink-pace.ts'
import { EngineError } from '../../src/models/engine-error.ts'
import { openSqliteStore } from '../../src/store/sqlite-store.ts'
import type { Store } from '../../src/store/store.ts'
import { recordingLog } from './recording-log.ts'
import { report, START_MS } from './reports.ts'

const MINUTE_MS = 60_000

let store: Store
let sender: OutboxSender | undefined
let monotonicMs: number

beforeEach(() => {
  store = openSqliteStore({ file: ':memory:', monotonicMs: () => performance.now() })
  monotonicMs = 1_000_000
})

afterEach(async () => {
  await sender?.close()
  sender = undefined
  await store.close()
})

describe('the outbox sender', () => {
  test('the log gets every digest by itself, the others one message that names them all', async () => {
    const [log, slack] = [openSink('log', 0), openSink('slack', MINUTE_MS)]
    await put(10, 20, 30)
    start(log, slack)
    await Promise.all([log.told(3), slack.told(1)])
    expect(log.titles).toEqual(
      ['#1 to #10', '#11 to #20', '#21 to #30'].map((span) => `1 digest: 10 rejections, ${span}`),
    )
    expect(slack.titles).toEqual(['3 digests: 30 rejections, #1 to #30'])
  })

  test('what every sink has is not sent again', async () => {
    const [log, slack] = [openSink('log', 0), openSink('slack', 0)]
    await put(10)
    start(log, slack)
    await Promise.all([log.told(1), slack.told(1)])
    await sender!.close()
    expect(await pending(10)).toEqual([])
    start(log, slack)
    await put(20)
    await Promise.all([log.told(2), slack.told(2)])
    expect(log.titles.at(-1)).toBe('1 digest: 10 rejections, #11 to #20')
  })

  test('a sink has at most one message a minute; what came meanwhile is in the next', async () => {
    const [log, slack] = [openSink('log', 0), openSink('slack', MINUTE_MS)]
    await put(10)
    start(log, slack)
    await slack.told(1)
    await put(20)
    await put(30)
    await log.told(3)
    expect(slack.titles).toHaveLength(1)
    monotonicMs += MINUTE_MS
    sender!.wake()
    await slack.told(2)
    expect(slack.titles[1]).toBe('2 digests: 20 rejections, #11 to #30')
  })

  test('a sink that hangs holds up nobody else', async () => {
    const [slack, log] = [openSink('slack', MINUTE_MS, () => new Promise(() => {})), openSink('log', 0)]
    start(slack, log)
    await put(10)
    await log.told(1)
    await put(20)
    await log.told(2)
    expect(slack.alerts).toHaveLength(1)
  })

  test('a sink that fails is tried again, later, with all that has come since', async () => {
    let failures = 0
    const fail = async () => {
      if (failures++ === 0) throw new EngineError('sink-failed', 'slack: answered 500', { retry: 'yes' })
    }
    const slack = openSink('slack', MINUTE_MS, fail)
    await put(10)
    start(slack)
    await slack.told(1)
    await put(20)
    monotonicMs += 1_000
    sender!.wake()
    await slack.told(2)
    expect(slack.titles).toEqual([
      '1 digest: 10 rejections, #1 to #10',
      '2 digests: 20 rejections, #1 to #20',
    ])
  })

  test('a sink that is hundreds of digests behind is told how many it missed; the log has them all', async () => {
    let isDown = true
    const fail = async () => {
      if (isDown) throw new EngineError('sink-failed', 'slack: ECONNREFUSED', { retry: 'yes' })
    }
    const [log, slack] = [openSink('log', 0), openSink('slack', MINUTE_MS, fail)]
    await put(...Array.from({ length: 450 }, (_, i) => (i + 1) * 10))
    start(log, slack)
    await log.told(450)
    isDown = false
    monotonicMs += MINUTE_MS
    sender!.wake()
    await slack.told(slack.alerts.length + 1)
    const { title, text } = slack.alerts.at(-1)!
    expect(title).toBe('150 digests: 1500 rejections, #3001 to #4500')
    expect(text).toContain('300 digests before these were told to the log only.')
  })

  test('closing makes one last attempt for what is waiting, even within the minute', async () => {
    const slack = openSink('slack', MINUTE_MS)
    await put(10)
    start(slack)
    await slack.told(1)
    await put(20)
    await sender!.close()
    expect(slack.titles).toEqual([
      '1 digest: 10 rejections, #1 to #10',
      '1 digest: 10 rejections, #11 to #20',
    ])
    expect(await pending(10)).toEqual([])
  })

  test('closing waits no longer than it may for a sink that hangs, and leaves it its messages', async () => {
    const slack = openSink('slack', MINUTE_MS, () => new Promise(() => {}))
    await put(10)
    start(slack)
    await slack.told(1)
    await sender!.close()
    expect((await pending(10)).map(({ id }) => id)).toEqual(['digest-10'])
  })
})

describe('when a failing sink is tried again', () => {
  const failed = new EngineError('sink-failed', 'slack: answered 500', { retry: 'yes' })
  const busy = (afterMs: number) =>
    new EngineError('sink-failed', 'slack: answered 429', { retry: { afterMs } })

  test('after 1, 2, 4 ... 60 seconds, each shortened by up to a half', () => {
    const waits = (random: number) => {
      let pace = NEW_PACE
      return Array.from({ length: 8 }, () => {
        pace = paceAfterFailed(pace, 0, failed, random)
        return pace.notBeforeMs
      })
    }
    expect(waits(0)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
    expect(waits(1)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  })

  test('not before the time it names itself, up to an hour', () => {
    expect(paceAfterFailed(NEW_PACE, 0, busy(90_000), 0).notBeforeMs).toBe(90_000)
    expect(paceAfterFailed(NEW_PACE, 0, busy(100), 0).notBeforeMs).toBe(1_000)
    expect(paceAfterFailed(NEW_PACE, 0, busy(1e12), 0).notBeforeMs).toBe(3_600_000)
  })

  test('a success forgets the failures', () => {
    expect(paceAfterSent(5_000, MINUTE_MS)).toEqual({ failures: 0, notBeforeMs: 65_000 })
  })
})

function start(...sinks: readonly Sink[]): void {
  sender = openOutboxSender({
    outbox: { pending, done: store.outbox.done },
    sinks,
    nowMs: () => START_MS,
    monotonicMs: () => monotonicMs,
    random: () => 0,
    log: recordingLog().log,
    lookMs: 5,
    lastAttemptMs: 100,
  })
}

function pending(max: number) {
  return store.outbox.pending(['digest', 'parked'], max)
}

/** Puts digests that close at these ordinals into the outbox, as the processors' commits do. */
async function put(...lastOrdinals: readonly number[]): Promise<void> {
  const outbox = lastOrdinals.map((last) => ({
    id: `digest-${last}`,
    kind: 'digest' as const,
    payload: report(last),
  }))
  await store.commit({ partitions: [], feeds: [], rows: [], outbox })
  sender?.wake()
}

/** A sink that keeps what it is given and then does as the test says. */
function openSink(name: string, paceMs: number, then: () => Promise<void> = async () => {}) {
  const alerts: Alert[] = []
  const waiters: (() => void)[] = []
  return {
    name,
    paceMs,
    alerts,
    get titles() {
      return alerts.map(({ title }) => title)
    },
    /** Resolves when it was given so many alerts. */
    told: (count: number) =>
      new Promise<void>((resolve) => {
        const check = () => alerts.length >= count && resolve()
        waiters.push(check)
        check()
      }),
    send: async (alert: Alert) => {
      alerts.push(alert)
      for (const check of waiters) check()
      await then()
    },
  }
}
