import { pino } from 'pino'
import { type Connection, openConnection } from '../../src/ingest/socket.ts'
import type { Transport } from '../../src/ingest/transport.ts'
import type { Subscription, Wire } from '../../src/ingest/venue.ts'
import { splitSubscriptions } from '../../src/ingest/wire/asking.ts'
import { openBudget } from '../../src/ingest/wire/budget.ts'
import { type VirtualTimers, virtualTimers } from '../../src/models/virtual-timers.ts'
import { type PlainPeer, plainPeer } from './plain-peer.ts'
import { plainChannel, plainLevels, plainSubscriptions, plainWire } from './plain-wire.ts'

export const NOON_MS = Date.UTC(2026, 10, 20, 12)

export type Rig = {
  readonly timers: VirtualTimers
  readonly peer: PlainPeer
  readonly connections: readonly Connection[]
  /** The first of them. */
  readonly connection: Connection
  /** What was called back, with the milliseconds since noon: `20 live books:BTC`. Frames are not among it. */
  readonly told: readonly string[]
  readonly frames: readonly string[]
  /** Made time goes on so far; answers what was called back since this was asked last. */
  until(ms: number): Promise<string[]>
}

export type RigAbout = {
  readonly wire?: Partial<Wire>
  readonly limits?: Partial<Wire['limits']>
  readonly channels?: readonly string[]
  readonly random?: () => number
  /** The clock, where it is not one of its own. */
  readonly timers?: VirtualTimers
  /** What stands between the connections and the peer. */
  readonly through?: (peer: Transport) => Transport
  /** How the peer is from the beginning. */
  readonly peer?: Partial<Pick<PlainPeer, 'mode' | 'refusal' | 'answers' | 'bodies' | 'deadEnd'>>
}

/** Connections to a peer, all on made time, as many as the wire needs for the channels. They open at noon. */
export function connectionRig(about: RigAbout = {}): Rig {
  const { channels = ['books:BTC'], random = () => 0 } = about
  const { timers = virtualTimers(NOON_MS), through = (transport: Transport) => transport } = about
  const peer = plainPeer(timers)
  Object.assign(peer, about.peer)
  const wire = plainWire(about.wire, about.limits)
  const told: string[] = []
  let seen = 0
  const frames: string[] = []
  const tell = (text: string) => told.push(`${timers.monotonicMs()} ${text}`)
  const transport = through(peer)
  const budget = openBudget(wire.limits, timers)
  const connections = splitSubscriptions(wire, plainSubscriptions(...channels)).map((subscriptions) =>
    openConnection({
      wire,
      subscriptions,
      restUrl: wire.restUrl,
      socketUrl: wire.socketUrl,
      transport,
      timers,
      random,
      budget,
      levels: plainLevels,
      log: pino({ level: 'silent' }),
      onFrame: (events, frame, receivedAtMs) =>
        frames.push(
          `${receivedAtMs - NOON_MS} ${new TextDecoder().decode(frame)} (${events.map(({ type }) => type)})`,
        ),
      onLive: (subscriptions) => tell(`live ${named(subscriptions)}`),
      onLost: ({ reason, message, lastFrameAtMs }) => {
        const good = lastFrameAtMs === undefined ? '' : `, good at ${lastFrameAtMs - NOON_MS}`
        tell(`lost: ${reason}: ${message}${good}`)
      },
      onRefused: (subscription, message) => tell(`refused ${plainChannel(subscription)}: ${message}`),
      onIdle: (subscription) => tell(`idle ${plainChannel(subscription)}`),
      tell: ({ kind, failures, message }) => tell(`${kind} (${failures}): ${message}`),
    }),
  )
  return {
    timers,
    peer,
    connections,
    connection: connections[0]!,
    told,
    frames,
    async until(ms) {
      await timers.advanceTo(NOON_MS + ms)
      const from = seen
      seen = told.length
      return told.slice(from)
    },
  }
}

function named(subscriptions: readonly Subscription[]): string {
  return subscriptions.map(({ kind, symbol }) => `${kind}:${symbol}`).join(',')
}
