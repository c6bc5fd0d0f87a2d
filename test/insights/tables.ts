import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import type { InsightAbout } from '../../src/insights/insight.ts'
import { add, decimalOf, formatDecimal, half, subtract } from '../../src/models/decimal.ts'
import { windowStart } from '../../src/models/time.ts'
import { spreadBps } from '../../src/processors/max-spread.ts'
import type { Views } from '../../src/store/views.ts'

/** What insights read, as plain tables in memory: the views' columns, filled by hand. */
export const NOW_MS = Date.parse('2026-11-20T14:37:12.000Z')
export const FIVE_MINUTES_MS = 300_000

export const ABOUT: InsightAbout = {
  nowMs: NOW_MS,
  windowsMs: [FIVE_MINUTES_MS],
  forecastLookbackMs: 900_000,
  forecastHorizonMs: 60_000,
}

type Tables = Pick<
  Views,
  'best_prices' | 'max_spread' | 'max_spread_all_time' | 'mid_price' | 'top_of_book' | 'watches' | 'holes'
>

const FEED = { venue: 'coinbase', source: 'mock', product: 'BTC-USD' } as const
const LINEAGE = { topic: 'books.coinbase', partition: 0, first_offset: 0, last_offset: 9 }
const COUNTS = { books: 60, crossed: 0, locked: 0, indicative: 0 }

/** A time of the day of `NOW_MS`. */
export function at(clock: string): number {
  return Date.parse(`2026-11-20T${clock}Z`)
}

const rows: { [Name in keyof Tables]: (about: Partial<Tables[Name]>) => Tables[Name] } = {
  best_prices: (about) => ({
    ...FEED,
    ...window(about.start_ms),
    coverage: 1,
    complete: 1,
    highest_bid: '100.5',
    highest_bid_real: 100.5,
    highest_bid_at_ms: at('14:32:00.5'),
    lowest_ask: '100.9',
    lowest_ask_real: 100.9,
    lowest_ask_at_ms: at('14:33:00'),
    first_mid: '100.5',
    first_mid_real: 100.5,
    last_mid: '100.7',
    last_mid_real: 100.7,
    ...COUNTS,
    ...LINEAGE,
    ...about,
  }),
  max_spread: (about) => ({
    ...FEED,
    ...window(about.start_ms),
    coverage: 1,
    complete: 1,
    max_spread: '1.01',
    max_spread_real: 1.01,
    max_spread_bps: '0.141784105903',
    max_spread_bps_real: 0.14178,
    max_spread_at_ms: at('14:32:10'),
    crossed_max: null,
    crossed_max_real: null,
    crossed_max_at_ms: null,
    ...COUNTS,
    ...LINEAGE,
    ...about,
  }),
  max_spread_all_time: (about) => ({
    ...FEED,
    window_ms: FIVE_MINUTES_MS,
    from_ms: at('14:05:00'),
    to_ms: at('14:40:00'),
    max_spread: '1.01',
    max_spread_bps: '0.141784105903',
    max_spread_at_ms: at('14:32:10'),
    crossed_max: null,
    crossed_max_at_ms: null,
    ...COUNTS,
    ...about,
  }),
  mid_price: (about) => {
    const atMs = about.at_ms ?? at('14:37:05')
    const mid = about.mid ?? '100'
    return {
      ...FEED,
      start_ms: windowStart(atMs, 1_000),
      at_ms: atMs,
      mid,
      mid_real: Number(mid),
      ...LINEAGE,
      ...about,
    }
  },
  top_of_book: (about) => {
    const [bid, ask] = [about.bid ?? '71234.56', about.ask ?? '71235.57']
    const [mid, spread] = [
      half(add(decimalOf(bid), decimalOf(ask))),
      subtract(decimalOf(ask), decimalOf(bid)),
    ]
    const bps = formatDecimal(spreadBps(spread, mid))
    const ok = (about.state ?? 'ok') === 'ok'
    return {
      ...FEED,
      state: 'ok',
      bid,
      bid_real: Number(bid),
      bid_size: '3',
      ask,
      ask_real: Number(ask),
      ask_size: '1',
      spread: formatDecimal(spread),
      spread_real: Number(formatDecimal(spread)),
      mid: ok ? formatDecimal(mid) : null,
      mid_real: null,
      spread_bps: ok ? bps : null,
      spread_bps_real: null,
      imbalance: ok ? '0.5' : null,
      microprice: ok ? '71235.3175' : null,
      sequence: 42,
      time_ms: at('14:37:05'),
      exchange_time_ms: at('14:37:05'),
      received_at_ms: at('14:37:05.1'),
      bid_levels: 50,
      ask_levels: 50,
      unit: null,
      ...LINEAGE,
      ...about,
    }
  },
  watches: (about) => ({
    ...FEED,
    kind: 'books',
    continuity: 'proven',
    run: 'r1',
    topic: `books.${about.venue ?? 'coinbase'}`,
    partition: 0,
    from_ms: at('14:30:00'),
    to_ms: at('14:37:11'),
    bye: 0,
    ...about,
  }),
  holes: (about) => ({
    ...FEED,
    topic: `books.${about.venue ?? 'coinbase'}`,
    partition: 0,
    id: 'h1',
    run: 'r1',
    from_ms: at('14:37:06'),
    to_ms: null,
    kind: 'books',
    reason: 'sequence-gap',
    causes: null,
    backfilled: null,
    ...about,
  }),
}

function window(startMs: number = at('14:30:00')) {
  return {
    window_ms: FIVE_MINUTES_MS,
    start_ms: startMs,
    end_ms: startMs + FIVE_MINUTES_MS,
    start_time: new Date(startMs).toISOString(),
  }
}

export type TestTables = {
  readonly db: Kysely<Views>
  /** Puts rows into a view's table; what is not said is made up. */
  put<Name extends keyof Tables>(name: Name, ...abouts: Partial<Tables[Name]>[]): void
  /** A sample a second (or every `stepMs`) ending at `lastMs`, with a top of book of that time. */
  putSamples(mids: readonly number[], about?: { lastMs?: number; stepMs?: number; product?: string }): void
}

export function openTables(): TestTables {
  const file = new Database(':memory:')
  const inserts = new Map<string, Database.Statement>()
  for (const [name, rowOf] of Object.entries(rows)) {
    const columns = Object.keys((rowOf as (about: object) => object)({}))
    file.exec(`CREATE TABLE ${name}(${columns.join(', ')})`)
    const values = columns.map((column) => `@${column}`).join(', ')
    inserts.set(name, file.prepare(`INSERT INTO ${name}(${columns.join(', ')}) VALUES (${values})`))
  }

  function put<Name extends keyof Tables>(name: Name, ...abouts: Partial<Tables[Name]>[]): void {
    for (const about of abouts) inserts.get(name)!.run(rows[name](about))
  }

  return {
    db: new Kysely<Views>({ dialect: new SqliteDialect({ database: file }) }),
    put,
    putSamples(mids, { lastMs = at('14:37:05'), stepMs = 1_000, product = 'BTC-USD' } = {}) {
      put('top_of_book', { product, time_ms: lastMs, received_at_ms: lastMs })
      file.exec('BEGIN')
      mids.forEach((mid, i) => {
        put('mid_price', { product, at_ms: lastMs - (mids.length - 1 - i) * stepMs, mid: String(mid) })
      })
      file.exec('COMMIT')
    },
  }
}
