import type { z } from 'zod'
import { FeedRecord } from './feed-records.ts'
import { InsightResult } from './insight.ts'
import { ProductBook } from './product-book.ts'
import { RejectionRecord } from './rejection.ts'
import { VENUES, type VenueId } from './scalars.ts'
import { Ticker } from './ticker.ts'
import { Trade } from './trade.ts'

/**
 * The table of contents of everything that is ever written down. A topic's name is `<kind>.<venue>` where each venue has
 * its own, else the kind alone; values are JSON text of the schemas; every record carries the headers `run` and `n`.
 *
 * | topic            | key                    | values                                             |
 * |------------------|------------------------|----------------------------------------------------|
 * | books.<venue>    | product (marks: none)  | book, up, mark, hole-open, hole-close              |
 * | trades.<venue>   | product (marks: none)  | trade, up, mark, hole-open, hole-close             |
 * | tickers.<venue>  | product (marks: none)  | ticker, up, mark, hole-open, hole-close            |
 * | rejections       | venue                  | rejection, resent; exactly one partition           |
 * | insights         | insight                | insight                                            |
 */
export const KINDS = ['books', 'trades', 'tickers', 'rejections', 'insights'] as const
export type Kind = (typeof KINDS)[number]

/** The kinds that venues feed, each venue its own topic. */
export const FEED_KINDS = ['books', 'trades', 'tickers'] as const
export type FeedKind = (typeof FEED_KINDS)[number]

type TopicSpec = {
  readonly perVenue: boolean
  readonly values: readonly z.ZodType[]
  readonly partitionsMax: number
}

export const topicSpecs: Record<Kind, TopicSpec> = {
  books: { perVenue: true, values: [ProductBook, FeedRecord], partitionsMax: 1_000 },
  trades: { perVenue: true, values: [Trade, FeedRecord], partitionsMax: 1_000 },
  tickers: { perVenue: true, values: [Ticker, FeedRecord], partitionsMax: 1_000 },
  // Every tenth rejection closes a digest: one dense count needs one partition.
  rejections: { perVenue: false, values: [RejectionRecord], partitionsMax: 1 },
  insights: { perVenue: false, values: [InsightResult], partitionsMax: 1 },
}

export function feedTopic(kind: FeedKind, venue: VenueId): string {
  return `${kind}.${venue}`
}

export function booksTopic(venue: VenueId): string {
  return feedTopic('books', venue)
}

export const REJECTIONS_TOPIC = 'rejections'
export const INSIGHTS_TOPIC = 'insights'

/** The kind of a topic of ours, or undefined for any other name. */
export function kindOf(topic: string): Kind | undefined {
  const [kind, venue] = topic.split('.') as [Kind, VenueId | undefined]
  const spec = topicSpecs[kind]
  if (spec === undefined || (venue !== undefined) !== spec.perVenue) return undefined
  return venue === undefined || VENUES.includes(venue) ? kind : undefined
}

/** Every topic there is. */
export function allTopics(): string[] {
  return KINDS.flatMap((kind) =>
    topicSpecs[kind].perVenue ? VENUES.map((venue) => `${kind}.${venue}`) : [kind],
  )
}
