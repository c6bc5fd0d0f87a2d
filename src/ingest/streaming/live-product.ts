import type { Draft } from '../../broker/publisher.ts'
import { formatDecimal } from '../../models/decimal.ts'
import type { HoleReason } from '../../models/feed-records.ts'
import { bookHead, bookText } from '../../models/product-book.ts'
import type { SourceId, VenueId } from '../../models/scalars.ts'
import { stampedHead } from '../../models/stamped.ts'
import { tickerText } from '../../models/ticker.ts'
import type { Timers } from '../../models/timers.ts'
import { type FeedKind, feedTopic } from '../../models/topics.ts'
import { tradeText } from '../../models/trade.ts'
import { LiveBook } from '../books/live-book.ts'
import { openTickerCheck, type TickerCheck } from '../books/ticker-check.ts'
import type { Levels } from '../levels.ts'
import type { BookDelta, BookSnapshot, Listing, Wire, WireTicker, WireTrade } from '../venue.ts'
import type { Instant, WatchEvent } from '../watch.ts'
import type { Line } from '../watched-feed.ts'
import type { IdRange } from './id-ranges.ts'
import type { StreamLedger } from './stream-ledger.ts'
import { TradeTape } from './trade-tape.ts'

/** What is stamped further ahead of our own clock than this is not early but wrong. */
export const FUTURE_MS_MAX = 60_000

/** What has numbers is given so long to show whether what could not be read was any of its own. */
const DOUBT_MS = 10_000

export type LiveProductAbout = {
  readonly venue: VenueId
  readonly source: SourceId
  readonly wire: Wire
  readonly levelsMax: number
  /** 0: every change is published; else at most one book in so many milliseconds. */
  readonly bookIntervalMs: number
  readonly timers: Timers
  readonly random: () => number
  readonly ledger: StreamLedger
  readonly add: (line: Line, event: WatchEvent, also?: Draft) => void
  /** A book waits for its time to be published. */
  readonly onWaiting: (product: LiveProduct) => void
  readonly requestSnapshot: (product: LiveProduct, asking: number) => void
  readonly requestTrades: (product: LiveProduct, missing: IdRange) => void
  readonly resubscribe: (kind: FeedKind, product: LiveProduct) => void
}

/** One product on one wire: its book, its trades and its ticker, and what is said of them. */
export class LiveProduct {
  readonly listing: Listing
  readonly lines: readonly Line[]
  readonly book: LiveBook | undefined
  readonly tape: TradeTape | undefined
  readonly #about: LiveProductAbout
  readonly #lines: Partial<Record<FeedKind, Line>>
  /** What every text of a kind begins with, and where it goes. */
  readonly #heads: Readonly<Record<FeedKind, string>>
  readonly #topics: Readonly<Record<FeedKind, string>>
  #check: TickerCheck | undefined
  #dueMs = 0
  readonly #undoubt = new Map<FeedKind, () => void>()

