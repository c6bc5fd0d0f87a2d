import { type VirtualTimers, virtualTimers } from '../../src/models/virtual-timers.ts'
import type { NoAnswer } from '../../src/simulator/exchange.ts'
import type { Session } from '../../src/simulator/line.ts'
import { openSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/sim.ts'
import type { Admission } from '../../src/simulator/sim-venue.ts'

export const BEGIN_MS = Date.UTC(2026, 10, 20, 12)

/** One connection, as bare as it can be: what was sent, in order, and how it ended. */
export type Tap = {
  readonly session: Session
  readonly texts: string[]
  readonly binary: Uint8Array[]
  readonly pings: number
  readonly end: { code: number; reason: string; atMs: number } | undefined
  /** All frames, read. */
  json(): Record<string, unknown>[]
  say(message: unknown): void
}

export type Rig = {
  readonly timers: VirtualTimers
  readonly simulator: Simulator
  tap(address: string): Tap
  /** The status a connection is refused with. */
  refused(address: string): number | NoAnswer | undefined
  get(address: string, method?: string): { readonly status: number; readonly body: never }
}

export function rig(options: Partial<SimulatorOptions> = {}): Rig {
  const timers = virtualTimers(BEGIN_MS)
  const simulator = openSimulator({ seed: 1, timers, ...options })
  return {
    timers,
    simulator,
    tap(address) {
      const admission = simulator.connect(`ws://here/${address}`)
      if (typeof admission === 'string' || 'status' in admission) throw new Error(JSON.stringify(admission))
      return tapOf(timers, admission)
    },
    refused(address) {
      const admission = simulator.connect(`ws://here/${address}`)
      return typeof admission === 'string' ? admission : 'status' in admission ? admission.status : undefined
    },
    get(address, method = 'GET') {
      const said = simulator.http(method, `http://here/${address}`)
      if (typeof said === 'string') throw new Error(said)
      return { status: said.status, body: JSON.parse(said.body) as never }
    },
  }
}

function tapOf(timers: VirtualTimers, admission: Admission): Tap {
  const texts: string[] = []
  const binary: Uint8Array[] = []
  const heard = { pings: 0, end: undefined as Tap['end'] }
  const session = admission.open({
    send: (frame, isBinary) => {
      if (isBinary) binary.push(frame)
      else texts.push(Buffer.from(frame).toString())
    },
    ping: () => {
      heard.pings++
    },
    pong() {},
    close: (code, reason) => {
      heard.end = { code, reason, atMs: timers.nowMs() }
      queueMicrotask(() => session.closed())
    },
  })
  return {
    session,
    texts,
    binary,
    get pings() {
      return heard.pings
    },
    get end() {
      return heard.end
    },
    json: () => texts.map((text) => JSON.parse(text) as Record<string, unknown>),
    say: (message) => session.receive(typeof message === 'string' ? message : JSON.stringify(message)),
  }
}
