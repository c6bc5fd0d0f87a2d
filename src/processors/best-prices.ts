import { compare, type Decimal } from '../models/decimal.ts'
import { type Key, table } from '../store/table.ts'
import { comparePlace } from './place.ts'
import type { BookTop, Processor, SinceTop } from './processor.ts'

/**
 * One feed's best prices in one window: the highest bid and the lowest ask with the first moment of each, the first and
 * the last mid. `books` counts every book; only `ok` books make prices.
 */
export type BestPricesRow = {
  readonly feed: number
  readonly windowMs: number
  readonly startMs: number
  readonly highestBid: Decimal | null
  readonly highestBidAtMs: number | null
  readonly lowestAsk: Decimal | null
  readonly lowestAskAtMs: number | null
  readonly firstMid: Decimal | null
  readonly firstMidAtMs: number | null
  readonly firstMidSequence: number | null
  readonly firstMidN: number | null
  readonly lastMid: Decimal | null
  readonly lastMidAtMs: number | null
  readonly lastMidSequence: number | null
  readonly lastMidN: number | null
  readonly books: number
  readonly crossed: number
  readonly locked: number
  readonly indicative: number
}

const bestPricesTable = table<BestPricesRow>('best_prices', ['feed', 'windowMs', 'startMs'], {
  feed: 'integer',
  windowMs: 'integer',
  startMs: 'integer',
  highestBid: 'decimal?',
  highestBidAtMs: 'integer?',
  lowestAsk: 'decimal?',
  lowestAskAtMs: 'integer?',
  firstMid: 'decimal?',
  firstMidAtMs: 'integer?',
  firstMidSequence: 'integer?',
  firstMidN: 'integer?',
  lastMid: 'decimal?',
  lastMidAtMs: 'integer?',
  lastMidSequence: 'integer?',
  lastMidN: 'integer?',
  books: 'integer',
  crossed: 'integer',
  locked: 'integer',
  indicative: 'integer',
})

/** Highest bid and lowest ask of every UTC-aligned window of each of these lengths. */
export function bestPrices(windowsMs: readonly number[]): Processor<'book', BestPricesRow> {
  return {
    name: 'best-prices',
    reads: 'book',
    per: { kind: 'window', lengthsMs: windowsMs },
    table: bestPricesTable,
    merge(row, book, key) {
      const merged = withBook(row ?? emptyRow(key), book)
      return book.state === 'ok' && book.since !== null ? withSince(merged, book.since) : merged
    },
  }
}

function emptyRow(key: Key): BestPricesRow {
  return {
    feed: key[0] as number,
    windowMs: key[1] as number,
    startMs: key[2] as number,
    highestBid: null,
    highestBidAtMs: null,
    lowestAsk: null,
    lowestAskAtMs: null,
    firstMid: null,
    firstMidAtMs: null,
    firstMidSequence: null,
    firstMidN: null,
    lastMid: null,
    lastMidAtMs: null,
    lastMidSequence: null,
    lastMidN: null,
    books: 0,
    crossed: 0,
    locked: 0,
    indicative: 0,
  }
}

// One literal with every column, in one order: this runs for every book and window length.
function withBook(row: BestPricesRow, book: BookTop): BestPricesRow {
  const ok = book.state === 'ok'
  const bid = ok && isBetter(compareOr(book.bid, row.highestBid, 1), book.timeMs, row.highestBidAtMs)
  const ask = ok && isBetter(-compareOr(book.ask, row.lowestAsk, -1), book.timeMs, row.lowestAskAtMs)
  const first = ok && firstMidPlace(row, book) > 0
  const last = ok && lastMidPlace(row, book) < 0
  return {
    feed: row.feed,
    windowMs: row.windowMs,
    startMs: row.startMs,
    highestBid: bid ? book.bid : row.highestBid,
    highestBidAtMs: bid ? book.timeMs : row.highestBidAtMs,
    lowestAsk: ask ? book.ask : row.lowestAsk,
    lowestAskAtMs: ask ? book.timeMs : row.lowestAskAtMs,
    firstMid: first ? book.mid : row.firstMid,
    firstMidAtMs: first ? book.timeMs : row.firstMidAtMs,
    firstMidSequence: first ? book.sequence : row.firstMidSequence,
    firstMidN: first ? book.n : row.firstMidN,
    lastMid: last ? book.mid : row.lastMid,
    lastMidAtMs: last ? book.timeMs : row.lastMidAtMs,
    lastMidSequence: last ? book.sequence : row.lastMidSequence,
    lastMidN: last ? book.n : row.lastMidN,
    books: row.books + 1,
    crossed: row.crossed + (book.state === 'crossed' ? 1 : 0),
    locked: row.locked + (book.state === 'locked' ? 1 : 0),
    indicative: row.indicative + (book.state === 'indicative' ? 1 : 0),
  }
}

/** Extremes of the updates that a book stands for count in the window they fell into. */
function withSince(row: BestPricesRow, since: SinceTop): BestPricesRow {
  const { bidMax, askMin } = since
  const bid =
    isWithin(row, since.bidMaxAtMs) &&
    isBetter(compareOr(bidMax, row.highestBid, 1), since.bidMaxAtMs, row.highestBidAtMs)
  const ask =
    isWithin(row, since.askMinAtMs) &&
    isBetter(-compareOr(askMin, row.lowestAsk, -1), since.askMinAtMs, row.lowestAskAtMs)
  if (!bid && !ask) return row
  return {
    ...row,
    highestBid: bid ? bidMax : row.highestBid,
    highestBidAtMs: bid ? since.bidMaxAtMs : row.highestBidAtMs,
    lowestAsk: ask ? askMin : row.lowestAsk,
    lowestAskAtMs: ask ? since.askMinAtMs : row.lowestAskAtMs,
  }
}

function compareOr(value: Decimal, known: Decimal | null, otherwise: number): number {
  return known === null ? otherwise : compare(value, known)
}

/** `order` is positive where the new price is better than the known one; as good, and earlier, is better too. */
function isBetter(order: number, atMs: number, knownAtMs: number | null): boolean {
  return order > 0 || (order === 0 && atMs < knownAtMs!)
}

function isWithin(row: BestPricesRow, timeMs: number): boolean {
  return timeMs >= row.startMs && timeMs < row.startMs + row.windowMs
}

function firstMidPlace(row: BestPricesRow, book: BookTop): number {
  if (row.firstMid === null) return 1
  return comparePlace(row.firstMidAtMs!, row.firstMidSequence, row.firstMidN!, row.firstMid, book)
}

function lastMidPlace(row: BestPricesRow, book: BookTop): number {
  if (row.lastMid === null) return -1
  return comparePlace(row.lastMidAtMs!, row.lastMidSequence, row.lastMidN!, row.lastMid, book)
}
