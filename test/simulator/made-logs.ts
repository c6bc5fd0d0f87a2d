import { type Broker, type LogRecord, tpName } from '../../src/broker/broker.ts'
import { MEMORY } from '../../src/broker/sqlite/log-file.ts'
import { openSqliteBroker } from '../../src/broker/sqlite-broker.ts'
import { coinbase } from '../../src/ingest/coinbase.ts'
import { rejectionDraft } from '../../src/ingest/rejecting.ts'
import { EngineError } from '../../src/models/engine-error.ts'
import type { FeedRecord } from '../../src/models/feed-records.ts'
import type { ProductBook } from '../../src/models/product-book.ts'
import type { Rejection } from '../../src/models/rejection.ts'
import type { Market } from '../../src/simulator/made-market.ts'
import { type MockMarket, type MockProgress, runMockMarket } from '../../src/simulator/mock-market.ts'

export const MARKET: Market = {
  seed: 1,
  products: ['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD'],
  intervalMs: 5_000,
  levels: 5,
  faultShare: 0,
  crossedShare: 0,
}

/** A real log, in memory, with the topics a generator writes. */
export async function openLog({ partitions = 1 } = {}): Promise<Broker> {
  const broker = await openSqliteBroker({ dir: MEMORY, nowMs: () => 0, random: () => 0.5 })
  const kept = { retentionMs: Number.MAX_SAFE_INTEGER, retentionBytes: Number.MAX_SAFE_INTEGER }
  await broker.ensureTopics([
    { topic: 'books.coinbase', partitions, ...kept },
    { topic: 'rejections', partitions: 1, ...kept },
  ])
  return broker
}

/** The generator on a clock of its own: it stands at `nowMs` and jumps to whatever is waited for. */
export function generate(
  broker: Broker,
  about: Pick<MockMarket, 'wish'> & { market?: Partial<Market>; nowMs: number; stopAtMs?: number },
): Promise<MockProgress> {
  const stop = new AbortController()
  let clockMs = about.nowMs
  return runMockMarket({
    broker,
    venue: coinbase,
    reject: rejectionDraft,
    market: { ...MARKET, ...about.market },
    wish: about.wish,
    bookLevels: 20,
    nowMs: () => clockMs,
    async waitUntil(timeMs) {
      clockMs = Math.max(clockMs, Math.min(timeMs, about.stopAtMs ?? timeMs))
      if (clockMs >= (about.stopAtMs ?? Number.POSITIVE_INFINITY)) stop.abort()
    },
    stop: stop.signal,
  })
}

/**
 * The same log, whose owner is killed after so many publishes: what was acknowledged stays. Where the log is one that does
 * not write a publish whole or not at all, so many records of the next lie there too.
 */
export function killedAfter(broker: Broker, publishes: number, tornRecords = 0): Broker {
  let left = publishes
  return {
    ...broker,
    async publish(records) {
      if (left-- > 0) return broker.publish(records)
      await broker.publish(records.slice(0, tornRecords))
      throw new EngineError('closed', 'killed')
    },
  }
}

export type Kept = Pick<LogRecord, 'key' | 'run' | 'n' | 'value'>

/** Every record of every topic, without what the clock on the wall put in. */
export async function everythingIn(broker: Broker): Promise<Record<string, Kept[]>> {
  const all: Record<string, Kept[]> = {}
  for (const { topic, partitionInfos } of await broker.topics()) {
    for (const { partition, endOffset } of partitionInfos) {
      const records: Kept[] = []
      while (records.length < endOffset) {
        for (const { key, run, n, value } of await broker.read(
          { topic, partition },
          records.length,
          10_000,
        )) {
          records.push({ key, run, n, value })
        }
      }
      all[tpName({ topic, partition })] = records
    }
  }
  return all
}

type Spoken = ProductBook | FeedRecord | Rejection

/** What was said in a partition, in order, as values. */
export async function valuesIn(broker: Broker, tp = 'books.coinbase/0'): Promise<Spoken[]> {
  const records = (await everythingIn(broker))[tp] ?? []
  return records.map(({ value }) => JSON.parse(value ?? 'null') as Spoken)
}

export function booksAmong(values: readonly Spoken[], product?: string): ProductBook[] {
  return values.filter(
    (value): value is ProductBook => value.type === 'book' && (product ?? value.product) === value.product,
  )
}
