import type { Draft, Publisher } from '../broker/publisher.ts'
import type { FeedRecord, Mark } from '../models/feed-records.ts'
import type { SourceId, VenueId } from '../models/scalars.ts'
import { booksTopic } from '../models/topics.ts'
import { type HoleReason, type Instant, NEW_WATCH, nextWatch, type Watch, type WatchEvent } from './watch.ts'

/**
 * One run's products on their topic: keeps each product's watch and publishes what it says, in the order of events.
 * Every method resolves when its records are durable, and rejects as `publish` does.
 */
export type WatchedFeed = {
  /** A good answer, with the book it brought, if that was new. */
  good(product: string, at: Instant, book?: Draft): Promise<void>
  trouble(product: string, at: Instant, reason: HoleReason, also?: Draft): Promise<void>
  /** The product will not be asked for again. */
  refused(product: string, at: Instant, reason: HoleReason): Promise<void>
  /** Opens what holes are due, then marks every partition this run feeds. `bye` at an orderly end. */
  mark(at: Instant, bye: boolean): Promise<void>
}

export type FeedAbout = {
  readonly venue: VenueId
  readonly source: SourceId
  readonly vouchMs: number
  /** Told of everything but marks. */
  readonly onRecord: (record: FeedRecord) => void
}

export function openWatchedFeed(
  publisher: Publisher,
  products: readonly string[],
  feed: FeedAbout,
): WatchedFeed {
  const { venue, source, vouchMs } = feed
  const { run } = publisher
  const topic = booksTopic(venue)
  const watches = new Map<string, Watch>(products.map((product) => [product, NEW_WATCH]))

  function happens(product: string, event: WatchEvent): Draft[] {
    const about = { venue, source, run, product, vouchMs }
    const { watch, records } = nextWatch(watches.get(product)!, event, about)
    watches.set(product, watch)
    records.forEach(feed.onRecord)
    return records.map((record) => ({ topic, key: product, value: JSON.stringify(record) }))
  }

  async function send(drafts: readonly Draft[]): Promise<void> {
    if (drafts.length > 0) await publisher.send(drafts)
  }

  function marks(upToMs: number, bye: boolean): Draft[] {
    const fed = products.filter((product) => watches.get(product)!.phase !== 'waiting')
    const partitions = new Set(fed.map((product) => publisher.partitionOf(topic, product)))
    const mark: Mark = { type: 'mark', venue, source, run, upToMs, bye }
    return [...partitions].map((partition) => ({ topic, key: null, partition, value: JSON.stringify(mark) }))
  }

  return {
    good: (product, at, book) =>
      send([...happens(product, { kind: 'good', at }), ...(book === undefined ? [] : [book])]),
    trouble: (product, at, reason, also) =>
      send([...happens(product, { kind: 'trouble', at, reason }), ...(also === undefined ? [] : [also])]),
    refused: (product, at, reason) => send(happens(product, { kind: 'refused', at, reason })),
    mark: (at, bye) =>
      send([
        ...products.flatMap((product) => happens(product, { kind: 'tick', at })),
        ...marks(at.timeMs, bye),
      ]),
  }
}
