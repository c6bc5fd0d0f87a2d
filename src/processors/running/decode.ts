import { z } from 'zod'
import { add, decimalOf, half, subtract } from '../../models/decimal.ts'
import { FeedRecord } from '../../models/feed-records.ts'
import { InsightResult } from '../../models/insight.ts'
import { bookHead, ProductBook, type Since } from '../../models/product-book.ts'
import { RejectionRecord } from '../../models/rejection.ts'
import { PRODUCT_PATTERN, SourceId, VENUES, type VenueId } from '../../models/scalars.ts'
import { stampedHead } from '../../models/stamped.ts'
import { Ticker } from '../../models/ticker.ts'
import type { Kind } from '../../models/topics.ts'
import { Trade } from '../../models/trade.ts'
import type { BookTop, MarketData, Records, SinceTop, Stamped } from '../processor.ts'
import { type Head, scanBook } from './scan-book.ts'
import { scanStamped } from './scan-stamped.ts'

/** A record, decoded once: its type says who reads it. */
export type Decoded = {
  [Type in keyof Records]: { readonly type: Type; readonly record: Records[Type] }
}[keyof Records]

/** A record of the market, decoded the fast way. */
export type MarketRecord = Records[MarketData]

/** Whose a record is. */
export type Named = { readonly venue: VenueId; readonly source: SourceId; readonly product: string }

/** What a decoder needs to know of a feed; runners keep more on it. */
export type FeedIdentity = Named & {
  readonly id: number
  readonly type: MarketData
  /** How every record of the market of this feed begins, and what that takes. */
  readonly head: string
  readonly headSize: Head
}

/** Stamped further than this ahead of its own arrival is nobody's market time. */
export const FUTURE_MS_MAX = 60_000

type Parsed = ProductBook | Trade | Ticker | FeedRecord | RejectionRecord | InsightResult

const schemas: Record<Kind, z.ZodType<Parsed>> = {
  books: z.discriminatedUnion('type', [ProductBook, FeedRecord]),
  trades: z.discriminatedUnion('type', [Trade, FeedRecord]),
  tickers: z.discriminatedUnion('type', [Ticker, FeedRecord]),
  rejections: RejectionRecord,
  insights: InsightResult,
}

/**
 * The fast way: a record of the market, of a known feed, in our own writing. Undefined says nothing but "take the slow way".
 * Of trades and tickers it reads no more than whose they are and when (`scanStamped`).
 */
export function decodeFast(value: string, feed: FeedIdentity, n: number): MarketRecord | undefined {
  if (!value.startsWith(feed.head)) return undefined
  const record =
    feed.type === 'book'
      ? scanBook(value, feed.headSize, feed.id, n)
      : scanStamped(value, feed.head.length, feed, n)
  return record === undefined || isFuture(record) ? undefined : record
}

/** How every record of the market of ours begins: what `bookHead` and `stampedHead` write. */
const HEAD =
  /^\{"type":"(book|trade|ticker)","venue":"([a-z]{1,20})","source":"([a-z]{1,20})","product":"([^"\\]{1,150})","/

/** The feed that a record in our own writing names, for feeds not met yet; undefined for any other text. */
export function feedNamed(value: string): (Named & { readonly type: MarketData }) | undefined {
  const [, type, venue, source, product] = HEAD.exec(value) ?? []
  if (!isVenue(venue) || !isSource(source)) return undefined
  if (product === undefined || !PRODUCT_PATTERN.test(product)) return undefined
  return { type: type as MarketData, venue, source, product }
}

function isVenue(name: string | undefined): name is VenueId {
  return (VENUES as readonly (string | undefined)[]).includes(name)
}

function isSource(name: string | undefined): name is SourceId {
  return (SourceId.options as readonly (string | undefined)[]).includes(name)
}

type Foreign = { readonly type: 'foreign'; readonly path: string; readonly message: string }

const FUTURE: Foreign = {
  type: 'foreign',
  path: 'exchangeTimeMs',
  message: 'more than 60 s ahead of its own arrival',
}

/**
 * The slow way, which decides: JSON.parse and the schema of the topic's kind. `feedOf` names the feed of a record that
 * has one. Answers why where the value is no record of ours.
 */
export function decode(
  value: string,
  kind: Kind,
  n: number,
  feedOf: (name: Named) => FeedIdentity,
): Decoded | Foreign {
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
    case 'book':
    case 'trade':
    case 'ticker':
      if (isFuture(record)) return FUTURE
      if (record.type === 'book') return { type: 'book', record: topOf(record, feedOf(record).id, n) }
      return { type: record.type, record: stampedOf(record, feedOf(record).id, n) }
    case 'up':
      return { type: 'up', record: { ...record, feed: feedOf(record).id } }
    case 'hole-open':
    case 'hole-close':
      return { type: 'hole', record: { ...record, feed: feedOf(record).id } }
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
    since: book.since === null ? null : sinceTopOf(book.since),
    unit: book.unit ?? null,
  }
}

export function sinceTopOf(since: Since): SinceTop {
  const { bidMaxAtMs, askMinAtMs, spreadMaxAtMs } = since
  const spreadMax = decimalOf(since.spreadMax)
  return {
    bidMax: decimalOf(since.bidMax),
    bidMaxAtMs,
    askMin: decimalOf(since.askMin),
    askMinAtMs,
    spreadMax,
    spreadMaxMid: add(decimalOf(since.spreadMaxBid), half(spreadMax)),
    spreadMaxAtMs,
  }
}

function stampedOf({ exchangeTimeMs, receivedAtMs }: Trade | Ticker, feed: number, n: number): Stamped {
  return { feed, timeMs: exchangeTimeMs ?? receivedAtMs, exchangeTimeMs, receivedAtMs, n }
}

export function identityOf(id: number, type: MarketData, { venue, source, product }: Named): FeedIdentity {
  const head = type === 'book' ? bookHead(venue, source, product) : stampedHead(type, venue, source, product)
  const headSize = { length: head.length, bytes: Buffer.byteLength(head) }
  return { id, type, venue, source, product, head, headSize }
}

type Times = { readonly exchangeTimeMs: number | null; readonly receivedAtMs: number }

function isFuture({ exchangeTimeMs, receivedAtMs }: Times): boolean {
  return exchangeTimeMs !== null && exchangeTimeMs - receivedAtMs > FUTURE_MS_MAX
}
