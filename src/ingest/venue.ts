import type { EncodedBook } from '../models/product-book.ts'
import type { Refusal } from '../models/rejection.ts'
import type { SizeUnit, SourceId, VenueId } from '../models/scalars.ts'
import type { Ticker } from '../models/ticker.ts'
import type { FeedKind } from '../models/topics.ts'
import type { Trade } from '../models/trade.ts'
import type { Levels } from './levels.ts'
import type { Rate } from './wire/token-bucket.ts'

/**
 * What the engine needs to know about a venue, all of it in the venue's one file. No sockets, no clock, no retries, no state:
 * bytes in, events and wishes out; those who own sockets, books and time obey `connection.ts` and `book-sync.ts`. What a
 * venue cannot do is a named absence.
 */
export type Venue = {
  readonly id: VenueId
  /** Its own hosts: only what comes from one of them over TLS carries the venue's name as its source. */
  readonly hosts: readonly string[]
  /** The kinds of connection it offers. A subscription goes to the first wire that carries its kind and lists its product. */
  readonly wires: readonly Wire[]
  /** Where a product's whole book is to be had for the asking, below `baseUrl`. */
  bookUrl?(baseUrl: string, product: string): string
  /** The body the venue sent, exactly as received, to a book of ours. Pure; every level of the body is validated. */
  parseBook?(body: Uint8Array, about: BodyAbout): BookOrRefusal
}

/** A venue whose books can be polled. */
export type PolledVenue = Venue & Required<Pick<Venue, 'bookUrl' | 'parseBook'>>

/** What is known of a body before it is read. */
export type BodyAbout = {
  readonly source: SourceId
  readonly product: string
  readonly receivedAtMs: number
  /** Levels a side that may travel. */
  readonly levelsMax: number
}

/** A parser's answer: a book ready to travel, or why the body cannot be used. Never an exception. */
export type BookOrRefusal = { readonly book: EncodedBook } | { readonly refusal: Refusal }

/** Something to be asked over HTTP. `weight` is what it takes of the wire's request budget. */
export type HttpRequest = {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly weight: number
}

/** One line of the venue's product list. `symbol` is the venue's own spelling, as its frames carry it. */
export type Listing = {
  readonly symbol: string
  readonly product: string
  /** Whether it is traded now: patterns such as `*-USDT` find only those that are. */
  readonly trading: boolean
  /** What one unit of size stands for, where that is not one BASE. */
  readonly unit?: SizeUnit
}

/** What is asked of a wire: one kind of news about one product, by the venue's own spelling. */
export type Subscription = { readonly kind: FeedKind; readonly symbol: string }

/** One kind of connection: an address, a language, limits. */
export type Wire = {
  /** Such as `spot`; unique within the venue, part of a simulator's addresses. */
  readonly name: string
  /** What it carries. */
  readonly kinds: readonly FeedKind[]
  /** Whether the name of one of its products has the shape of a derivative's (three parts and more), of spot's, or either. */
  readonly lists: 'spot' | 'derivatives' | 'both'
  /** Where it is at home, without a slash at the end. Another base may stand in for either. */
  readonly restUrl: string
  readonly socketUrl: string
  readonly limits: WireLimits

  /** What to ask for the product list, and what one answer holds. A row that cannot be read is left out, not an error. */
  listingRequests(restUrl: string): readonly HttpRequest[]
  parseListing(body: Uint8Array): { readonly listings: readonly Listing[] } | { readonly refusal: Refusal }

  /** How a socket's address is had. */
  readonly opening: Opening
  /** Texts to send first of all. `id` is a number that no other message of this connection has. */
  hello?(id: number): readonly string[]
  /** Whether nothing may be sent before a `welcome` has come. */
  readonly waitsForWelcome: boolean
  /** A subscription's name as `accepted` and `refused` call it. */
  channel(subscription: Subscription): string
  /** One message for up to `limits.subscriptionsPerMessage` subscriptions; several texts where the venue wants one a kind. */
  subscribe(subscriptions: readonly Subscription[], id: number): readonly string[]
  unsubscribe(subscriptions: readonly Subscription[], id: number): readonly string[]
  /** How the connection is kept alive beyond the WebSocket's own pings, which are always answered. */
  readonly keepAlive?: KeepAlive

  /**
   * Everything that one frame says, in its order. Pure; never throws: what it cannot use is a `rejected` event. Levels of books
   * go to `about.levels`, which is empty when it is called and is anybody's again when the events have been handled.
   */
  parseFrame(frame: Uint8Array, about: FrameAbout): readonly WireEvent[]

  readonly books?: BookRules
  readonly trades?: TradeRules
  /**
   * Silence of one subscription, in milliseconds, after which it is no longer believed to be alive however lively its
   * connection is. Kinds that may rightly be silent for ever are left out.
   */
  readonly idleMs: Partial<Record<FeedKind, number>>
}

