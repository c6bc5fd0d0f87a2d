import { Levels } from '../../src/ingest/levels.ts'
import type { BookDelta, BookRules, BookSnapshot } from '../../src/ingest/venue.ts'
import { compareTexts } from '../../src/models/decimal.ts'

/** The dullest book there is: two maps of texts. What every other book must agree with. */
export type DullBook = {
  last: number
  readonly bids: Map<string, string>
  readonly asks: Map<string, string>
  /** Whether a change was applied since its snapshot. */
  isBridged: boolean
}

export function dullBook(snapshot: BookSnapshot, levels: Levels): DullBook {
  const book: DullBook = { last: snapshot.last, bids: new Map(), asks: new Map(), isBridged: false }
  put(book, snapshot, levels)
  return book
}

/** Applies the change where the venue's rule says that it is the next one; answers what the rule says. */
export function apply(book: DullBook, rules: BookRules, delta: BookDelta, levels: Levels) {
  const rule = book.isBridged ? rules.follows : (rules.bridges ?? rules.follows)
  const following = rule(book.last, delta)
  if (following === 'next') {
    put(book, delta, levels)
    book.last = delta.last
    book.isBridged = true
  }
  return following
}

export function best(book: DullBook): { bid: string; ask: string } {
  let [bid, ask] = ['', '']
  for (const price of book.bids.keys()) if (bid === '' || compareTexts(price, bid) > 0) bid = price
  for (const price of book.asks.keys()) if (ask === '' || compareTexts(price, ask) < 0) ask = price
  return { bid, ask }
}

export function isCrossed(book: DullBook): boolean {
  const { bid, ask } = best(book)
  return bid !== '' && ask !== '' && compareTexts(bid, ask) >= 0
}

/** Levels of their own, for what must outlive its frame. */
export function kept(levels: Levels, from: number, to: number): Levels {
  const own = new Levels()
  for (let row = from; row < to; row++) own.add(levels.isBid[row] === 1 ? 'bid' : 'ask', ...levels.text(row))
  return own
}

function put(book: DullBook, { from, to }: { from: number; to: number }, levels: Levels): void {
  for (let row = from; row < to; row++) {
    const [price, size] = levels.text(row)
    const side = levels.isBid[row] === 1 ? book.bids : book.asks
    if (size === '0') side.delete(price)
    else side.set(price, size)
  }
}
