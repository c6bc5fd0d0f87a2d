import type { Logger } from 'pino'
import type { Draft } from '../../broker/publisher.ts'
import { type EncodedBook, encodeBook } from '../../models/product-book.ts'
import type { Refusal } from '../../models/rejection.ts'
import type { SourceId } from '../../models/scalars.ts'
import { booksTopic } from '../../models/topics.ts'
import { rejectionDraft } from '../rejecting.ts'
import type { PolledVenue } from '../venue.ts'
import type { Instant } from '../watch.ts'
import type { Fate, Line, WatchedFeed } from '../watched-feed.ts'

/** Every body that came is exactly one of these: received = published + unchanged + older + rejected + dropped. */
export type PollLedger = {
  received: number
  published: number
  /** Of the sequence that was published last: the book has not moved. */
  unchanged: number
  /** Of an earlier sequence: an answer from a lagging cache. */
  older: number
  rejected: number
  /** Good or bad, there was no room for what it brought. */
  dropped: number
}

export type Body = { readonly bytes: Uint8Array; readonly whole: boolean }

export type BodySorter = {
  readonly ledger: Readonly<PollLedger>
  /**
   * Reads one body and publishes what follows from it. Counted once that is durable; rejects as `publish` does. Answers the
   * venue's own time of a book that was published.
   */
  take(line: Line, body: Body, at: Instant): Promise<number | null>
}

export type BodySorterAbout = {
  readonly venue: PolledVenue
  readonly source: SourceId
  readonly feed: WatchedFeed
  readonly levelsMax: number
  readonly log: Logger
}

type Sorted = { readonly became: keyof PollLedger; readonly exchangeTimeMs: number | null }

/** What becomes of the bodies of one run: books that are new, books that are not, and what cannot be used. */
export function openBodySorter(about: BodySorterAbout): BodySorter {
  const { venue, source, feed, levelsMax, log } = about
  const ledger: PollLedger = { received: 0, published: 0, unchanged: 0, older: 0, rejected: 0, dropped: 0 }
  const lastSequences = new Map<string, number>()

  async function reject(line: Line, body: Body, at: Instant, refusal: Refusal): Promise<Fate> {
    const { product } = line
    log.warn({ product, kind: refusal.kind, path: refusal.path }, `rejected: ${refusal.message}`)
    const input = { venue: venue.id, source, product, receivedAtMs: at.timeMs, ...body }
    return feed.trouble(line, at, 'bad-answer', rejectionDraft(refusal, input))
  }

  async function sort(line: Line, body: Body, at: Instant): Promise<Sorted> {
    const { product } = line
    const parsed = body.whole
      ? venue.parseBook(body.bytes, { source, product, receivedAtMs: at.timeMs, levelsMax })
      : { refusal: tooLong(body) }
    if ('refusal' in parsed) {
      const fate = await reject(line, body, at, parsed.refusal)
      return { became: fate === 'dropped' ? fate : 'rejected', exchangeTimeMs: null }
    }
    const age = ageOf(parsed.book.sequence, lastSequences.get(product))
    if (age === 'older') await feed.trouble(line, at, 'stale')
    if (age === 'unchanged') await feed.good(line, at)
    if (age !== 'published') return { became: age, exchangeTimeMs: null }
    const fate = await feed.good(line, at, bookDraft(parsed.book))
    if (fate === 'dropped') return { became: fate, exchangeTimeMs: null }
    // Only now: the same book is new once more where it could not be placed.
    if (parsed.book.sequence !== null) lastSequences.set(product, parsed.book.sequence)
    return { became: age, exchangeTimeMs: parsed.book.exchangeTimeMs }
  }

  return {
    ledger,
    take: async (line, body, at) => {
      const { became, exchangeTimeMs } = await sort(line, body, at)
      ledger[became]++
      ledger.received++
      return exchangeTimeMs
    },
  }
}

function ageOf(sequence: number | null, last: number | undefined): 'published' | 'unchanged' | 'older' {
  if (sequence === null || last === undefined || sequence > last) return 'published'
  return sequence === last ? 'unchanged' : 'older'
}

function bookDraft(book: EncodedBook): Draft {
  return { topic: booksTopic(book.venue), key: book.product, value: encodeBook(book) }
}

function tooLong(body: Body): Refusal {
  const message = `longer than the ${body.bytes.length} bytes that are read of a body`
  return { kind: 'wrong-shape', path: '', message }
}
