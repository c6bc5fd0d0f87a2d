import { pino } from 'pino'
import type { Alert } from '../../src/alerts/alert.ts'
import type { OutgoingRecord } from '../../src/broker/broker.ts'
import { runStream, type StreamOutcome } from '../../src/ingest/stream.ts'
import { sourceOfUses, usesOf } from '../../src/ingest/streaming/wire-uses.ts'
import { venues } from '../../src/ingest/venues.ts'
import type { HoleClose, HoleOpen, Up } from '../../src/models/feed-records.ts'
import type { ProductBook } from '../../src/models/product-book.ts'
import type { Rejection } from '../../src/models/rejection.ts'
import type { VenueId } from '../../src/models/scalars.ts'
import type { Ticker } from '../../src/models/ticker.ts'
import { FEED_KINDS, type FeedKind, feedTopic } from '../../src/models/topics.ts'
import type { Trade } from '../../src/models/trade.ts'
import { type VirtualTimers, virtualTimers } from '../../src/models/virtual-timers.ts'
import { openSimulator, type Simulator } from '../../src/simulator/sim.ts'
import { simTransport } from '../../src/simulator/sim-transport.ts'

/** Real streams of simulated venues on a made clock, publishing into a list: what would lie on the topics. */

export const NOON_MS = Date.UTC(2026, 10, 20, 12)

export type Published = {
  readonly atMs: number
  readonly topic: string
  readonly key: string | null
  readonly value: string
}

export type StreamRig = {
  readonly timers: VirtualTimers
  readonly simulator: Simulator
  readonly published: Published[]
  readonly alerts: Alert[]
  /** Records of one product on one topic, decoded, marks left out. */
  records(venue: VenueId, kind: FeedKind, product: string): FeedNews[]
  holes(venue: VenueId, kind: FeedKind, product: string): Hole[]
  /** The same venues again, on a clock of their own that stands at noon. */
  twin(): { readonly timers: VirtualTimers; readonly simulator: Simulator }
  stop(): Promise<Record<string, StreamOutcome>>
}

export type FeedNews = ProductBook | Trade | Ticker | HoleOpen | HoleClose | Up | Rejection
export type Hole = {
  readonly id: string
  readonly fromMs: number
  readonly toMs: number | undefined
  readonly backfilled: boolean
  readonly causes: readonly string[]
  readonly noticedAtMs: number
}

export type RigOptions = {
  readonly seed: number
  readonly products: Partial<Record<VenueId, readonly string[]>>
  readonly kinds?: readonly FeedKind[]
  readonly coinbaseBooks?: 'level2_batch' | 'advanced'
  readonly bookIntervalMs?: number
  readonly rates?: { readonly stepsPerSecond: number; readonly tradesPerSecond: number }
}

export function openStreamRig(options: RigOptions): StreamRig {
  const { seed, products } = options
  const timers = virtualTimers(NOON_MS)
  const rates = options.rates ?? { stepsPerSecond: 5, tradesPerSecond: 1 }
  const simulator = openSimulator({ seed, timers, products, rates })
  const transport = simTransport(simulator, timers)
  const published: Published[] = []
  const alerts: Alert[] = []
  const stopping = new AbortController()
  const broker = {
    publish: async (records: readonly OutgoingRecord[]) => {
      const atMs = timers.nowMs()
      for (const { topic, key, value } of records) published.push({ atMs, topic, key, value })
    },
    topics: async () =>
      FEED_KINDS.flatMap((kind) =>
        Object.keys(venues).map((venue) => ({ topic: feedTopic(kind, venue as VenueId), partitions: 1 })),
      ),
  }
  const random = seeded(seed)
  const streams = Object.entries(products).map(([id, patterns]) => {
    const venue = venues[id as VenueId]
    const uses = usesOf(venue, {
      kinds: options.kinds ?? FEED_KINDS,
      coinbaseBooks: options.coinbaseBooks ?? 'level2_batch',
      simulatorUrl: 'http://simulator',
    })
    return runStream({
      broker,
      run: `run-${id}`,
      venue,
      source: sourceOfUses(venue, uses),
      uses,
      patterns,
      levelsMax: 20,
      bookIntervalMs: options.bookIntervalMs ?? 100,
      lingerMs: 20,
      markMs: 1_000,
      requestMs: 10_000,
      bodyBytesMax: 16 * 1024 * 1024,
      transport,
      timers,
      random,
      stop: stopping.signal,
      log: pino({ level: process.env['RIG_LOG'] ?? 'silent' }),
      tell: async (alert) => {
        alerts.push(alert)
      },
    }).then((outcome) => [id, outcome] as const)
  })

  function records(venue: VenueId, kind: FeedKind, product: string): FeedNews[] {
    const topic = feedTopic(kind, venue)
    return published
      .filter((record) => record.topic === topic && record.key === product)
      .map(({ value }) => JSON.parse(value) as FeedNews)
  }

  return {
    timers,
    simulator,
    published,
    alerts,
    records,
    holes(venue, kind, product) {
      const topic = feedTopic(kind, venue)
      const holes = new Map<string, Hole>()
      for (const { topic: on, key, value, atMs } of published) {
        if (on !== topic || key !== product || !value.startsWith('{"type":"hole')) continue
        const record = JSON.parse(value) as HoleOpen | HoleClose
        if (record.type === 'hole-open') {
          const { id, fromMs, reason } = record
          holes.set(id, {
            id,
            fromMs,
            toMs: undefined,
            backfilled: false,
            causes: [reason],
            noticedAtMs: atMs,
          })
        } else {
          const { id, toMs, backfilled, causes = [] } = record
          holes.set(id, { ...holes.get(id)!, toMs, backfilled, causes })
        }
      }
      return [...holes.values()]
    },
    twin() {
      const own = virtualTimers(NOON_MS)
      return { timers: own, simulator: openSimulator({ seed, timers: own, products, rates }) }
    },
    async stop() {
      stopping.abort()
      const ended = Promise.all(streams)
      await timers.advanceBy(20_000)
      const outcomes = Object.fromEntries(await ended)
      simulator.close()
      return outcomes
    },
  }
}

/** Mulberry32: numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