export type WireLimits = {
  /** Attempts to connect, over all connections of the wire. */
  readonly connects: Rate
  /** Messages we send on one connection, pings included. */
  readonly messages: Rate
  /** Weight of HTTP requests. */
  readonly requests: Rate
  readonly subscriptionsPerMessage: number
  readonly subscriptionsPerConnection: number
  /** Bytes of a frame that are read; a longer one cuts the connection. */
  readonly frameBytesMax: number
  /** How long the venue lets a connection live, where it says so: it is replaced in time. */
  readonly lifeMs?: number
}

export type Opening =
  | { readonly by: 'address'; url(socketUrl: string, subscriptions: readonly Subscription[]): string }
  | {
      /** The address, with a token in it, is asked for anew at every connect. `connectId` is random text. */
      readonly by: 'request'
      request(restUrl: string): HttpRequest
      parse(
        body: Uint8Array,
        about: { readonly connectId: string; readonly socketUrl: string },
      ): { readonly url: string; readonly pingMs?: number } | { readonly refusal: Refusal }
    }

export type KeepAlive = {
  /** Milliseconds between two pings; with `whenIdle`, of silence from the venue before one is due. */
  readonly everyMs: number
  readonly whenIdle: boolean
  /** Milliseconds after a ping within which something must come. */
  readonly answerMs: number
  ping(id: number): string
}

export type FrameAbout = { readonly receivedAtMs: number; readonly levels: Levels }

/** A range of `FrameAbout.levels`: rows `from` up to, not with, `to`. */
type LevelRange = { readonly from: number; readonly to: number }

/** What a number is where the venue sends none. */
export const NO_NUMBER = -1

/** The whole book of a product, as it stood at `last`. */
export type BookSnapshot = LevelRange & {
  readonly type: 'snapshot'
  readonly symbol: string
  readonly last: number
  readonly exchangeTimeMs: number | null
  /** Whether the venue holds no levels beyond these; else each side is known down to its last row only. */
  readonly whole: boolean
  /** The venue's word on what this book must look like; undefined where it gives none. */
  readonly checksum?: number
  readonly raw?: RawLevels
}

/** Levels as the venue wrote them, digit by digit: only where there is a checksum that was made from these texts. */
export type RawLevels = { readonly bids: readonly RawLevel[]; readonly asks: readonly RawLevel[] }
export type RawLevel = readonly [price: string, size: string, ...more: unknown[]]

/** Changes of a product's book, to be applied in order: size 0 removes. Numbers that the venue does not send are NO_NUMBER. */
export type BookDelta = LevelRange & {
  readonly type: 'delta'
  readonly symbol: string
  /** The first and the last of the venue's own updates that this one holds, and the one before them. */
  readonly first: number
  readonly last: number
  readonly previous: number
  readonly exchangeTimeMs: number | null
  readonly checksum?: number
  readonly raw?: RawLevels
}

/** A trade as the wire says it; who received it adds venue, source, product and unit. */
export type WireTrade = Omit<
  Trade,
  'venue' | 'source' | 'product' | 'unit' | 'receivedAtMs' | 'backfilled'
> & {
  readonly symbol: string
}

