import { onTestFinished } from 'vitest'
import type { Broker, OutgoingRecord } from '../../src/broker/broker.ts'
import { type Draft, openPublisher, type Publishing } from '../../src/broker/publisher.ts'
import {
  openSpoolingBroker,
  type SpoolingBroker,
  type SpoolingOptions,
} from '../../src/broker/spooling-broker.ts'
import type { SqliteBroker } from '../../src/broker/sqlite-broker.ts'
import { EngineError } from '../../src/models/engine-error.ts'
import type { FeedRecord } from '../../src/models/feed-records.ts'
import { DAY_MS } from '../../src/models/time.ts'
import { REJECTIONS_TOPIC } from '../../src/models/topics.ts'
import { recordingLog } from '../alerts/recording-log.ts'
import { bookText } from '../processors/running/played-log.ts'
import { BOOKS, openLog, START_MS } from '../processors/running/rig.ts'

/** A far side that misbehaves on request, a spool in front of it, and a producer that has something to say. */

export { BOOKS }

/**
 * there: it does what a broker does. away: nobody answers. torn: it writes, and then the connection breaks. hanging: no
 * answer ever, nothing written. late: it writes at once and acknowledges on `release`.
 */
export type FarMode = 'there' | 'away' | 'torn' | 'hanging' | 'late'

export type FarSide = {
  /** What really lies there. */
  readonly log: SqliteBroker
  mode: FarMode
  /** How long each answer takes. */
  answerMs: number
  /** Records it will not have. */
  refuses: (record: OutgoingRecord) => boolean
  readonly connect: () => Promise<Broker>
  /** Acknowledges what was late. */
  release(): void
  /** How often it was asked to take records. */
  calls: number
}

export async function openFar(partitions = 2): Promise<FarSide> {
  const log = await openLog({ partitions })
  onTestFinished(() => log.close())
  const held: (() => void)[] = []
  const unreachable = () => new EngineError('broker-unreachable', 'nobody answers', { retry: 'yes' })

  async function publish(records: readonly OutgoingRecord[]): Promise<void> {
    far.calls++
    const { mode } = far
    if (mode === 'away') throw unreachable()
    if (mode === 'hanging') return new Promise(() => {})
    if (records.some(far.refuses)) throw new EngineError('broker-refused', 'a record is too large')
    if (far.answerMs > 0) await new Promise((resolve) => setTimeout(resolve, far.answerMs))
    await log.publish(records)
    if (mode === 'torn') throw unreachable()
    if (mode === 'late') await new Promise<void>((resolve) => held.push(resolve))
  }

  const far: FarSide = {
    log,
    mode: 'there',
    answerMs: 0,
    refuses: () => false,
    calls: 0,
    connect: async () => {
      if (far.mode === 'away') throw unreachable()
      return { ...log, publish, close: async () => {} }
    },
    release: () => {
      for (const resolve of held.splice(0)) resolve()
    },
  }
  return far
}

/** Waits made short; everything else as in earnest. */
const LIMITS = {
  startMs: 40,
  patienceMs: 40,
  farMsMax: 120,
  retryMs: 2,
  retryMsMax: 10,
  disconnectMsMax: 50,
  closeMs: 200,
}

export type SpoolingRig = {
  readonly broker: SpoolingBroker
  readonly entries: () => Record<string, unknown>[]
  /** Whether anything was said that contains it, and how often. */
  readonly said: (text: string) => number
  /** Resolves when the far side has everything. */
  drained(): Promise<void>
}

export async function openSpooling(
  far: Pick<FarSide, 'connect'>,
  dir: string,
  { limits, ...about }: Partial<SpoolingOptions> & { partitions?: number } = {},
): Promise<SpoolingRig> {
  const { log, entries } = recordingLog()
  const { partitions = 2, ...overrides } = about
  const broker = await openSpoolingBroker({
    connect: far.connect,
    dir,
    bytesMax: 1e9,
    topics: [BOOKS, REJECTIONS_TOPIC].map((topic) => ({
      topic,
      partitions: topic === BOOKS ? partitions : 1,
      retentionMs: DAY_MS,
      retentionBytes: 1e9,
    })),
    nowMs: () => START_MS,
    monotonicMs: () => performance.now(),
    random: () => 0.5,
    log,
    ...overrides,
    limits: { ...LIMITS, ...limits },
  })
  onTestFinished(() => broker.close())
  return {
    broker,
    entries,
    said: (text) => entries().filter(({ msg }) => String(msg).includes(text)).length,
    drained: async () => {
      while (broker.status().isSpooling) await new Promise((resolve) => setTimeout(resolve, 2))
    },
  }
}

const PRODUCTS = ['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD']

/** What a run says second by second: ups, then four books a second, and a mark of every partition it feeds. */
export function secondOf(
  second: number,
  run: string,
  partitionOf: (topic: string, key: string) => number,
): Draft[] {
  const atMs = START_MS + second * 1_000
  const about = { venue: 'coinbase', source: 'coinbase', run } as const
  const record = (value: FeedRecord, product: string): Draft => ({
    topic: BOOKS,
    key: product,
    value: JSON.stringify(value),
  })
  const ups = PRODUCTS.map((product) => record({ type: 'up', ...about, product, atMs }, product))
  const books = PRODUCTS.map((product, i) => {
    const bid = 100 * (i + 1) + ((second * 7 + i * 3) % 11)
    return {
      topic: BOOKS,
      key: product,
      value: bookText({ atMs, product, bid: `${bid}`, ask: `${bid + 1 + (second % 3)}` }),
    }
  })
  const partitions = new Set(PRODUCTS.map((product) => partitionOf(BOOKS, product)))
  const value = JSON.stringify({ type: 'mark', ...about, upToMs: atMs, bye: false })
  const marks = [...partitions].map((partition) => ({ topic: BOOKS, key: null, partition, value }))
  return [...(second === 0 ? ups : []), ...books, ...marks]
}

/** A producer that says a second at a time. */
export async function openProducer(
  broker: Publishing,
  run = 'r1',
): Promise<{ say(from: number, to: number): Promise<void> }> {
  const publisher = await openPublisher(broker, run)
  return {
    say: async (from, to) => {
      for (let second = from; second < to; second++) {
        await publisher.send(secondOf(second, run, publisher.partitionOf))
      }
    },
  }
}
