import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Rate } from '../../src/ingest/wire/token-bucket.ts'
import { share } from '../../src/simulator/random.ts'
import { type Rig, connectionRig as rig } from './connection-rig.ts'
import type { PlainPeer } from './plain-peer.ts'

/** Whole connections on made time, against a peer that misbehaves as chance will have it. */

const CONNECTS: Rate = { perSecond: 0.5, burst: 10 }
const MESSAGES: Rate = { perSecond: 5, burst: 10 }
const CHANNELS = Array.from({ length: 12 }, (_, i) => `${['books', 'trades', 'tickers'][i % 3]}:P${i}`)

const FAULTS: Record<string, (peer: PlainPeer, rig: Rig) => void> = {
  well: (peer) => beWell(peer),
  away,
  unavailable,
  cut: (peer) => peer.breakOff(),
  mute: (peer) => {
    peer.mode = 'mute'
  },
  'answers 429': (peer) =>
    Object.assign(peer, { mode: 'refusing', refusal: { status: 429, retryAfterMs: 3_000 } }),
  'no acks': (peer) => {
    peer.answers = () => []
  },
  'refuses all': (peer) => {
    peer.answers = (text) => (text.startsWith('sub') ? ['no'] : undefined)
  },
  'no pongs': (peer) => {
    peer.pongs = false
  },
  closing: (peer) => peer.say('closing'),
  gap: (peer) => peer.say(`n 1\nn ${peer.connectsMs.length + 3}`),
  garbage: (peer) => peer.say('\u0000 what\nfall over\nbook P0'),
  'too long': (peer) => peer.say('x'.repeat(2_000)),
  'asks for much': (peer) => peer.say(Array(50).fill('please ping 9').join('\n')),
  'begins anew': (_, { connections }) => {
    for (const connection of connections) connection.resubscribe(connection.subscriptions)
  },
  'clock back': (_, { timers }) => timers.jump(-3_600_000),
  'clock forth': (_, { timers }) => timers.jump(3_600_000),
}

const story = fc.array(
  fc.record({ fault: fc.constantFrom(...Object.keys(FAULTS)), waitMs: fc.nat(20_000) }),
  { minLength: 1, maxLength: 40 },
)

test('whatever a peer does, budgets are kept, and once it is well again every connection is live', async () => {
  await fc.assert(
    fc.asyncProperty(story, fc.nat(), async (faults, seed) => {
      const it = openSwarm(seed)
      let ms = 0
      for (const { fault, waitMs } of faults) {
        ms += waitMs
        await it.until(ms)
        FAULTS[fault]!(it.peer, it)
      }
      beWell(it.peer)
      // An answer that was lost is missed after 10 s, a peer that has gone mute after 30; then it connects.
      await it.until(ms + 60_000)
      expect(it.connections.map(({ state }) => state)).toEqual(it.connections.map(() => 'live'))
      expect(excess(it.peer.connectsMs, CONNECTS)).toBe(0)
      for (const messagesMs of it.peer.messagesMs) expect(excess(messagesMs, MESSAGES)).toBe(0)
      const closed = Promise.all(it.connections.map((connection) => connection.close()))
      await it.until(ms + 61_000)
      await closed
      expect([it.timers.waiting, it.peer.openCount]).toEqual([0, 0])
    }),
    { numRuns: 150 },
  )
})

describe('a venue that comes back', () => {
  const ways: [string, (peer: PlainPeer) => void][] = [
    ['was away', away],
    ['cut everybody off and answered 503', unavailable],
  ]
  test.each(ways)('and %s has 95 of 100 connections within 5 s', async (_, fault) => {
    const waits: number[] = []
    for (let seed = 0; seed < 60; seed++) {
      const it = openSwarm(seed)
      await it.until(30_000)
      fault(it.peer)
      const backMs = 30_000 + Math.floor(share(seed, 7) * 600_000)
      await it.until(backMs)
      beWell(it.peer)
      await it.until(backMs + 30_000)
      waits.push(...liveMs(it.told).map((ms) => ms - backMs))
    }
    waits.sort((a, b) => a - b)
    expect(waits.length).toBeGreaterThanOrEqual(60 * 3)
    expect(waits[Math.floor(waits.length * 0.95)]).toBeLessThanOrEqual(5_000)
  })
})

function away(peer: PlainPeer): void {
  peer.mode = 'away'
  peer.breakOff()
}

function unavailable(peer: PlainPeer): void {
  Object.assign(peer, { mode: 'refusing', refusal: { status: 503 } })
  peer.breakOff()
}

function beWell(peer: PlainPeer): void {
  Object.assign(peer, { mode: 'well', answers: () => undefined, pongs: true })
}

function openSwarm(seed: number): Rig {
  let drawn = 0
  return rig({
    channels: CHANNELS,
    limits: { connects: CONNECTS, messages: MESSAGES },
    random: () => share(seed, drawn++),
  })
}

/** By how much the busiest stretch of time went over the rate. */
function excess(momentsMs: readonly number[], { perSecond, burst }: Rate): number {
  let most = 0
  for (let from = 0; from < momentsMs.length; from++) {
    for (let to = from; to < momentsMs.length; to++) {
      const allowed = burst + (perSecond * (momentsMs[to]! - momentsMs[from]!)) / 1_000
      most = Math.max(most, to - from + 1 - Math.floor(allowed + 1e-6))
    }
  }
  return most
}

/** Moments at which a subscription was live for the last time. */
function liveMs(told: readonly string[]): number[] {
  const last = new Map<string, number>()
  for (const line of told) {
    const [ms, what, names] = line.split(' ')
    if (what === 'live') last.set(names!, Number(ms))
  }
  return [...last.values()]
}
