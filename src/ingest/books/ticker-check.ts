import { compareTexts } from '../../models/decimal.ts'

/**
 * A book held against its venue's own ticker, where updates of the book carry no numbers: a lost update that changed the
 * best bid or ask shows as a ticker that says another. No clock inside: `atMs` and `nowMs` are of one that never jumps.
 *
 *   ticker says what the book shows, showed up to WITHIN_MS before, or will show up to WITHIN_MS after ──► agreed: all doubt is gone
 *   it does not ──► doubt;  doubt again, of a ticker at least APART_MS later, and no agreement between ──► failed, for good
 *
 * Why two: within one batch of updates (50 ms at Coinbase) the best price may leave and come back, so that a right book never
 * shows what a right ticker said. It does not do so twice in a row. Bid and ask are judged apart, because the wrong one
 * must not hide behind the right one. A ticker that is older than the book (venues begin with the last one there was,
 * however long ago) says nothing.
 */
export type TickerCheck = {
  /**
   * The best prices of the book from `atMs` on, null for an empty side; `exchangeTimeMs` is the update's own time. First for
   * the snapshot, then at least whenever one of them has changed.
   */
  onBook(best: BestTexts, exchangeTimeMs: number | null, atMs: number): void
  /** What a ticker says; null where it does not say. */
  onTicker(best: BestTexts, exchangeTimeMs: number | null, atMs: number): void
  /** `failed` once and for all: a book that is asked for anew begins with a new check. */
  verdict(nowMs: number): 'ok' | 'failed'
  /** When ticker and book were last known to agree, on both sides; undefined where they never were. */
  agreedAtMs(): number | undefined
}

/** Prices as positive plain decimals, compared by what they are worth. */
export type BestTexts = { readonly bid: string | null; readonly ask: string | null }

/** Five batches of Coinbase's; in the recording the first ticker apart, every one equals the book at once. */
export const WITHIN_MS = 250
/** What two doubts have in common must be the book, not one batch or one stall of ours. */
export const APART_MS = 250
/** Best prices of a side within `WITHIN_MS` that are remembered: ten times what batches of 50 ms can show. */
const SHOWN_MAX = 64
/** Tickers of a side that wait for the book. More of them would only say the same. */
const CLAIMS_MAX = 32

export function openTickerCheck(): TickerCheck {
  const bid = newSide()
  const ask = newSide()
  let bookTimeMs: number | undefined
  return {
    onBook(best, exchangeTimeMs, atMs) {
      bookTimeMs = exchangeTimeMs ?? bookTimeMs
      show(bid, best.bid, atMs)
      show(ask, best.ask, atMs)
    },
    onTicker(best, exchangeTimeMs, atMs) {
      if (isOldNews(exchangeTimeMs, bookTimeMs)) return
      claim(bid, best.bid, atMs)
      claim(ask, best.ask, atMs)
    },
    verdict(nowMs) {
      settle(bid, nowMs)
      settle(ask, nowMs)
      return bid.failed || ask.failed ? 'failed' : 'ok'
    },
    agreedAtMs() {
      const agreed = Math.min(bid.agreedAtMs, ask.agreedAtMs)
      return agreed === -Infinity ? undefined : agreed
    },
  }
}

/** A book that has no dated update yet cannot tell how old a ticker is. */
function isOldNews(tickerTimeMs: number | null, bookTimeMs: number | undefined): boolean {
  return bookTimeMs === undefined || (tickerTimeMs !== null && tickerTimeMs < bookTimeMs - WITHIN_MS)
}

type Side = {
  /** Shown now. */
  price: string | null
  /** Shown before, oldest first, none of them longer ago than `WITHIN_MS`. */
  readonly shown: { readonly price: string; readonly untilMs: number }[]
  /** What tickers said that the book has not shown, oldest first. */
  readonly claims: { readonly price: string; readonly atMs: number }[]
  /** The ticker that first went unanswered since the last that agreed. */
  doubtedAtMs: number | undefined
  agreedAtMs: number
  failed: boolean
}

function newSide(): Side {
  return { price: null, shown: [], claims: [], doubtedAtMs: undefined, agreedAtMs: -Infinity, failed: false }
}

function show(side: Side, price: string | null, atMs: number): void {
  if (isSame(side.price, price)) return
  settle(side, atMs)
  if (side.price !== null) side.shown.push({ price: side.price, untilMs: atMs })
  if (side.shown.length > SHOWN_MAX) side.shown.shift()
  side.price = price
  const answered = side.claims.findLast((claimed) => isSame(claimed.price, price))
  if (answered !== undefined) agree(side, answered.atMs)
}

function claim(side: Side, price: string | null, atMs: number): void {
  if (price === null) return
  settle(side, atMs)
  if (isSame(side.price, price) || side.shown.some((before) => isSame(before.price, price))) {
    agree(side, atMs)
  } else if (side.claims.length < CLAIMS_MAX) {
    side.claims.push({ price, atMs })
  }
}

/** What was claimed up to then is as good as answered: the book was right then. */
function agree(side: Side, atMs: number): void {
  side.agreedAtMs = Math.max(side.agreedAtMs, atMs)
  side.doubtedAtMs = undefined
  while (side.claims.length > 0 && side.claims[0]!.atMs <= atMs) side.claims.shift()
}

/** Forgets what is too long ago, and doubts over tickers that nothing can answer any more. */
function settle(side: Side, nowMs: number): void {
  while (side.shown.length > 0 && side.shown[0]!.untilMs < nowMs - WITHIN_MS) side.shown.shift()
  while (side.claims.length > 0 && side.claims[0]!.atMs < nowMs - WITHIN_MS) {
    doubt(side, side.claims.shift()!.atMs)
  }
}

function doubt(side: Side, atMs: number): void {
  side.doubtedAtMs ??= atMs
  if (atMs - side.doubtedAtMs >= APART_MS) side.failed = true
}

function isSame(a: string | null, b: string | null): boolean {
  return a === b || (a !== null && b !== null && compareTexts(a, b) === 0)
}