export type WireTicker = Omit<Ticker, 'venue' | 'source' | 'product' | 'unit' | 'receivedAtMs'> & {
  readonly symbol: string
}

export type Control =
  /** Subscribing may begin. */
  | { readonly type: 'welcome' }
  /** Said yes to: everything in the message of this id, or these channels. */
  | { readonly type: 'accepted'; readonly id?: number; readonly channels?: readonly string[] }
  /** Said no to: everything in the message of this id, or these channels; neither where the venue does not say what. */
  | {
      readonly type: 'refused'
      readonly id?: number
      readonly channels?: readonly string[]
      readonly message: string
    }
  /** Nothing but a sign of life. */
  | { readonly type: 'alive' }
  /** A sign of life of one product's subscriptions; `lastTradeId` where it names the last trade there was. */
  | { readonly type: 'heartbeat'; readonly symbol: string; readonly lastTradeId?: string }
  /** The number of this frame on its connection, where those are dense over everything that is sent. First of its frame. */
  | { readonly type: 'numbered'; readonly number: number }
  /** The venue will close the connection: another takes its place in time. */
  | { readonly type: 'closing' }

/** What the venue wants us to do. */
export type Do =
  | { readonly type: 'send'; readonly text: string }
  /** Drop what is known of this product's book and ask for it anew; all products of the connection where none is named. */
  | { readonly type: 'resync'; readonly symbol?: string }

/** A frame, or a part of one, that cannot be used. `symbol` and `kind` where it is clear what it would have been about. */
export type Rejected = {
  readonly type: 'rejected'
  readonly refusal: Refusal
  readonly symbol?: string
  readonly kind?: FeedKind
}

export type WireEvent = BookSnapshot | BookDelta | WireTrade | WireTicker | Control | Do | Rejected

/** What a delta is to a book that stands at a number. */
export type Following = 'next' | 'old' | 'gap'

export type BookRules = {
  /** Whether a loss would show in the numbers. */
  readonly continuity: 'proven' | 'unproven'
  /** Whether a snapshot comes by itself after subscribing. */
  readonly inBand: boolean
  /** How a snapshot is asked for; absent where there is no such thing. */
  readonly snapshot?: {
    /** `levels` a side are enough, where the venue lets one choose and takes less weight for less. */
    request(restUrl: string, symbol: string, levels?: number): HttpRequest
    /** Levels go to `about.levels` as in `parseFrame`. */
    parse(body: Uint8Array, about: FrameAbout & { readonly symbol: string }): BookSnapshot | Rejected
  }
  /** The whole continuity rule: what `delta` is to a book whose last applied update has the number `last`. */
  follows(last: number, delta: BookDelta): Following
  /** The same for the first delta after a snapshot that was asked for, where the venue has a rule of its own for that. */
  bridges?(last: number, delta: BookDelta): Following
  /** Keeps whatever `checksum` is worked out from. One a book; absent where the venue has no such thing. */
  openChecksum?(): BookChecksum
  /** Whether the venue's ticker names the best prices, so that they can be held against the book's. */
  readonly tickerChecks: boolean
}

/** One book's checksum: told of everything that is applied, in order. Answers false where the venue's number is another. */
export type BookChecksum = { holds(event: BookSnapshot | BookDelta, levels: Levels): boolean }

export type TradeRules = {
  /**
   * `dense`: ids are whole numbers without gaps, so that a loss shows. `dense-by-fill`: they number single fills, and a trade
   * has the id of its last one: the trade before it has the id `id - fills`. `opaque`: an id only tells trades apart.
   */
  readonly ids: 'dense' | 'dense-by-fill' | 'opaque'
  /** How trades that were missed are asked for; absent where the venue does not offer it. */
  readonly backfill?: {
    /** The next page towards all trades with `fromId` <= id <= `toId`; dense ids only. */
    request(
      restUrl: string,
      symbol: string,
      missing: { readonly fromId: number; readonly toId: number },
    ): HttpRequest
    parse(
      body: Uint8Array,
      symbol: string,
    ): { readonly trades: readonly WireTrade[] } | { readonly refusal: Refusal }
  }
}