  /** `kinds`: what was asked for of it; other news of it only serves checks. */
  constructor(listing: Listing, kinds: readonly FeedKind[], about: LiveProductAbout) {
    const { venue, source, wire } = about
    const { product } = listing
    this.#about = about
    this.#heads = {
      books: bookHead(venue, source, product),
      trades: stampedHead('trade', venue, source, product),
      tickers: stampedHead('ticker', venue, source, product),
    }
    this.#topics = {
      books: feedTopic('books', venue),
      trades: feedTopic('trades', venue),
      tickers: feedTopic('tickers', venue),
    }
    this.listing = listing
    this.lines = kinds.map((kind) => lineOf(kind, listing.product, wire))
    this.#lines = Object.fromEntries(this.lines.map((line) => [line.kind, line]))
    this.book = kinds.includes('books') ? this.#openBook() : undefined
    this.tape = kinds.includes('trades') ? this.#openTape() : undefined
  }

  live(kind: FeedKind): void {
    if (kind === 'books') this.book?.live()
    if (kind === 'trades') this.tape?.live(this.#nowMs())
    if (kind === 'tickers') this.#good('tickers', this.#nowMs())
  }

  /** The connection that carried it is gone; the last frame on it came at `lastFrameMs`. */
  cut(kind: FeedKind, reason: HoleReason, lastFrameMs: number): void {
    if (kind === 'books') this.book?.cut(reason, lastFrameMs)
    if (kind === 'trades') this.tape?.cut(reason, lastFrameMs)
    if (kind === 'tickers') this.#lost('tickers', reason, lastFrameMs)
  }

  refused(kind: FeedKind): void {
    const line = this.#lines[kind]
    if (line !== undefined) {
      this.#about.add(line, { kind: 'refused', at: this.#at(this.#nowMs()), reason: 'unknown-product' })
    }
  }

  idle(kind: FeedKind): void {
    const sinceMs = this.#nowMs() - (this.#about.wire.idleMs[kind] ?? 0)
    if (kind === 'books') this.book?.idle()
    else this.cut(kind, 'stale', sinceMs)
    if (kind !== 'books') this.#about.resubscribe(kind, this)
  }

  /** News of this product that could not be used. */
  rejected(kind: FeedKind | undefined, atMs: number): void {
    if (kind === undefined || kind === 'books') this.book?.failed('bad-answer')
    if (kind === undefined || kind === 'trades') this.#rejectTrade(atMs)
  }

  /** A frame that could not be read may have been about this product: what has no numbers cannot know that it was not. */
  rejectedPerhaps(kind: FeedKind, atMs: number): void {
    if (kind === 'trades') this.#rejectTrade(atMs)
    if (kind !== 'books') return
    if (this.#about.wire.books!.continuity === 'unproven') this.book?.failed('bad-answer')
    else this.#doubt('books', atMs)
  }

  resync(): void {
    this.book?.failed('sequence-gap')
  }

  snapshot(event: BookSnapshot, levels: Levels, atMs: number, asking?: number): void {
    this.book?.snapshot(event, levels, atMs, asking)
  }

  change(event: BookDelta, levels: Levels, atMs: number): void {
    this.book?.change(event, levels, atMs)
  }

  heartbeat(lastTradeId: string | undefined, atMs: number): void {
    this.tape?.heartbeat(lastTradeId, atMs)
    this.#judge(atMs)
  }

  trade(trade: WireTrade, atMs: number): void {
    if (this.tape === undefined) this.#about.ledger.unwanted++
    else if (!this.tape.take(trade, atMs)) this.#about.ledger.old++
  }

  /** Trades that were asked for. */
  backfilled(trades: readonly WireTrade[], atMs: number): void {
    this.tape?.backfilled(trades, atMs)
  }

  ticker(ticker: WireTicker, atMs: number): void {
    this.#compare(ticker, atMs)
    const line = this.#lines.tickers
    if (line === undefined) {
      this.#about.ledger.unwanted++
      return
    }
    const { unit } = this.listing
    const value = tickerText(this.#heads.tickers, ticker, { receivedAtMs: atMs, unit })
    this.#about.ledger.published++
    this.#about.add(line, { kind: 'good', at: this.#at(atMs) }, this.#draft('tickers', value))
  }

  /** When the first news came of the book that waits to be published; undefined where none does. */
  get movedSinceMs(): number | undefined {
    return this.book?.book.movedSinceMs
  }

  /** When the book that waits may be published, on the clock that never jumps. */
  get dueMs(): number {
    return this.#dueMs
  }

  /** Publishes the book that waits, if one does. */
  publishBook(): void {
    const news = this.book?.take()
    if (news === undefined) return
    const { timers, bookIntervalMs } = this.#about
    this.#dueMs = timers.monotonicMs() + bookIntervalMs
    const value = bookText(this.#heads.books, news, this.listing.unit)
    const event: WatchEvent = { kind: 'good', at: this.#at(news.receivedAtMs) }
    this.#about.add(this.#lines.books!, event, this.#draft('books', value))
  }

  close(): void {
    for (const undoubt of this.#undoubt.values()) undoubt()
    this.book?.close()
  }

  #rejectTrade(atMs: number): void {
    this.tape?.rejected(atMs)
    this.#doubt('trades', atMs)
  }

  /** Where the next numbers would show what was lost, but nothing readable comes any more, somebody has to look. */
  #doubt(kind: 'books' | 'trades', sinceMs: number): void {
    if (this.#undoubt.has(kind)) return
    const heard = this.#heard(kind)
    const look = () => {
      this.#undoubt.delete(kind)
      if (this.#heard(kind) !== heard) return
      if (kind === 'books') this.book?.idle()
      else this.tape?.doubted(sinceMs, this.#nowMs())
    }
    this.#undoubt.set(kind, this.#about.timers.after(DOUBT_MS, look))
  }

  #heard(kind: 'books' | 'trades'): number | undefined {
    return kind === 'books' ? this.book?.heard : this.tape?.heard
  }

  #openBook(): LiveBook {
    const { wire, levelsMax, timers, random, ledger, requestSnapshot, resubscribe } = this.#about
    return new LiveBook({
      rules: wire.books!,
      levelsMax,
      timers,
      random,
      counts: ledger,
      request: (asking) => requestSnapshot(this, asking),
      resubscribe: () => resubscribe('books', this),
      onGood: (atMs) => this.#good('books', atMs),
      onLost: (reason, fromMs) => {
        this.#check = undefined
        this.#lost('books', reason, fromMs)
      },
      onMoved: (urgent) => this.#bookMoved(urgent),
    })
  }

  #openTape(): TradeTape {
    return new TradeTape({
      rules: this.#about.wire.trades!,
      onTrade: (trade, atMs, isBackfilled) => this.#publishTrade(trade, atMs, isBackfilled),
      backfill: (missing) => this.#about.requestTrades(this, missing),
      onGood: (atMs, complete) => this.#good('trades', atMs, complete),
      onLost: (reason, fromMs) => {
        this.#lost('trades', reason, fromMs)
        // Where the book has no numbers of its own, what trades were lost with may have been a change of it.
        if (reason === 'lost-trades' && this.#about.wire.books?.continuity === 'unproven') {
          this.book?.failed('lost-trades', fromMs)
        }
      },
    })
  }

  #bookMoved(urgent: boolean): void {
    const { wire, bookIntervalMs } = this.#about
    if (urgent || bookIntervalMs === 0) this.publishBook()
    else this.#about.onWaiting(this)
    if (!urgent && wire.books!.tickerChecks) this.#show()
  }

  #show(): void {
    const { timers } = this.#about
    const { levels, exchangeTimeMs } = this.book!.book
    this.#check ??= openTickerCheck()
    const best = { bid: formatDecimal(levels.bestBid()!), ask: formatDecimal(levels.bestAsk()!) }
    this.#check.onBook(best, exchangeTimeMs, timers.monotonicMs())
  }

  #compare({ bid, ask, exchangeTimeMs }: WireTicker, atMs: number): void {
    this.#check?.onTicker({ bid, ask }, exchangeTimeMs, this.#about.timers.monotonicMs())
    this.#judge(atMs)
  }

  /** Whether ticker and book still agree: to be asked now and then, since what was not confirmed in time is doubt. */
  #judge(atMs: number): void {
    const check = this.#check
    if (check === undefined || this.book?.isInStep !== true) return
    const nowMs = this.#about.timers.monotonicMs()
    if (check.verdict(nowMs) === 'ok') return
    // Where they never agreed, it was wrong from its beginning.
    const agreedMs = check.agreedAtMs() ?? Number.NEGATIVE_INFINITY
    this.book.failed('check-failed', atMs - (nowMs - agreedMs))
  }

  #publishTrade(trade: WireTrade, atMs: number, backfilled: boolean): void {
    const { unit } = this.listing
    const value = tradeText(this.#heads.trades, trade, { receivedAtMs: atMs, backfilled, unit })
    // In a hole it is for the tape to say when that ends.
    const event: WatchEvent = { kind: this.tape!.isInHole ? 'tick' : 'good', at: this.#at(atMs) }
    if (backfilled) this.#about.ledger.received++
    this.#about.ledger.published++
    this.#about.add(this.#lines.trades!, event, this.#draft('trades', value))
  }

  #good(kind: FeedKind, atMs: number, backfilled = false): void {
    const line = this.#lines[kind]
    if (line !== undefined) this.#about.add(line, { kind: 'good', at: this.#at(atMs), backfilled })
  }

  #lost(kind: FeedKind, reason: HoleReason, fromMs: number): void {
    const line = this.#lines[kind]
    if (line !== undefined)
      this.#about.add(line, { kind: 'lost', at: this.#at(this.#nowMs()), reason, fromMs })
  }

  #draft(kind: FeedKind, value: string): Draft {
    return { topic: this.#topics[kind], key: this.listing.product, value }
  }

  #at(timeMs: number): Instant {
    return { timeMs, monotonicMs: this.#about.timers.monotonicMs() }
  }

  #nowMs(): number {
    return this.#about.timers.nowMs()
  }
}

function lineOf(kind: FeedKind, product: string, wire: Wire): Line {
  const isProven =
    kind === 'books'
      ? wire.books?.continuity === 'proven'
      : kind === 'trades' && wire.trades?.ids !== 'opaque'
  return { kind, product, continuity: isProven ? 'proven' : 'unproven' }
}
