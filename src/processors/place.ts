import { compare, type Decimal } from '../models/decimal.ts'
import type { BookTop } from './processor.ts'

/**
 * Where a sample stands among the books of its feed, against `book`: by time, then the venue's sequence (none comes
 * first), then the number in the producer's run. Numbers of different runs may be equal: then the smaller mid comes
 * first, so that every arrival order agrees. Negative: before; zero: the same place and mid.
 */
export function comparePlace(
  atMs: number,
  sequence: number | null,
  n: number,
  mid: Decimal,
  book: BookTop,
): number {
  return (
    atMs - book.timeMs || (sequence ?? -1) - (book.sequence ?? -1) || n - book.n || compare(mid, book.mid)
  )
}
