import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { virtualTimers } from '../../src/models/virtual-timers.ts'

const NOON_MS = Date.UTC(2026, 10, 20, 12)

describe('a made clock', () => {
  test('stands still until it is told to go on', async () => {
    const timers = virtualTimers(NOON_MS)
    await sleep(5)
    expect([timers.nowMs(), timers.monotonicMs()]).toEqual([NOON_MS, 0])
    await timers.advanceTo(NOON_MS + 1_500)
    expect([timers.nowMs(), timers.monotonicMs()]).toEqual([NOON_MS + 1_500, 1_500])
    await timers.advanceTo(NOON_MS)
    expect(timers.monotonicMs()).toBe(1_500)
  })

  test('calls what is due in the order of time, and at one time in the order of asking', async () => {
    const timers = virtualTimers(0)
    const called: string[] = []
    for (const [name, ms] of Object.entries({ a: 30, b: 10, c: 20, d: 10, e: 31 })) {
      timers.after(ms, () => called.push(`${timers.monotonicMs()} ${name}`))
    }
    await timers.advanceTo(30)
    expect(called).toEqual(['10 b', '10 d', '20 c', '30 a'])
    expect(timers.waiting).toBe(1)
  })

  test('calls what a call asks for in its turn', async () => {
    const timers = virtualTimers(0)
    const called: number[] = []
    const again = () => {
      called.push(timers.monotonicMs())
      timers.after(10, again)
    }
    timers.after(10, again)
    await timers.advanceBy(35)
    expect(called).toEqual([10, 20, 30])
  })

  test('does not call what was cancelled, even at the same moment', async () => {
    const timers = virtualTimers(0)
    const called: string[] = []
    timers.after(10, () => cancel())
    const cancel = timers.after(10, () => called.push('b'))
    await timers.advanceTo(10)
    expect(called).toEqual([])
    expect(timers.waiting).toBe(0)
  })

  test('lets all that awaits get on before the next call', async () => {
    const timers = virtualTimers(0)
    const said: string[] = []
    const after = (ms: number) => new Promise<void>((resolve) => timers.after(ms, resolve))
    const story = async (name: string, ms: number) => {
      for (let i = 0; i < 3; i++) {
        await after(ms)
        for (let hop = 0; hop < 50; hop++) await undefined
        said.push(`${timers.monotonicMs()} ${name}`)
      }
    }
    const told = Promise.all([story('a', 10), story('b', 15)])
    await timers.advanceTo(45)
    await told
    expect(said).toEqual(['10 a', '15 b', '20 a', '30 b', '30 a', '45 b'])
  })

  test('goes on to what is due next, one at a time', async () => {
    const timers = virtualTimers(0)
    timers.after(5_000, () => {})
    timers.after(7_000, () => {})
    expect(await timers.step()).toBe(true)
    expect(timers.monotonicMs()).toBe(5_000)
    expect(await timers.step()).toBe(true)
    expect(await timers.step()).toBe(false)
    expect(timers.monotonicMs()).toBe(7_000)
  })

  test('a jump moves the time that stamps, and no wait', async () => {
    const timers = virtualTimers(NOON_MS)
    const called: number[] = []
    timers.after(1_000, () => called.push(timers.nowMs()))
    timers.jump(-3_600_000)
    expect(timers.nowMs()).toBe(NOON_MS - 3_600_000)
    await timers.advanceTo(NOON_MS + 1_000)
    expect(called).toEqual([NOON_MS + 1_000 - 3_600_000])
    expect(timers.monotonicMs()).toBe(1_000)
  })

  test('is waited for as it is told to settle', async () => {
    let settled = 0
    const timers = virtualTimers(0, async () => settled++)
    timers.after(1, () => {})
    timers.after(2, () => {})
    await timers.advanceTo(5)
    expect(settled).toBe(3)
  })
})

test('whatever is asked for and cancelled: each is called once, in order, never early, never after it was cancelled', async () => {
  const wish = fc.record({ ms: fc.nat(50), cancels: fc.option(fc.nat(30)) })
  await fc.assert(
    fc.asyncProperty(fc.array(wish, { maxLength: 60 }), async (wishes) => {
      const timers = virtualTimers(0)
      const called: [dueMs: number, index: number][] = []
      const cancels = wishes.map(({ ms }, index) =>
        timers.after(ms, () => called.push([timers.monotonicMs(), index])),
      )
      const cancelled = new Set(wishes.flatMap((one) => (one.cancels === null ? [] : [one.cancels])))
      for (const index of cancelled) cancels[index]?.()
      await timers.advanceTo(100)
      const expected = wishes
        .map(({ ms }, index): [number, number] => [ms, index])
        .filter(([, index]) => !cancelled.has(index))
        .sort(([a, i], [b, j]) => a - b || i - j)
      expect(called).toEqual(expected)
    }),
  )
})
