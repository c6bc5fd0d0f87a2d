import { crc32 } from 'node:zlib'
import { compareTexts, isPositiveDecimal } from '../../models/decimal.ts'
import type { BookChecksum, BookDelta, BookSnapshot, RawLevel } from '../venue.ts'

/** So many levels a side are in the sum. */
const LEVELS_SUMMED = 25

/**
 * OKX's checksum of a book: CRC-32, as a signed number, of its best levels written one behind the other, a bid and an ask by
 * turns, `bid:size:ask:size:bid:...`, in the venue's own digits; where one side has no more, the other goes on alone.
 *
 * Before June 2026 every frame of a book had one; since then it is 0, which says nothing. A frame without one leaves the book
 * without texts, so that nothing can be held against a later one.
 *
 * https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel
 */
export function openChecksum(): BookChecksum {
  const bids = new RawSide(-1)
  const asks = new RawSide(1)
  let isBlind = false
  return {
    holds(event: BookSnapshot | BookDelta): boolean {
      if (event.type === 'snapshot') {
        bids.clear()
        asks.clear()
      }
      isBlind = event.raw === undefined || (isBlind && event.type === 'delta')
      if (isBlind || event.raw === undefined) return true
      bids.put(event.raw.bids)
      asks.put(event.raw.asks)
      return checksumOf(bids.best, asks.best) === event.checksum
    },
  }
}

function checksumOf(bids: readonly RawLevel[], asks: readonly RawLevel[]): number {
  const parts: string[] = []
  for (let i = 0; i < LEVELS_SUMMED; i++) {
    for (const level of [bids[i], asks[i]]) if (level !== undefined) parts.push(level[0], level[1])
  }
  return crc32(parts.join(':')) | 0
}

/** One side of a book as the venue wrote it, best first: at most the 400 levels that it holds, and what came since. */
class RawSide {
  readonly #sign: 1 | -1
  #levels: RawLevel[] = []

  /** 1: prices rise from the best on. */
  constructor(sign: 1 | -1) {
    this.#sign = sign
  }

  get best(): readonly RawLevel[] {
    return this.#levels
  }

  clear(): void {
    this.#levels = []
  }

  put(levels: readonly RawLevel[]): void {
    for (const level of levels) {
      const at = this.#placeOf(level[0])
      const isThere = this.#levels[at] !== undefined && compareTexts(this.#levels[at][0], level[0]) === 0
      if (isPositiveDecimal(level[1])) this.#levels.splice(at, isThere ? 1 : 0, level)
      else if (isThere) this.#levels.splice(at, 1)
    }
  }

  /** Where the price stands, or would stand. */
  #placeOf(price: string): number {
    let from = 0
    let to = this.#levels.length
    while (from < to) {
      const middle = (from + to) >> 1
      if (compareTexts(this.#levels[middle]![0], price) * this.#sign < 0) from = middle + 1
      else to = middle
    }
    return from
  }
}
