import type { Decimal } from '../models/decimal.ts'
import type { HoleClose, HoleOpen, Mark, Up } from '../models/feed-records.ts'
import type { InsightResult } from '../models/insight.ts'
import type { OutboxMessage } from '../models/outbox-message.ts'
import type { BookState } from '../models/product-book.ts'
import type { Rejection, Resent } from '../models/rejection.ts'
import type { Key, Table } from '../store/table.ts'

/**
 * A book as processors see it: the best level of each side as exact decimals, and where it stands in time. Made by a
 * scanner straight from a record's text; the deeper levels were validated and left there.
 */
export type BookTop = {
  /** The id of (venue, source, product). */
  readonly feed: number
  /** What windows are cut by: the venue's clock, or ours where it sends no time. */
  readonly timeMs: number
  readonly exchangeTimeMs: number | null
  readonly receivedAtMs: number
  readonly sequence: number | null
  /** The record's number in its producer's run. */
  readonly n: number
  readonly state: BookState
  readonly bid: Decimal
  readonly bidSize: Decimal
  readonly ask: Decimal
  readonly askSize: Decimal
  /** ask - bid, exact: negative in a crossed book. */
  readonly spread: Decimal
  /** (bid + ask) / 2, exact. */
  readonly mid: Decimal
  readonly bidLevels: number
  readonly askLevels: number
  readonly since: SinceTop | null
  /** What one unit of size stands for, where that is not one BASE. */
  readonly unit: string | null
}

/** `Since` of a book, its prices as exact decimals. */
export type SinceTop = {
  readonly bidMax: Decimal
  readonly bidMaxAtMs: number
  readonly askMin: Decimal
  readonly askMinAtMs: number
  readonly spreadMax: Decimal
  /** Of the widest moment. */
  readonly spreadMaxMid: Decimal
  readonly spreadMaxAtMs: number
}

/**
 * A trade or a ticker at a glance: whose it is and when. What else it says was not looked at: whoever needs that, checks it.
 */
export type Stamped = {
  readonly feed: number
  /** The venue's clock, or ours where it sends no time. */
  readonly timeMs: number
  readonly exchangeTimeMs: number | null
  readonly receivedAtMs: number
  readonly n: number
}

/** A record about a feed, with the feed's id beside it. Marks concern a whole partition, so they have none. */
export type About<R> = R & { readonly feed: number }

/** Everything a processor may read, by the name it reads it under. */
export type Records = {
  book: BookTop
  trade: Stamped
  ticker: Stamped
  up: About<Up>
  mark: Mark
  hole: About<HoleOpen> | About<HoleClose>
  rejection: Rejection | Resent
  insight: InsightResult
}

/** Records of the market itself, each in time and of one feed. A topic of such has those of one name. */
export type MarketData = 'book' | 'trade' | 'ticker'

/**
 * What a row stands for.
 * feed: one row a feed, key (feed). window: one a feed and UTC-aligned window, key (feed, windowMs, startMs). second: one
 * a feed and second, key (startMs, feed). key: whatever `of` says; it may answer undefined ("no row of mine").
 * `ordinal` is the dense count, from 1, of records of this record's own `type` that the processor has applied in the
 * partition; `partition` the id of the topic-partition.
 */
export type Per<In> =
  | { readonly kind: 'feed' }
  | { readonly kind: 'window'; readonly lengthsMs: readonly number[] }
  | { readonly kind: 'second' }
  | {
      readonly kind: 'key'
      readonly of: (record: In, about: { ordinal: number; partition: number }) => Key | undefined
      /** Which records `ordinal` counts; without it, every record of the type. The others never reach the processor. */
      readonly counts?: (record: In) => boolean
    }

/**
 * A processor is a name, an arrow and a pure function; the row is its whole state. `merge` is commutative and
 * associative over records in every column, so late, shuffled, replayed and rebuilt are all just merges; ties go to the
 * earliest (time, sequence, n). It answers the row it was given where the record changes nothing, and undefined where
 * there was none and the record makes none. Everything hard (reading, dropping what came twice, lateness, committing rows
 * and positions together) is once, in `run-processors.ts`.
 */
export type Processor<Type extends keyof Records = keyof Records, Row = unknown> = {
  readonly name: string
  readonly reads: Type
  readonly per: Per<Records[Type]>
  readonly table: Table<Row>
  merge(row: Row | undefined, record: Records[Type], key: Key): Row | undefined
  /** What to tell outside when a row has gone from `before` to `after`. */
  tells?(before: Row | undefined, after: Row): OutboxMessage | undefined
}

/** Told who threw, and on which record. */
export type Failed = (processor: AnyProcessor, offset: number, error: unknown) => void

/** Any processor, where unlike ones share a list. */
export type AnyProcessor = Processor<keyof Records, unknown>
