import { z } from 'zod'
import { PositiveDecimal, Product, SizeUnit, SourceId, TimeMs, VenueId } from './scalars.ts'
import { encodeUnit } from './stamped.ts'

/** Levels a side that may travel; `BOOK_LEVELS` chooses how many do. */
export const BOOK_LEVELS_MAX = 1_000

/** [price in quote per base, size in base, how many orders make it up or null where the venue does not say] */
export const Level = z.tuple([PositiveDecimal, PositiveDecimal, z.int().positive().nullable()])
export type Level = z.infer<typeof Level>

/**
 * ok: best bid below best ask. crossed: above it. locked: equal. indicative: an auction's quote, nobody trades at it.
 * All four are valid books; only `ok` books make extremes, samples and forecasts.
 */
export const BOOK_STATES = ['ok', 'crossed', 'locked', 'indicative'] as const
export const BookState = z.enum(BOOK_STATES)
export type BookState = z.infer<typeof BookState>

/**
 * What the updates that this record stands for did meanwhile, so that sending fewer books loses no extreme.
 * `spreadMaxBid` is the bid of the widest moment: with the spread it gives that moment's mid.
 */
export const Since = z.object({
  updates: z.int().positive(),
  bidMax: PositiveDecimal,
  bidMaxAtMs: TimeMs,
  askMin: PositiveDecimal,
  askMinAtMs: TimeMs,
  spreadMax: PositiveDecimal,
  spreadMaxBid: PositiveDecimal,
  spreadMaxAtMs: TimeMs,
})
export type Since = z.infer<typeof Since>

/**
 * The top of a product's book as it travels on `books.<venue>`: best first, both sides present. The venue's whole body
 * was validated; `bidLevels` and `askLevels` say how many levels it had.
 */
export const ProductBook = z.object({
  type: z.literal('book'),
  venue: VenueId,
  source: SourceId,
  product: Product,
  sequence: z.int().nonnegative().nullable(),
  exchangeTimeMs: TimeMs.nullable(),
  receivedAtMs: TimeMs,
  state: BookState,
  bids: z.array(Level).min(1).max(BOOK_LEVELS_MAX),
  asks: z.array(Level).min(1).max(BOOK_LEVELS_MAX),
  bidLevels: z.int().positive(),
  askLevels: z.int().positive(),
  since: Since.nullable(),
  unit: SizeUnit.optional(),
})
export type ProductBook = z.infer<typeof ProductBook>

/** A book on its way to a topic: its levels are already the JSON text that will travel, cut from what the venue sent. */
export type EncodedBook = Omit<ProductBook, 'bids' | 'asks'> & {
  readonly bids: string
  readonly asks: string
}

/** What of a book is new each time. */
export type BookNews = Omit<EncodedBook, 'type' | 'venue' | 'source' | 'product' | 'unit'>

/**
 * The JSON text of a book, in the one order of fields that `broker` readers scan fast. The head up to `sequence` is the
 * same for every book of a feed.
 */
export function encodeBook(book: EncodedBook): string {
  return bookText(bookHead(book.venue, book.source, book.product), book, book.unit)
}

/** The same for whoever keeps the head of a feed (`bookHead`) and has many books of it. */
export function bookText(head: string, news: BookNews, unit: string | undefined): string {
  return (
    `${head}${news.sequence},"exchangeTimeMs":${news.exchangeTimeMs},"receivedAtMs":${news.receivedAtMs}` +
    `,"state":"${news.state}","bids":${news.bids},"asks":${news.asks}` +
    `,"bidLevels":${news.bidLevels},"askLevels":${news.askLevels}` +
    `,"since":${encodeSince(news.since)}${encodeUnit(unit)}}`
  )
}

function encodeSince(since: Since | null): string {
  if (since === null) return 'null'
  return (
    `{"updates":${since.updates},"bidMax":"${since.bidMax}","bidMaxAtMs":${since.bidMaxAtMs}` +
    `,"askMin":"${since.askMin}","askMinAtMs":${since.askMinAtMs},"spreadMax":"${since.spreadMax}"` +
    `,"spreadMaxBid":"${since.spreadMaxBid}","spreadMaxAtMs":${since.spreadMaxAtMs}}`
  )
}

/** What every book of one feed begins with: venue, source and product, up to the value of `sequence`. */
export function bookHead(venue: VenueId, source: SourceId, product: string): string {
  return `{"type":"book","venue":"${venue}","source":"${source}","product":"${product}","sequence":`
}

/** Levels as `EncodedBook` carries them. */
export function encodeLevels(levels: readonly Level[]): string {
  return JSON.stringify(levels)
}
