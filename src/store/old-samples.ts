import { DAY_MS } from '../models/time.ts'

/**
 * Which one-second samples are old, and how they leave the store, in SQL that both databases understand. A sample is old
 * when it is a day behind the progress of its own source on its own partition; the view hides it from that moment on.
 *
 * A source that stands still keeps its last day for ever. So samples are looked at in the order of their key, some at a
 * time, round and round: what is kept keeps nobody else's from going.
 */

/** Samples looked at in one call: some milliseconds of work. */
const LOOKED_AT_MAX = 5_000

/** Behind which sample a look begins, or ends. */
export type SamplePlace = readonly [startMs: number, feed: number]

export const BEFORE_ALL_SAMPLES: SamplePlace = [-1, -1]

/** Up to where each source's samples are old on each partition. Worked out once a statement, not once a sample. */
const HORIZONS = `horizons AS MATERIALIZED (
    SELECT p.id AS partition_id, q.source, q.progress_ms - ${DAY_MS} AS horizon_ms
    FROM progress q JOIN partitions p ON p.topic = q.topic AND p.partition = q.partition
  )`

/**
 * Every row `r` of `rows` with the horizon `h` it is behind, beside `HORIZONS`; with none where it is not old, or has no
 * feed or no progress yet. A join, and no question row by row: PostgreSQL would go through all horizons for each.
 */
const withHorizons = (rows: string) => `${rows} r LEFT JOIN feeds f ON f.id = r.feed
    LEFT JOIN horizons h ON h.partition_id = r.partition_id AND h.source = f.source AND r.start_ms <= h.horizon_ms`

/** The samples that are not old, whether the others have left yet or not: a query that stands in brackets. */
export const KEPT_SAMPLES = `(
    WITH ${HORIZONS} SELECT r.* FROM ${withHorizons('mid_price_rows')} WHERE h.horizon_ms IS NULL
  )`

/** One number: up to when any sample can be old. Null where there is no progress yet. */
export const LAST_HORIZON_MS = `SELECT max(progress_ms) - ${DAY_MS} FROM progress`

/** The samples behind `from` that may be old, in the order of their key. `horizonMs`: the last one of all. */
const samplesFrom = (from: SamplePlace, horizonMs: number) => `FROM mid_price_rows
    WHERE (start_ms, feed) > (${from.join(', ')}) AND start_ms <= ${horizonMs} ORDER BY start_ms, feed`

/** The place of the last sample that a look from `from` on takes in; no row where what is left is less than a look. */
export function endOfLook(from: SamplePlace, horizonMs: number): string {
  return `SELECT start_ms, feed ${samplesFrom(from, horizonMs)} LIMIT 1 OFFSET ${LOOKED_AT_MAX - 1}`
}

/**
 * Takes one look from `from` on and drops what is old of it. `locking`: how a database that others write to says to pass over
 * each `sample` that they hold. The look is taken first, by itself: then no planner needs to guess how much it is.
 */
export function dropOld(from: SamplePlace, horizonMs: number, locking = ''): string {
  return `WITH ${HORIZONS}, look AS MATERIALIZED (
      SELECT start_ms, feed, partition_id ${samplesFrom(from, horizonMs)} LIMIT ${LOOKED_AT_MAX}
    ), old AS MATERIALIZED (
      SELECT sample.start_ms, sample.feed FROM ${withHorizons('look')}
      JOIN mid_price_rows sample ON sample.start_ms = r.start_ms AND sample.feed = r.feed
      WHERE h.horizon_ms IS NOT NULL ${locking}
    )
    DELETE FROM mid_price_rows WHERE (start_ms, feed) IN (SELECT start_ms, feed FROM old)`
}
