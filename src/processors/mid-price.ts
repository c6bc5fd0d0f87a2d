import type { Decimal } from '../models/decimal.ts'
import { table } from '../store/table.ts'
import { comparePlace } from './place.ts'
import type { Processor } from './processor.ts'

/** One feed's mid at the last `ok` book of one second. A second without such a book has no row, and so no sample. */
export type MidPriceRow = {
  readonly startMs: number
  readonly feed: number
  readonly mid: Decimal
  readonly atMs: number
  readonly sequence: number | null
  readonly n: number
}

export const midPrice: Processor<'book', MidPriceRow> = {
  name: 'mid-price',
  reads: 'book',
  per: { kind: 'second' },
  table: table<MidPriceRow>('mid_price', ['startMs', 'feed'], {
    startMs: 'integer',
    feed: 'integer',
    mid: 'decimal',
    atMs: 'integer',
    sequence: 'integer?',
    n: 'integer',
  }),
  merge(row, book, key) {
    if (book.state !== 'ok') return row
    if (row !== undefined && comparePlace(row.atMs, row.sequence, row.n, row.mid, book) >= 0) return row
    return {
      startMs: key[0] as number,
      feed: book.feed,
      mid: book.mid,
      atMs: book.timeMs,
      sequence: book.sequence,
      n: book.n,
    }
  },
}
