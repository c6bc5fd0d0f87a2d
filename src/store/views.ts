import type { InsightSource, InsightVenue } from '../models/insight.ts'
import type { BookState } from '../models/product-book.ts'
import type { RejectionKind } from '../models/rejection.ts'
import type { SourceId, VenueId } from '../models/scalars.ts'
import type { FeedKind } from '../models/topics.ts'

/**
 * What anyone may read: the views of the store, the same in SQLite and PostgreSQL, typed for kysely. Times are
 * milliseconds since 1970 (`*_ms`) with an ISO text beside the ones people read; decimals are exact text with a
 * `<name>_real` beside it for sorting and plotting.
 */
type FeedColumns = { venue: VenueId; source: SourceId; product: string }
type Lineage = { topic: string; partition: number; first_offset: number; last_offset: number }
type SeenColumns = FeedColumns & Lineage & { time_ms: number; received_at_ms: number }
type WindowColumns = FeedColumns & {
  window_ms: number
  start_ms: number
  end_ms: number
  start_time: string
  /** Watched share of the window without holes, 0..1. */
  coverage: number
  /** 1 when progress has reached the window's end plus grace, else 0. */
  complete: 0 | 1
}

export type Views = {
  best_prices: WindowColumns &
    Lineage & {
      highest_bid: string | null
      highest_bid_real: number | null
      highest_bid_at_ms: number | null
      lowest_ask: string | null
      lowest_ask_real: number | null
      lowest_ask_at_ms: number | null
      first_mid: string | null
      first_mid_real: number | null
      last_mid: string | null
      last_mid_real: number | null
      books: number
      crossed: number
      locked: number
      indicative: number
    }
  max_spread: WindowColumns &
    Lineage & {
      max_spread: string | null
      max_spread_real: number | null
      max_spread_bps: string | null
      max_spread_bps_real: number | null
      max_spread_at_ms: number | null
      crossed_max: string | null
      crossed_max_real: number | null
      crossed_max_at_ms: number | null
      books: number
      crossed: number
      locked: number
      indicative: number
    }
  /** One row a feed and window length, over all its windows. */
  max_spread_all_time: FeedColumns & {
    window_ms: number
    from_ms: number
    to_ms: number
    max_spread: string | null
    max_spread_bps: string | null
    max_spread_at_ms: number | null
    crossed_max: string | null
    crossed_max_at_ms: number | null
    books: number
    crossed: number
    locked: number
    indicative: number
  }
  /** The last ok mid of each second that had one. */
  mid_price: FeedColumns & Lineage & { start_ms: number; at_ms: number; mid: string; mid_real: number }
  top_of_book: FeedColumns &
    Lineage & {
      state: BookState
      bid: string
      bid_real: number
      bid_size: string
      ask: string
      ask_real: number
      ask_size: string
      spread: string
      spread_real: number
      mid: string | null
      mid_real: number | null
      spread_bps: string | null
      spread_bps_real: number | null
      imbalance: string | null
      microprice: string | null
      sequence: number | null
      time_ms: number
      exchange_time_ms: number | null
      received_at_ms: number
      bid_levels: number
      ask_levels: number
      /** What one unit of size stands for, where that is not one BASE. */
      unit: string | null
    }
  /** When the last trade, or ticker, of a feed was seen: by the market's clock, and by ours. */
  trades_seen: SeenColumns
  tickers_seen: SeenColumns
  /** One row a producer's run, partition and product: watched from `from_ms` up to `to_ms`. */
  watches: FeedColumns & {
    kind: FeedKind
    /** Whether a loss would show; null where an earlier version has written it. */
    continuity: 'proven' | 'unproven' | null
    run: string
    topic: string
    partition: number
    from_ms: number
    to_ms: number
    bye: 0 | 1
  }
  /** One row a hole; `to_ms` is null while it is open. */
  holes: FeedColumns & {
    kind: FeedKind
    topic: string
    partition: number
    id: string
    run: string
    from_ms: number | null
    to_ms: number | null
    reason: string | null
    /** Everything that went wrong in it, with commas between, once it is closed. */
    causes: string | null
    backfilled: 0 | 1 | null
  }
  /** How far each source has come on each topic-partition. */
  progress: { topic: string; partition: number; source: SourceId; progress_ms: number }
  rejections: Lineage & {
    id: string
    kind: RejectionKind
    path: string
    message: string
    venue: VenueId
    source: SourceId
    product: string | null
    received_at_ms: number
    received_time: string
    bytes: number
    original: string
    resent_at_ms: number | null
  }
  /** Closed digests only: ten rejections each. `items` is JSON. */
  rejection_digests: Lineage & { first_ordinal: number; last_ordinal: number; items: string; counts: string }
  /** The open remainder: rejections that no digest covers yet; no row where there are none. */
  rejection_remainder: { digest: number; count: number; items: string }
  /** How far each processor has come, and the ledger: position - first = applied + duplicate + too_late + foreign + lost. */
  positions: {
    processor: string
    topic: string
    partition: number
    reader: string
    log_id: string
    first: number
    position: number
    applied: number
    duplicate: number
    too_late: number
    foreign_records: number
    lost: number
  }
  /** Every kept result of every insight. `result` is JSON. */
  insights: Lineage & {
    venue: InsightVenue
    source: InsightSource
    product: string
    insight: string
    slot_ms: number
    computed_at_ms: number
    from_ms: number | null
    to_ms: number | null
    result: string
  }
}
