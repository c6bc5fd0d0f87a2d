import type { EncodedBook } from '../models/product-book.ts'
import type { Refusal } from '../models/rejection.ts'
import type { SourceId, VenueId } from '../models/scalars.ts'

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

/**
 * What the engine needs to know about a venue. No sockets, no clock, no retries: those live in `poll.ts`. What a venue
 * cannot do is a named absence.
 */
export type Venue = {
  readonly id: VenueId
  /** Where a product's whole book is to be had, below `baseUrl`. */
  bookUrl(baseUrl: string, product: string): string
  /** The body the venue sent, exactly as received, to a book of ours. Pure; every level of the body is validated. */
  parseBook(body: Uint8Array, about: BodyAbout): BookOrRefusal
}
