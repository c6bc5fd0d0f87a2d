import { z } from 'zod'
import { add, decimalOf, half, subtract } from '../../models/decimal.ts'
import { FeedRecord } from '../../models/feed-records.ts'
import { InsightResult } from '../../models/insight.ts'
import { bookHead, ProductBook } from '../../models/product-book.ts'
import { RejectionRecord } from '../../models/rejection.ts'
import { SourceId, VENUES, type VenueId } from '../../models/scalars.ts'
import type { Kind } from '../../models/topics.ts'
import type { BookTop, Records } from '../processor.ts'
import { scanBook } from './scan-book.ts'

/** A record, decoded once: its type says who reads it. */
export type Decoded = {
  [Type in keyof Records]: { readonly type: Type; readonly record: Records[Type] }
}[keyof Records]

/** What a decoder needs to know of a feed; runners keep more on it. */
export type FeedIdentity = {
  readonly id: number
  readonly venue: string
  readonly source: string
  readonly product: string
  /** How every book of this feed begins. */
  readonly head: string
}

/** A book stamped further than this ahead of its own arrival is nobody's market time. */
export const FUTURE_MS_MAX = 60_000

const schemas: Record<Kind, z.ZodType<ProductBook | FeedRecord | RejectionRecord | InsightResult>> = {
  books: z.discriminatedUnion('type', [ProductBook, FeedRecord]),
  rejections: RejectionRecord,
  insights: InsightResult,
}

/** The fast way: a book of a known feed in our own writing. Undefined says nothing but "take the slow way". */
export function decodeFast(value: string, feed: FeedIdentity, n: number): BookTop | undefined {
  if (!value.startsWith(feed.head)) return undefined
  const book = scanBook(value, feed.head.length, feed.id, n)
  return book === undefined || isFuture(book) ? undefined : book
}

/** How every book of ours begins: what `bookHead` writes. */
const HEAD =
  /^\{"type":"book","venue":"([a-z]{1,20})","source":"([a-z]{1,20})","product":"([A-Z0-9]{1,20}-[A-Z0-9]{1,20})","sequence":/

/** The feed that a book in our own writing names, for feeds not met yet; undefined for any other text. */
export function feedNamed(value: string): { venue: VenueId; source: SourceId; product: string } | undefined {
  const [, venue, source, product] = HEAD.exec(value) ?? []
  if (!isVenue(venue) || !isSource(source) || product === undefined) return undefined
  return { venue, source, product }
}

function isVenue(name: string | undefined): name is VenueId {
  return (VENUES as readonly (string | undefined)[]).includes(name)
}

function isSource(name: string | undefined): name is SourceId {
  return (SourceId.options as readonly (string | undefined)[]).includes(name)
}

/**
 * The slow way, which decides: JSON.parse and the schema of the topic's kind. `feedOf` names the feed of a record that
 * has one. Answers why where the value is no record of ours.
 */
export function decode(
  value: string,
  kind: Kind,
  n: number,
  feedOf: (venue: string, source: string, product: string) => FeedIdentity,
): Decoded | { readonly type: 'foreign'; readonly path: string; readonly message: string } {
  let json: unknown
  try {
    json = JSON.parse(value)
  } catch (error) {
    return { type: 'foreign', path: '', message: (error as Error).message }
  }
  const parsed = schemas[kind].safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    return {
      type: 'foreign',
      path: issue?.path.join('.') ?? '',
      message: issue?.message ?? 'not a record of ours',
    }
  }
  const record = parsed.data
  switch (record.type) {
    case 'book': {
      const book = topOf(record, feedOf(record.venue, record.source, record.product).id, n)
      if (isFuture(book))
        return { type: 'foreign', path: 'exchangeTimeMs', message: 'more than 60 s ahead of its own arrival' }
      return { type: 'book', record: book }
    }
    case 'up':
      return {
        type: 'up',
        record: { ...record, feed: feedOf(record.venue, record.source, record.product).id },
      }
    case 'hole-open':
    case 'hole-close':
      return {
        type: 'hole',
        record: { ...record, feed: feedOf(record.venue, record.source, record.product).id },
      }
    case 'mark':
      return { type: 'mark', record }
    case 'rejection':
    case 'resent':
      return { type: 'rejection', record }
    case 'insight':
      return { type: 'insight', record }
  }
}

/** What processors see of a book. */
export function topOf(book: ProductBook, feed: number, n: number): BookTop {
  const [bid, bidSize] = book.bids[0]!
  const [ask, askSize] = book.asks[0]!
  const prices = { bid: decimalOf(bid), ask: decimalOf(ask) }
  return {
    feed,
    timeMs: book.exchangeTimeMs ?? book.receivedAtMs,
    exchangeTimeMs: book.exchangeTimeMs,
    receivedAtMs: book.receivedAtMs,
    sequence: book.sequence,
    n,
    state: book.state,
    bid: prices.bid,
    bidSize: decimalOf(bidSize),
    ask: prices.ask,
    askSize: decimalOf(askSize),
    spread: subtract(prices.ask, prices.bid),
    mid: half(add(prices.bid, prices.ask)),
    bidLevels: book.bidLevels,
    askLevels: book.askLevels,
    since: book.since,
  }
}

export function identityOf(id: number, venue: string, source: string, product: string): FeedIdentity {
  return { id, venue, source, product, head: bookHead(venue as never, source as never, product) }
}

function isFuture(book: BookTop): boolean {
  return book.timeMs - book.receivedAtMs > FUTURE_MS_MAX
}
