import { setTimeout as delay } from 'node:timers/promises'
import type { OutgoingRecord } from '../../src/broker/broker.ts'
import { encodeBook, encodeLevels } from '../../src/models/product-book.ts'
import { type Cluster, until } from './cluster.ts'
import { BOOKS } from './kafka-log.ts'

/** Books that are published as fast as they are acknowledged, each batch again and again until it is. */
export type Load = {
  readonly run: string
  /** Waits until so many more batches were acknowledged. */
  untilMore(batches: number, withinMs: number): Promise<void>
  /** Answers the last n that was acknowledged in each partition. */
  stop(): Promise<ReadonlyMap<number, number>>
}

const BOOKS_A_BATCH = 10
const PAUSE_MS = 20
const STARTS_AT_MS = Date.UTC(2026, 10, 20, 12)

export async function openLoad(cluster: Cluster): Promise<Load> {
  const run = 'load-1'
  const broker = await cluster.openBroker()
  const { partitions } = (await broker.topics()).find(({ topic }) => topic === BOOKS)!
  const acknowledged = new Map<number, number>()
  let batches = 0
  let isOver = false

  function batchAfter(last: number): OutgoingRecord[] {
    return Array.from({ length: partitions * BOOKS_A_BATCH }, (_, i) => {
      const n = last + 1 + Math.floor(i / partitions)
      const partition = i % partitions
      const product = `P${partition}-USD`
      return { topic: BOOKS, partition, key: product, run, n, value: bookOf(product, n) }
    })
  }

  async function publishOn(): Promise<void> {
    for (let last = 0; !isOver; last += BOOKS_A_BATCH) {
      while (!(await isPublished(batchAfter(last)))) await delay(PAUSE_MS)
      for (let partition = 0; partition < partitions; partition++) {
        acknowledged.set(partition, last + BOOKS_A_BATCH)
      }
      batches++
      await delay(PAUSE_MS)
    }
  }

  /** What was not acknowledged may lie there all the same: its run and n make it count once. */
  async function isPublished(batch: readonly OutgoingRecord[]): Promise<boolean> {
    return broker.publish(batch).then(
      () => true,
      () => false,
    )
  }

  const publishing = publishOn()
  return {
    run,
    untilMore(more, withinMs) {
      const goal = batches + more
      return until(`${more} more batches are acknowledged`, withinMs, async () => batches >= goal)
    },
    async stop() {
      isOver = true
      await publishing
      await broker.close()
      return acknowledged
    },
  }
}

function bookOf(product: string, sequence: number): string {
  const timeMs = STARTS_AT_MS + sequence * 100
  const bid = 100 + (sequence % 50) / 100
  return encodeBook({
    type: 'book',
    venue: 'coinbase',
    source: 'simulator',
    product,
    sequence,
    exchangeTimeMs: timeMs,
    receivedAtMs: timeMs,
    state: 'ok',
    bids: encodeLevels([[bid.toFixed(2), '1.5', 2]]),
    asks: encodeLevels([[(bid + 0.5).toFixed(2), '0.25', 1]]),
    bidLevels: 1,
    askLevels: 1,
    since: null,
  })
}
