import { compare, type Decimal, decimalOf, divide, multiply } from '../models/decimal.ts'
import { type Key, table } from '../store/table.ts'
import type { BookTop, Processor, SinceTop } from './processor.ts'

/**
 * One feed's widest moments in one window. The spread is ask - bid of `ok` books, exact; `crossedMax` is bid - ask of the
 * most crossed book. Both with the first moment they were reached.
 */
export type MaxSpreadRow = {
  readonly feed: number
  readonly windowMs: number
  readonly startMs: number
  readonly maxSpread: Decimal | null
  readonly maxSpreadAtMs: number | null
  readonly maxSpreadMid: Decimal | null
  readonly crossedMax: Decimal | null
  readonly crossedMaxAtMs: number | null
  readonly books: number
  readonly crossed: number
  readonly locked: number
  readonly indicative: number
}

const TEN_THOUSAND = decimalOf('10000')

/** Basis points: spread / mid x 10,000, to twelve places. */
export function spreadBps(spread: Decimal, mid: Decimal): Decimal {
  return divide(multiply(spread, TEN_THOUSAND), mid)
}

const maxSpreadTable = table<MaxSpreadRow>(
  'max_spread',
  ['feed', 'windowMs', 'startMs'],
  {
    feed: 'integer',
    windowMs: 'integer',
    startMs: 'integer',
    maxSpread: 'decimal?',
    maxSpreadAtMs: 'integer?',
    maxSpreadMid: 'decimal?',
    crossedMax: 'decimal?',
    crossedMaxAtMs: 'integer?',
    books: 'integer',
    crossed: 'integer',
    locked: 'integer',
    indicative: 'integer',
  },
  {
    maxSpreadBps: [
      'decimal?',
      (row) =>
        row.maxSpread === null || row.maxSpreadMid === null
          ? null
          : spreadBps(row.maxSpread, row.maxSpreadMid),
    ],
  },
)

/** The widest spread of every UTC-aligned window of each of these lengths. */
export function maxSpread(windowsMs: readonly number[]): Processor<'book', MaxSpreadRow> {
  return {
    name: 'max-spread',
    reads: 'book',
    per: { kind: 'window', lengthsMs: windowsMs },
    table: maxSpreadTable,
    merge(row, book, key) {
      const merged = withBook(row ?? emptyRow(key), book)
      return book.state === 'ok' && book.since !== null ? withSince(merged, book.since) : merged
    },
  }
}

function emptyRow(key: Key): MaxSpreadRow {
  return {
    feed: key[0] as number,
    windowMs: key[1] as number,
    startMs: key[2] as number,
    maxSpread: null,
    maxSpreadAtMs: null,
    maxSpreadMid: null,
    crossedMax: null,
    crossedMaxAtMs: null,
    books: 0,
    crossed: 0,
    locked: 0,
    indicative: 0,
  }
}

// One literal with every column, in one order: this runs for every book and window length.
function withBook(row: MaxSpreadRow, book: BookTop): MaxSpreadRow {
  const wider = book.state === 'ok' && isWider(row, book.spread, book.timeMs, book.mid)
  const crossed = book.state === 'crossed' ? negated(book.spread) : null
  const deeper = crossed !== null && isDeeper(row, crossed, book.timeMs)
  return {
    feed: row.feed,
    windowMs: row.windowMs,
    startMs: row.startMs,
    maxSpread: wider ? book.spread : row.maxSpread,
    maxSpreadAtMs: wider ? book.timeMs : row.maxSpreadAtMs,
    maxSpreadMid: wider ? book.mid : row.maxSpreadMid,
    crossedMax: deeper ? crossed : row.crossedMax,
    crossedMaxAtMs: deeper ? book.timeMs : row.crossedMaxAtMs,
    books: row.books + 1,
    crossed: row.crossed + (crossed === null ? 0 : 1),
    locked: row.locked + (book.state === 'locked' ? 1 : 0),
    indicative: row.indicative + (book.state === 'indicative' ? 1 : 0),
  }
}

/** The widest of the updates that a book stands for counts in the window it fell into. */
function withSince(row: MaxSpreadRow, since: SinceTop): MaxSpreadRow {
  const { spreadMax: spread, spreadMaxMid: mid } = since
  const within = since.spreadMaxAtMs >= row.startMs && since.spreadMaxAtMs < row.startMs + row.windowMs
  if (!within || !isWider(row, spread, since.spreadMaxAtMs, mid)) return row
  return { ...row, maxSpread: spread, maxSpreadAtMs: since.spreadMaxAtMs, maxSpreadMid: mid }
}

/** As wide at the same moment, the smaller mid decides, so that every arrival order agrees. */
function isWider(row: MaxSpreadRow, spread: Decimal, atMs: number, mid: Decimal): boolean {
  if (row.maxSpread === null) return true
  const order = compare(spread, row.maxSpread) || row.maxSpreadAtMs! - atMs
  return order > 0 || (order === 0 && compare(mid, row.maxSpreadMid!) < 0)
}

function isDeeper(row: MaxSpreadRow, crossed: Decimal, atMs: number): boolean {
  if (row.crossedMax === null) return true
  const order = compare(crossed, row.crossedMax)
  return order > 0 || (order === 0 && atMs < row.crossedMaxAtMs!)
}

function negated(value: Decimal): Decimal {
  return { units: -value.units, scale: value.scale }
}
