import { describe, expect, test } from 'vitest'
import { type Lane, openLane } from '../../../src/ingest/wire/budget.ts'
import { virtualTimers } from '../../../src/models/virtual-timers.ts'

describe('a lane', () => {
  test('lets a burst go at once and then one at a time, in the order of asking', async () => {
    const { lane, went, until } = rig({ perSecond: 2, burst: 3 })
    for (const name of ['a', 'b', 'c', 'd', 'e']) ask(lane, name, went)
    expect(went()).toEqual(['0 a', '0 b', '0 c'])
    expect(await until(2_000)).toEqual(['0 a', '0 b', '0 c', '500 d', '1000 e'])
  })

  test('lets what is urgent go before what is not', async () => {
    const { lane, went, until } = rig({ perSecond: 1, burst: 1 })
    for (const name of ['a', 'b', 'c']) ask(lane, name, went)
    for (const name of ['x', 'y']) ask(lane, name, went, { urgent: true })
    expect(await until(9_000)).toEqual(['0 a', '1000 x', '2000 y', '3000 b', '4000 c'])
  })

  test('counts weights; what is heavier than a burst waits for a full one and leaves a debt', async () => {
    const { lane, went, until } = rig({ perSecond: 10, burst: 50 })
    ask(lane, '20', went, {}, 20)
    ask(lane, '100', went, {}, 100)
    ask(lane, '10', went, {}, 10)
    expect(await until(20_000)).toEqual(['0 20', '2000 100', '8000 10'])
  })

  test('lets nobody go while it is paused', async () => {
    const { lane, went, until } = rig({ perSecond: 10, burst: 10 })
    lane.pause(3_000)
    lane.pause(1_000)
    ask(lane, 'a', went)
    expect(await until(10_000)).toEqual(['3000 a'])
  })

  test('a place that is given up is the next one’s', async () => {
    const { lane, went, until, timers } = rig({ perSecond: 1, burst: 1 })
    ask(lane, 'a', went)
    const leave = ask(lane, 'b', went)
    ask(lane, 'c', went)
    leave()
    leave()
    expect(await until(9_000)).toEqual(['0 a', '1000 c'])
    ask(lane, 'd', went)
    ask(lane, 'e', went)
    lane.clear()
    expect(timers.waiting).toBe(0)
  })

  test('has no more under way than it may', async () => {
    const { lane, went } = rig({ perSecond: 10, burst: 10 }, 2)
    const ends: (() => void)[] = []
    for (const name of ['a', 'b', 'c']) {
      lane.turn(1, (done) => {
        ends.push(done)
        went(name)
      })
    }
    expect(went()).toEqual(['0 a', '0 b'])
    ends[0]!()
    ends[0]!()
    expect(went()).toEqual(['0 a', '0 b', '0 c'])
  })

  test('that is held is its holder’s alone', async () => {
    const { lane, went, until } = rig({ perSecond: 10, burst: 10 })
    const holder = {}
    lane.holdFor(holder)
    ask(lane, 'a', went)
    ask(lane, 'b', went, { holder })
    expect(await until(1_000)).toEqual(['0 b'])
    lane.holdFor(undefined)
    expect(await until(2_000)).toEqual(['0 b', '1000 a'])
  })
})

/** `went(name)` notes who went and when; `went()` answers all of them. */
function rig(rate: { perSecond: number; burst: number }, atOnceMax?: number) {
  const timers = virtualTimers(0)
  const lines: string[] = []
  const went = (name?: string): string[] => {
    if (name !== undefined) lines.push(`${timers.monotonicMs()} ${name}`)
    return lines
  }
  const until = async (ms: number) => {
    await timers.advanceTo(ms)
    return lines
  }
  return { lane: openLane(rate, timers, atOnceMax), went, until, timers }
}

function ask(lane: Lane, name: string, went: (name: string) => string[], about = {}, weight = 1): () => void {
  return lane.turn(weight, () => void went(name), about)
}
