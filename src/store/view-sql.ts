import { DAY_MS } from '../models/time.ts'

/** A window is complete when progress has passed its end by this much. */
export const GRACE_MS = 2_000

/** Where SQLite and PostgreSQL say the same thing in other words. */
export type ViewDialect = {
  /** A moment for people to read, from milliseconds since 1970. */
  time(ms: string): string
  /** The greater and the lesser of two values that are not null. */
  greater(a: string, b: string): string
  lesser(a: string, b: string): string
  /** Table-valued: `key` and `value` of a JSON object; `value`s of a JSON array. */
  members(json: string): string
  elements(json: string): string
  /** The JSON object of all rows of a subquery, keys in their order. */
  objectOf(key: string, value: string): string
  /** Descending by the exact value of a decimal column, nulls last. */
  widestFirst(column: string): string
}

const NAMES = 'f.venue, f.source, f.product'
/** What the topic of row `r` holds. */
const KIND = `CASE WHEN p.topic LIKE 'trades.%' THEN 'trades' WHEN p.topic LIKE 'tickers.%' THEN 'tickers' ELSE 'books' END AS kind`
const LINEAGE = 'p.topic, p.partition, r.first_offset, r.last_offset'
const FEED_AND_PARTITION = 'JOIN feeds f ON f.id = r.feed JOIN partitions p ON p.id = r.partition_id'
/** A decimal's text with the nearest double beside it, for sorting and plotting. */
const real = (column: string) => `CAST(r.${column} AS DOUBLE PRECISION) AS ${column}_real`

/** Where the first hole at or after the start of stretch `s` begins. */
const NEXT_HOLE_MS = `(
  SELECT min(h.from_ms) FROM holes_rows h
  WHERE h.feed = s.feed AND h.partition_id = s.partition AND h.run = s.run AND h.from_ms >= s.start_ms
)`
const total = (column: string) => `CAST(sum(r.${column}) AS BIGINT) AS ${column}`

/**
 * The views that people, insights and BI tools read, each with what it selects, in an order in which they can be made: names
 * in place of ids, coverage and completeness worked out at read time.
 */
