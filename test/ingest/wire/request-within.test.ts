import { describe, expect, test } from 'vitest'
import type { HttpAnswer } from '../../../src/ingest/transport.ts'
import { openBudget } from '../../../src/ingest/wire/budget.ts'
import { requestWithin } from '../../../src/ingest/wire/request-within.ts'
import { virtualTimers } from '../../../src/models/virtual-timers.ts'
import { plainPeer } from '../plain-peer.ts'

/** An answer takes 10 ms. Times are milliseconds since the start. */

describe('requests of a wire', () => {
  test('leave in the order of asking, by their weight', async () => {
    const { ask, until, log } = rig()
    const names = ['a', 'b', 'c', 'd'].map((name) => ask(name, 5))
    await until(2_000)
    expect((await Promise.all(names)).map(({ kind }) => kind)).toEqual(['body', 'body', 'body', 'body'])
    expect(log).toEqual(['0 GET /a', '0 GET /b', '500 GET /c', '1000 GET /d'])
  })

  test('are not more than eight at a time', async () => {
    const { ask, until, log } = rig({ perSecond: 1_000, burst: 1_000 })
    for (let i = 0; i < 20; i++) void ask(`${i}`)
    await until(1_000)
    expect(log.map((line) => line.split(' ')[0])).toEqual([
      ...Array(8).fill('0'),
      ...Array(8).fill('10'),
      ...Array(4).fill('20'),
    ])
  })

  test.each([429, 418])('all wait out the time that one is told to stay away with %i', async (status) => {
    const { ask, until, log } = rig(undefined, [refused(status, 5_000), OK])
    const first = ask('a')
    await until(100)
    const second = ask('b')
    await until(10_000)
    expect(await first).toEqual({
      kind: 'refused',
      status,
      message: `answered ${status}: no`,
      retryAfterMs: 5_000,
    })
    expect((await second).kind).toBe('body')
    expect(log).toEqual(['0 GET /a', '5010 GET /b'])
  })

  test('are asked again where that is wanted, as long as it can help', async () => {
    const { ask, until, log } = rig(undefined, [
      { kind: 'failed', message: 'reset' },
      refused(503),
      refused(429, 3_000),
      OK,
    ])
    const answer = ask('a', 1, 5)
    await until(20_000)
    expect((await answer).kind).toBe('body')
    expect(log).toEqual(['0 GET /a', '135 GET /a', '395 GET /a', '3405 GET /a'])
  })

  test('answer with the last failure when all tries are used up, and with the first where there are none', async () => {
    const { ask, until, log } = rig(undefined, [refused(500)])
    const answers = Promise.all([ask('a', 1, 2), ask('b')])
    await until(20_000)
    expect(await answers).toEqual([refused500, refused500])
    expect(log.filter((line) => line.includes('/a'))).toHaveLength(3)
  })

  test.each([400, 403, 404, 451])('are not asked again where %i says that it cannot help', async (status) => {
    const { ask, until, log } = rig(undefined, [refused(status)])
    const answer = ask('a', 1, 5)
    await until(200_000)
    expect(await answer).toMatchObject({ kind: 'refused', status })
    expect(log).toHaveLength(1)
  })

  test('451 says what to do', async () => {
    const { ask, until } = rig(undefined, [refused(451)])
    const answer = ask('a')
    await until(100)
    expect(await answer).toMatchObject({ message: expect.stringContaining('does not serve this location') })
  })

  test.each(['waiting for a turn', 'under way', 'between two tries'])(
    'end at once when stopped while %s',
    async (when) => {
      const { ask, until, stop, timers } = rig({ perSecond: 1, burst: 1 }, [
        { kind: 'failed', message: 'reset' },
      ])
      if (when === 'waiting for a turn') void ask('before')
      const answer = ask('a', 1, 5)
      await until(when === 'between two tries' ? 50 : 5)
      stop.abort()
      await until(20)
      expect(await answer).toMatchObject({ kind: 'failed' })
      expect(timers.waiting).toBe(0)
      expect(await ask('b')).toEqual({ kind: 'failed', message: 'stopped' })
    },
  )

  test('that are far too many are not kept waiting', async () => {
    const { ask, stop } = rig({ perSecond: 1, burst: 1 })
    const answers = Array.from({ length: 10_002 }, (_, i) => ask(`${i}`))
    expect(await answers.at(-1)).toEqual({ kind: 'failed', message: '10000 requests are waiting already' })
    stop.abort()
    await Promise.all(answers.slice(1))
  })
})

const OK: HttpAnswer = { kind: 'body', bytes: new Uint8Array() }
const refused500: HttpAnswer = { kind: 'refused', status: 500, message: 'answered 500: no' }

function refused(status: number, retryAfterMs?: number): HttpAnswer {
  return { kind: 'refused', status, message: 'no', ...(retryAfterMs !== undefined && { retryAfterMs }) }
}

function rig(requests = { perSecond: 10, burst: 10 }, bodies: readonly HttpAnswer[] = [OK]) {
  const timers = virtualTimers(0)
  const peer = plainPeer(timers)
  peer.bodies = [...bodies]
  const budget = openBudget({ connects: { perSecond: 1, burst: 1 }, requests }, timers)
  const stop = new AbortController()
  const ask = (name: string, weight = 1, retries?: number) =>
    requestWithin(
      budget,
      peer,
      { method: 'GET', url: `http://plain.test/${name}`, weight },
      {
        timeoutMs: 1_000,
        bodyBytesMax: 1_000,
        stop: stop.signal,
        random: () => 0,
        ...(retries !== undefined && { retries }),
      },
    )
  return { ask, until: (ms: number) => timers.advanceTo(ms), stop, timers, log: peer.log }
}
