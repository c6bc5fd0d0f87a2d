import { add, compare, type Decimal, divide, half, multiply, subtract } from '../models/decimal.ts'
import type { BookState } from '../models/product-book.ts'
import { table } from '../store/table.ts'
import { spreadBps } from './max-spread.ts'
import type { BookTop, Processor } from './processor.ts'

/** A feed's latest book, whatever its state. What is worked out from the prices stands only where they can be traded at. */
export type TopOfBookRow = {
  readonly feed: number
  readonly state: BookState
  readonly bid: Decimal
  readonly bidSize: Decimal
  readonly ask: Decimal
  readonly askSize: Decimal
  readonly sequence: number | null
  readonly n: number
  readonly timeMs: number
  readonly exchangeTimeMs: number | null
  readonly receivedAtMs: number
  readonly bidLevels: number
  readonly askLevels: number
  /** What one unit of size stands for, where that is not one BASE. */
  readonly unit: string | null
}

/** (bidSize - askSize) / (bidSize + askSize): 1 where all size is on the bid, -1 where all is on the ask. */
export function imbalance(row: TopOfBookRow): Decimal {
  return divide(subtract(row.bidSize, row.askSize), add(row.bidSize, row.askSize))
}

/** (bid x askSize + ask x bidSize) / (bidSize + askSize): the mid, drawn to the side with less size. */
export function microprice(row: TopOfBookRow): Decimal {
  const weighted = add(multiply(row.bid, row.askSize), multiply(row.ask, row.bidSize))
  return divide(weighted, add(row.bidSize, row.askSize))
}

const midOf = (row: TopOfBookRow) => half(add(row.bid, row.ask))
const spreadOf = (row: TopOfBookRow) => subtract(row.ask, row.bid)
const whenOk = (derive: (row: TopOfBookRow) => Decimal) => (row: TopOfBookRow) =>
  row.state === 'ok' ? derive(row) : null

export const topOfBook: Processor<'book', TopOfBookRow> = {
  name: 'top-of-book',
  reads: 'book',
  per: { kind: 'feed' },
  table: table<TopOfBookRow>(
    'top_of_book',
    ['feed'],
    {
      feed: 'integer',
      state: 'text',
      bid: 'decimal',
      bidSize: 'decimal',
      ask: 'decimal',
      askSize: 'decimal',
      sequence: 'integer?',
      n: 'integer',
      timeMs: 'integer',
      exchangeTimeMs: 'integer?',
      receivedAtMs: 'integer',
      bidLevels: 'integer',
      askLevels: 'integer',
      unit: 'text?',
    },
    {
      spread: ['decimal', spreadOf],
      mid: ['decimal?', whenOk(midOf)],
      spreadBps: ['decimal?', whenOk((row) => spreadBps(spreadOf(row), midOf(row)))],
      imbalance: ['decimal?', whenOk(imbalance)],
      microprice: ['decimal?', whenOk(microprice)],
    },
  ),
  merge(row, book) {
    if (row !== undefined && compareLatest(row, book) >= 0) return row
    return {
      feed: book.feed,
      state: book.state,
      bid: book.bid,
      bidSize: book.bidSize,
      ask: book.ask,
      askSize: book.askSize,
      sequence: book.sequence,
      n: book.n,
      timeMs: book.timeMs,
      exchangeTimeMs: book.exchangeTimeMs,
      receivedAtMs: book.receivedAtMs,
      bidLevels: book.bidLevels,
      askLevels: book.askLevels,
      unit: book.unit,
    }
  },
}

/** By time, sequence, number in the run; two runs may be equal in all three: then every column decides. */
function compareLatest(row: TopOfBookRow, book: BookTop): number {
  return (
    row.timeMs - book.timeMs ||
    (row.sequence ?? -1) - (book.sequence ?? -1) ||
    row.n - book.n ||
    row.receivedAtMs - book.receivedAtMs ||
    compare(row.bid, book.bid) ||
    compare(row.ask, book.ask) ||
    compare(row.bidSize, book.bidSize) ||
    compare(row.askSize, book.askSize) ||
    row.bidLevels - book.bidLevels ||
    row.askLevels - book.askLevels ||
    (row.exchangeTimeMs ?? -1) - (book.exchangeTimeMs ?? -1) ||
    compareTexts(row.state, book.state) ||
    compareTexts(row.unit ?? '', book.unit ?? '')
  )
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
