import type { Draft, Publisher } from '../broker/publisher.ts'
import { EngineError } from '../models/engine-error.ts'
import type { FeedRecord, Mark } from '../models/feed-records.ts'
import type { SourceId, VenueId } from '../models/scalars.ts'
import { booksTopic } from '../models/topics.ts'
import {
  type HoleReason,
  type Instant,
  NEW_WATCH,
  nextWatch,
  type Watch,
  type WatchEvent,
  type WatchStep,
} from './watch.ts'

/** What became of records: durable, or dropped since there was no room for them (`spool-full`). */
export type Fate = 'placed' | 'dropped'

/**
 * One run's products on their topic: keeps each product's watch and publishes what it says, in the order of events. What
 * comes while something is being published waits and then goes together, so that every event finds the watch as it was
 * really told. Every method resolves when the fate of its records is known, and rejects as `publish` does otherwise.
 *
 * Of dropped records the watch tells as soon as there is room: before any mark, a hole from the last good answer placed.
 */
export type WatchedFeed = {
  /** A good answer, with the book it brought, if that was new. */
  good(product: string, at: Instant, book?: Draft): Promise<Fate>
  trouble(product: string, at: Instant, reason: HoleReason, also?: Draft): Promise<Fate>
  /** The product will not be asked for again. Where that cannot be placed it is said with the marks to come. */
  refused(product: string, at: Instant, reason: HoleReason): Promise<Fate>
  /** Opens what holes are due, then marks every partition this run feeds. `bye` at an orderly end. */
  mark(at: Instant, bye: boolean): Promise<Fate>
}

export type FeedAbout = {
  readonly venue: VenueId
  readonly source: SourceId
  readonly vouchMs: number
  /** Told of everything that was placed but marks. */
  readonly onRecord: (record: FeedRecord) => void
  /** Told of every publication: that it was placed, or why it was dropped. */
  readonly onFate: (dropped: EngineError | undefined) => void
}

type Happening = { readonly product: string; readonly event: WatchEvent; readonly also?: Draft | undefined }

/** What one call has to say: happenings, then, where it is a mark, the marks. */
type Saying = {
  readonly happenings: readonly Happening[]
  readonly mark: { readonly at: Instant; readonly bye: boolean } | undefined
  resolve(fate: Fate): void
  reject(error: unknown): void
}

/** Sayings put into words: nothing of it is true until it is placed. */
type Words = {
  readonly watches: ReadonlyMap<string, Watch>
  readonly records: readonly FeedRecord[]
  readonly drafts: readonly Draft[]
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
  /** Refusals that could not be placed. */
  const unsaid = new Map<string, WatchEvent>()
  let waiting: Saying[] = []
  let speaking = false

  function say(happenings: readonly Happening[], mark?: Saying['mark']): Promise<Fate> {
    return new Promise((resolve, reject) => {
      waiting.push({ happenings, mark, resolve, reject })
      if (!speaking) void speak()
    })
  }

  async function speak(): Promise<void> {
    speaking = true
    while (waiting.length > 0) {
      const sayings = waiting
      waiting = []
      try {
        const fate = await publish(sayings)
        for (const { resolve } of sayings) resolve(fate)
      } catch (error) {
        for (const { reject } of sayings) reject(error)
      }
    }
    speaking = false
  }

  async function publish(sayings: readonly Saying[]): Promise<Fate> {
    const words = inWords(sayings)
    const happenings = sayings.flatMap((saying) => saying.happenings)
    try {
      if (words.drafts.length > 0) await publisher.send(words.drafts)
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'spool-full') throw error
      happenings.forEach(drop)
      feed.onFate(error)
      return 'dropped'
    }
    for (const [product, watch] of words.watches) watches.set(product, watch)
    for (const { product } of happenings) unsaid.delete(product)
    words.records.forEach(feed.onRecord)
    if (words.drafts.length > 0) feed.onFate(undefined)
    return 'placed'
  }

  function inWords(sayings: readonly Saying[]): Words {
    const told = new Map<string, Watch>()
    const records: FeedRecord[] = []
    const drafts: Draft[] = []
    const watchOf = (product: string): Watch => told.get(product) ?? watches.get(product)!
    for (const { happenings, mark } of sayings) {
      for (const { product, event, also } of happenings) {
        const step = next(watchOf(product), product, event)
        told.set(product, step.watch)
        records.push(...step.records)
        drafts.push(...step.records.map((record) => draftOf(record, product)))
        if (also !== undefined) drafts.push(also)
      }
      if (mark !== undefined) drafts.push(...marks(mark.at.timeMs, mark.bye, watchOf))
    }
    return { watches: told, records, drafts }
  }

  function draftOf(record: FeedRecord, product: string): Draft {
    return { topic, key: product, value: JSON.stringify(record) }
  }

  function marks(upToMs: number, bye: boolean, watchOf: (product: string) => Watch): Draft[] {
    const fed = products.filter((product) => watchOf(product).phase !== 'waiting')
    const partitions = new Set(fed.map((product) => publisher.partitionOf(topic, product)))
    const mark: Mark = { type: 'mark', venue, source, run, upToMs, bye }
    return [...partitions].map((partition) => ({ topic, key: null, partition, value: JSON.stringify(mark) }))
  }

  /** Words alone can be said again, and what needed none has happened all the same; data that is gone is a hole. */
  function drop({ product, event, also }: Happening): void {
    const happened: WatchEvent = also === undefined ? event : { kind: 'dropped', at: event.at }
    const { watch, records } = next(watches.get(product)!, product, happened)
    if (records.length === 0) watches.set(product, watch)
    else if (event.kind === 'refused') unsaid.set(product, event)
  }

  function next(watch: Watch, product: string, event: WatchEvent): WatchStep {
    return nextWatch(watch, event, { venue, source, run, product, vouchMs })
  }

  return {
    good: (product, at, book) => say([{ product, event: { kind: 'good', at }, also: book }]),
    trouble: (product, at, reason, also) => say([{ product, event: { kind: 'trouble', at, reason }, also }]),
    refused: (product, at, reason) => say([{ product, event: { kind: 'refused', at, reason } }]),
    mark: (at, bye) =>
      say(
        products.map((product) => ({ product, event: unsaid.get(product) ?? { kind: 'tick', at } })),
        { at, bye },
      ),
  }
}
