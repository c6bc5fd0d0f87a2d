import { describe, expect, test } from 'vitest'
import { VENUES } from '../../src/models/scalars.ts'
import { virtualTimers } from '../../src/models/virtual-timers.ts'
import { openSimulator } from '../../src/simulator/sim.ts'
import { BEGIN_MS, rig } from './tap.ts'

describe('a simulator', () => {
  test('of the same seed and rates has the same markets at the same time, whenever and wherever it was opened', async () => {
    const early = virtualTimers(BEGIN_MS - 3_600_000)
    const old = openSimulator({ seed: 9, timers: early })
    const line = old.connect('ws://here/okx/public/ws/v5/public')
    if (typeof line === 'string' || 'status' in line) throw new Error('refused')
    const session = line.open({ send() {}, ping() {}, pong() {}, close() {} })
    session.receive('{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}')
    await early.advanceTo(BEGIN_MS)
    const young = openSimulator({ seed: 9, timers: virtualTimers(BEGIN_MS) })
    for (const venue of VENUES) {
      for (const product of old.products(venue)) {
        expect(young.books(venue, product, 50)).toEqual(old.books(venue, product, 50))
      }
    }
    const tape = young.tape('okx', 'BTC-USDT', BEGIN_MS - 60_000, BEGIN_MS)
    expect(tape.length).toBeGreaterThan(100)
    expect(old.tape('okx', 'BTC-USDT', BEGIN_MS - 60_000, BEGIN_MS)).toEqual(tape)
  })

  test('of another seed has others', () => {
    const bookOf = (seed: number) => rig({ seed }).simulator.books('kucoin', 'ETH-USDT', 5)
    expect(bookOf(1)).not.toEqual(bookOf(2))
  })

  test('lists what each venue is known for, or what it is told to', () => {
    expect(rig().simulator.products('coinbase')).toContain('BTC-USD')
    expect(rig().simulator.products('deribit')).toContain('BTC-USD-PERP')
    const many = rig({ products: 2_000 }).simulator
    for (const venue of VENUES) expect(new Set(many.products(venue)).size).toBe(2_000)
    const one = rig({ products: { binance: ['币安人生-USDT'] } })
    expect(VENUES.flatMap((venue) => one.simulator.products(venue))).toEqual(['币安人生-USDT'])
  })

  test('speaks of products whose names are not Latin', async () => {
    const { timers, tap, get } = rig({ products: { binance: ['币安人生-USDT'] } })
    const line = tap(`binance/spot/stream?streams=${encodeURIComponent('币安人生usdt@depth@100ms')}`)
    await timers.advanceBy(100)
    expect(line.json()).toMatchObject([{ stream: '币安人生usdt@depth@100ms', data: { s: '币安人生USDT' } }])
    expect(get(`binance/spot/api/v3/depth?symbol=${encodeURIComponent('币安人生USDT')}`).status).toBe(200)
  })

  test('time of its markets goes on evenly when the clock beside it jumps', async () => {
    const { timers, simulator, tap } = rig()
    const line = tap('binance/spot/ws/btcusdt@depth@100ms')
    await timers.advanceBy(1_000)
    timers.jump(3_600_000)
    await timers.advanceBy(1_000)
    timers.jump(-7_200_000)
    await timers.advanceBy(1_000)
    expect(simulator.nowMs()).toBe(BEGIN_MS + 3_000)
    expect(line.texts).toHaveLength(30)
  })

  test('that stood still for long ends its connections rather than tell what nobody waits for', async () => {
    let nowMs = BEGIN_MS
    const due: (() => void)[] = []
    const timers = {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      after: (_: number, call: () => void) => stacked(due, call),
    }
    const simulator = openSimulator({ seed: 1, timers })
    const admission = simulator.connect('ws://here/binance/spot/ws/btcusdt@depth@100ms')
    if (typeof admission === 'string' || 'status' in admission) throw new Error('refused')
    const ends: number[] = []
    let frames = 0
    admission.open({ send: () => frames++, ping() {}, pong() {}, close: (code) => ends.push(code) })
    nowMs += 3_600_000
    due.at(-1)!()
    expect([frames, ends]).toEqual([0, [1012]])
    expect(simulator.books('binance', 'BTC-USDT', 1).timeMs).toBeGreaterThan(nowMs - 1_000)
  })

  test('leaves nothing behind when it is closed', async () => {
    const { timers, simulator, tap } = rig()
    const lines = [
      'coinbase/exchange',
      'coinbase/advanced',
      'binance/spot/ws',
      'okx/public/ws/v5/public',
      'deribit/main',
    ].map(tap)
    simulator.play([{ atMs: 60_000, venue: 'okx', fault: 'cut' }])
    await timers.advanceBy(1_000)
    simulator.close()
    await timers.advanceBy(1)
    expect(lines.map(({ end }) => end?.code)).toEqual(lines.map(() => 1001))
    expect(timers.waiting).toBe(0)
  })

  test.each([
    [{ products: 0 }, /products: 0/],
    [{ products: 1.5 }, /products: 1.5/],
    [{ rates: { stepsPerSecond: 0 } }, /stepsPerSecond: 0/],
    [{ rates: { stepsPerSecond: 1_000 } }, /stepsPerSecond: 1000/],
    [{ rates: { stepsPerSecond: 1, tradesPerSecond: 21 } }, /tradesPerSecond: 21/],
  ])('is not opened with %j', (options, message) => {
    expect(() => rig(options)).toThrow(message)
  })

  test('knows no address but its own', () => {
    const { simulator } = rig()
    for (const url of ['http://here/', 'http://here/nyse/spot/x', 'http://here/binance', 'not an address']) {
      expect(simulator.http('GET', url)).toMatchObject({ status: 404 })
      expect(simulator.connect(url)).toMatchObject({ status: 404 })
    }
  })
})

function stacked(due: (() => void)[], call: () => void): () => void {
  due.push(call)
  return () => {}
}