export function viewsSql(dialect: ViewDialect): Readonly<Record<string, string>> {
  const { time, greater, lesser, members, elements, objectOf, widestFirst } = dialect

  /** How far the source of row `r` (feed `f`) has come on its partition; one look-up each. */
  const PROGRESS_MS = `(
      SELECT CAST(j.value AS BIGINT) FROM readers q, ${members('q.progress')} j
      WHERE q.partition = r.partition_id AND q.reader = 'all' AND j.key = f.source
    )`

  /**
   * Coverage: what any run watched of the window on the topic its books lie on, each millisecond once. It is asked for feed
   * by feed and window by window, so that one feed's windows cost the same however many feeds there are.
   */
  const WINDOW = `
    r.window_ms, r.start_ms, r.start_ms + r.window_ms AS end_ms, ${time('r.start_ms')} AS start_time,
    CAST(coalesce((
      SELECT sum(stretch.to_ms - ${greater('stretch.from_ms', 'stretch.seen_ms')}) FROM (
        SELECT watched.from_ms, watched.to_ms, coalesce(max(watched.to_ms) OVER (
          ORDER BY watched.from_ms, watched.to_ms ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS seen_ms FROM (
          SELECT ${greater('w.start_ms', 'r.start_ms')} AS from_ms, ${lesser('w.end_ms', 'r.start_ms + r.window_ms')} AS to_ms
          FROM watched_by_run w
          WHERE w.feed = r.feed AND w.partition = r.partition_id AND w.end_ms > r.start_ms AND w.start_ms < r.start_ms + r.window_ms
        ) watched
      ) stretch WHERE stretch.to_ms > stretch.seen_ms
    ), 0) AS DOUBLE PRECISION) / r.window_ms AS coverage,
    CASE WHEN ${PROGRESS_MS} >= r.start_ms + r.window_ms + ${GRACE_MS} THEN 1 ELSE 0 END AS complete`

  return {
    progress: `
      SELECT p.topic, p.partition, j.key AS source, CAST(j.value AS BIGINT) AS progress_ms
      FROM readers r JOIN partitions p ON p.id = r.partition, ${members('r.progress')} j WHERE r.reader = 'all'`,

    // Every stretch that one run watched: from its up, or the end of a hole, to the next hole, or the run's last mark.
    watched_by_run: `
      SELECT s.feed, s.partition, s.run, s.start_ms, ${lesser('s.up_to_ms', `coalesce(${NEXT_HOLE_MS}, s.up_to_ms)`)} AS end_ms
      FROM (
        SELECT w.feed, w.partition, w.run, w.from_ms AS start_ms, m.up_to_ms
        FROM watches_rows w JOIN runs_rows m ON m.run = w.run AND m.partition = w.partition
        UNION ALL
        SELECT h.feed, h.partition_id, h.run, h.to_ms, m.up_to_ms
        FROM holes_rows h JOIN watches_rows w ON w.run = h.run AND w.feed = h.feed AND w.partition = h.partition_id
        JOIN runs_rows m ON m.run = w.run AND m.partition = w.partition WHERE h.to_ms IS NOT NULL
      ) s
      WHERE NOT EXISTS (
        SELECT 1 FROM holes_rows h WHERE h.feed = s.feed AND h.partition_id = s.partition AND h.run = s.run
        AND h.from_ms < s.start_ms AND (h.to_ms > s.start_ms OR h.to_ms IS NULL)
      )`,

    best_prices: `
      SELECT ${NAMES}, ${WINDOW}, r.highest_bid, ${real('highest_bid')}, r.highest_bid_at_ms,
        r.lowest_ask, ${real('lowest_ask')}, r.lowest_ask_at_ms, r.first_mid, ${real('first_mid')}, r.last_mid, ${real('last_mid')},
        r.books, r.crossed, r.locked, r.indicative, ${LINEAGE}
      FROM best_prices_rows r ${FEED_AND_PARTITION}`,

    max_spread: `
      SELECT ${NAMES}, ${WINDOW}, r.max_spread, ${real('max_spread')}, r.max_spread_bps, ${real('max_spread_bps')},
        r.max_spread_at_ms, r.crossed_max, ${real('crossed_max')}, r.crossed_max_at_ms,
        r.books, r.crossed, r.locked, r.indicative, ${LINEAGE}
      FROM max_spread_rows r ${FEED_AND_PARTITION}`,

    // The widest window's own values: exact text, the earliest where several are as wide.
    max_spread_all_time: `
      WITH ranked AS (
        SELECT r.*,
          row_number() OVER (PARTITION BY r.feed, r.window_ms ORDER BY ${widestFirst('r.max_spread')}, r.max_spread_at_ms) AS spread_rank,
          row_number() OVER (PARTITION BY r.feed, r.window_ms ORDER BY ${widestFirst('r.crossed_max')}, r.crossed_max_at_ms) AS crossed_rank
        FROM max_spread_rows r
      )
      SELECT ${NAMES}, r.window_ms, min(r.start_ms) AS from_ms, max(r.start_ms + r.window_ms) AS to_ms,
        max(CASE WHEN spread_rank = 1 THEN r.max_spread END) AS max_spread,
        max(CASE WHEN spread_rank = 1 THEN r.max_spread_bps END) AS max_spread_bps,
        max(CASE WHEN spread_rank = 1 THEN r.max_spread_at_ms END) AS max_spread_at_ms,
        max(CASE WHEN crossed_rank = 1 THEN r.crossed_max END) AS crossed_max,
        max(CASE WHEN crossed_rank = 1 THEN r.crossed_max_at_ms END) AS crossed_max_at_ms,
        ${total('books')}, ${total('crossed')}, ${total('locked')}, ${total('indicative')}
      FROM ranked r JOIN feeds f ON f.id = r.feed GROUP BY f.id, r.window_ms`,

    // Samples are kept for a day of market time.
    mid_price: `
      SELECT ${NAMES}, r.start_ms, r.at_ms, r.mid, ${real('mid')}, ${LINEAGE}
      FROM mid_price_rows r ${FEED_AND_PARTITION}
      WHERE r.start_ms > coalesce(${PROGRESS_MS}, 0) - ${DAY_MS}`,

    top_of_book: `
      SELECT ${NAMES}, r.state, r.bid, ${real('bid')}, r.bid_size, r.ask, ${real('ask')}, r.ask_size, r.spread, ${real('spread')},
        r.mid, ${real('mid')}, r.spread_bps, ${real('spread_bps')}, r.imbalance, r.microprice, r.sequence, r.time_ms,
        r.exchange_time_ms, r.received_at_ms, r.bid_levels, r.ask_levels, r.unit, ${LINEAGE}
      FROM top_of_book_rows r ${FEED_AND_PARTITION}`,

    trades_seen: `SELECT ${NAMES}, r.time_ms, r.received_at_ms, ${LINEAGE} FROM trades_seen_rows r ${FEED_AND_PARTITION}`,

    tickers_seen: `SELECT ${NAMES}, r.time_ms, r.received_at_ms, ${LINEAGE} FROM tickers_seen_rows r ${FEED_AND_PARTITION}`,

    watches: `
      SELECT ${NAMES}, ${KIND}, r.continuity, r.run, p.topic, p.partition, r.from_ms, ${greater('coalesce(m.up_to_ms, r.from_ms)', 'r.from_ms')} AS to_ms, coalesce(m.bye, 0) AS bye
      FROM watches_rows r ${FEED_AND_PARTITION} LEFT JOIN runs_rows m ON m.run = r.run AND m.partition = r.partition`,

    holes: `
      SELECT ${NAMES}, ${KIND}, p.topic, p.partition, r.id, r.run, r.from_ms, r.to_ms, r.reason, r.causes, r.backfilled
      FROM holes_rows r ${FEED_AND_PARTITION}`,

    rejections: `
      SELECT r.id, r.kind, r.path, r.message, r.venue, r.source, r.product, r.received_at_ms, ${time('r.received_at_ms')} AS received_time,
        r.bytes, r.original, r.resent_at_ms, ${LINEAGE}
      FROM rejections_rows r JOIN partitions p ON p.id = r.partition_id WHERE r.kind IS NOT NULL`,

    rejection_digests: `
      SELECT r.digest * 10 - 9 AS first_ordinal, r.digest * 10 AS last_ordinal, r.items, (
        SELECT ${objectOf('k.kind', 'k.count')} FROM (
          SELECT i.value ->> 'kind' AS kind, count(*) AS count FROM ${elements('r.items')} i GROUP BY 1 ORDER BY 1
        ) k) AS counts, ${LINEAGE}
      FROM rejection_digests_rows r JOIN partitions p ON p.id = r.partition_id WHERE r.count = 10`,

    rejection_remainder: `
      SELECT r.digest, r.count, r.items FROM rejection_digests_rows r WHERE r.count < 10 AND r.count > 0`,

    positions: `
      SELECT w.processor, p.topic, p.partition, r.reader, p.log_id, r.first, r.position, (
          SELECT CAST(coalesce(sum(CAST(j.value AS BIGINT)), 0) AS BIGINT) FROM ${members('r.counts')} j WHERE j.key NOT LIKE 'ordinal of %'
        ) AS applied, r.duplicate, r.too_late, r.foreign_records, r.lost
      FROM processors w JOIN partitions p ON p.id = w.partition JOIN readers r ON r.partition = w.partition AND r.reader = w.reader`,

    insights: `
      SELECT r.venue, r.source, r.product, r.insight, r.slot_ms, r.computed_at_ms, r.from_ms, r.to_ms, r.result, ${LINEAGE}
      FROM insights_rows r JOIN partitions p ON p.id = r.partition_id`,
  }
}
