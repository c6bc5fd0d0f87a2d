import { compare } from '../../models/decimal.ts'
import type { HoleReason } from '../../models/feed-records.ts'
import type { BookNews } from '../../models/product-book.ts'
import type { Levels } from '../levels.ts'
import { OrderBook } from '../order-book.ts'
import type { BookChecksum, BookDelta, BookRules, BookSnapshot } from '../venue.ts'
import { Conflation } from './conflation.ts'

/** With fewer levels a side that we know to be all there are, times what travels, a new snapshot is wanted. */
const KNOWN_MIN = 2
/** But not before half of those that the last one brought are used up: another would bring no more. */
const KNOWN_SHARE_MIN = 0.5
/** Levels a side that are kept of a book of which we never know all: what lies deeper is fetched when it is needed. */
const KEPT_LEVELS_MAX = 5_000

export type StandingBookAbout = {
  readonly rules: Pick<BookRules, 'openChecksum'>
  /** Levels a side that travel. */
  readonly levelsMax: number
  readonly counts: BookCounts
}

/** What became of snapshots and changes; each is counted once, when it is known. */
export type BookCounts = {
  published: number
  /** Another that was published stands for it. */
  conflated: number
  /** Nothing was new in it, or nobody waited for it any more. */
  old: number
  /** It came while the book was out of step, or was taken back with the book. */
  outOfStep: number
}

/** A snapshot or a change with its rows. */
export type Applied<Event> = { readonly event: Event; readonly levels: Levels }

/**
 * The levels of a book, whether they can be right, and what of them waits to be published. It believes what it is told to
 * apply: whether that follows is not asked here.
 *
 * A whole book may have an empty side. It is right, and there is nothing to publish of it until somebody quotes again.
 */
export class StandingBook {
  readonly levels = new OrderBook()
  readonly #about: StandingBookAbout
  readonly #moved = new Conflation()
  /** Snapshots and changes that what is published next stands for, and when the first of them came. */
  #movedBy = 0
  #movedSinceMs = 0
  #publishedMs = 0
  #receivedAtMs = 0
  #exchangeTimeMs: number | null = null
  #checksum: BookChecksum | undefined
  #isWhole = false
  #knownMin = 0

  constructor(about: StandingBookAbout) {
    this.#about = about
  }

  /** A book is waiting to be published. */
  get hasMoved(): boolean {
    return this.#moved.updates > 0
  }

  /** When the first came of what waits to be published; undefined where nothing does. */
  get movedSinceMs(): number | undefined {
    return this.hasMoved ? this.#movedSinceMs : undefined
  }

  /** When what was published last had come: what is taken back came later. */
  get publishedMs(): number {
    return this.#publishedMs
  }

  /** The venue's time of what was applied last. */
  get exchangeTimeMs(): number | null {
    return this.#exchangeTimeMs
  }

  /** The top is near the end of what we know. */
  get isShallow(): boolean {
    return !this.#isWhole && this.#known < this.#knownMin
  }

  /** Whether what waits must be published before this change: afterwards its second is over, or there may be nothing left to show. */
  isDueBefore(delta: BookDelta, atMs: number): boolean {
    if (!this.hasMoved) return false
    if (this.#moved.isOfAnotherSecond(delta.exchangeTimeMs ?? atMs)) return true
    return delta.to - delta.from >= Math.min(this.levels.bidLevels, this.levels.askLevels)
  }

  /** Takes a snapshot for all there is. Answers why the book cannot be right, if so. */
  replace({ event, levels }: Applied<BookSnapshot>): HoleReason | undefined {
    this.levels.replace(levels, event.from, event.to, event.whole)
    this.#isWhole = event.whole
    this.#knownMin = Math.min(KNOWN_MIN * this.#about.levelsMax, KNOWN_SHARE_MIN * this.#known)
    this.#checksum = event.checksum === undefined ? undefined : this.#about.rules.openChecksum?.()
    this.#exchangeTimeMs = event.exchangeTimeMs
    return this.#checksum?.holds(event, levels) === false ? 'check-failed' : undefined
  }

  /** Applies a change. Answers why the book cannot be right, if so. */
  apply({ event, levels }: Applied<BookDelta>): HoleReason | undefined {
    this.levels.apply(levels, event.from, event.to)
    this.#exchangeTimeMs = event.exchangeTimeMs
    return this.#checksum?.holds(event, levels) === false ? 'check-failed' : undefined
  }

  /**
   * What was applied by now, `events` of them, has come by `atMs` and waits to be published together. Answers why that
   * cannot be, if so.
   */
  settle(events: number, atMs: number): HoleReason | undefined {
    this.#movedBy += events
    const [bid, ask] = [this.levels.bestBid(), this.levels.bestAsk()]
    if (bid === undefined || ask === undefined) return this.#isWhole ? undefined : 'beyond-range'
    if (compare(bid, ask) >= 0) return 'check-failed'
    if (this.#known === 0) return 'beyond-range'
    if (!this.#isWhole) this.levels.trim(KEPT_LEVELS_MAX)
    this.#receivedAtMs = atMs
    if (!this.hasMoved) this.#movedSinceMs = atMs
    this.#moved.add(bid, ask, this.#exchangeTimeMs ?? atMs)
    return undefined
  }

  /** Takes what waits to be published, under the venue's number; undefined where nothing does. */
  take(sequence: number | null): BookNews | undefined {
    if (!this.hasMoved) return undefined
    const since = this.#moved.since()
    this.#moved.reset()
    this.#about.counts.published++
    this.#about.counts.conflated += this.#movedBy - 1
    this.#movedBy = 0
    this.#publishedMs = this.#receivedAtMs
    const { levels } = this
    const { bids, asks } = this.#top()
    return {
      sequence,
      exchangeTimeMs: this.#exchangeTimeMs,
      receivedAtMs: this.#receivedAtMs,
      state: 'ok',
      bids,
      asks,
      bidLevels: levels.bidLevels,
      askLevels: levels.askLevels,
      since,
    }
  }

  /** What waits to be published will not be. */
  takeBack(): void {
    this.#about.counts.outOfStep += this.#movedBy
    this.#movedBy = 0
    this.#moved.reset()
  }

  /** Forgets everything but its times. */
  clear(): void {
    this.takeBack()
    this.levels.clear()
    this.#checksum = undefined
  }

  get #known(): number {
    return Math.min(this.levels.bidsKnown, this.levels.asksKnown)
  }

  /** The best levels; beyond what we know, nobody can say that they are those. */
  #top(): { bids: string; asks: string } {
    const { bidsKnown, asksKnown } = this.levels
    const { levelsMax } = this.#about
    if (this.#isWhole || Math.min(bidsKnown, asksKnown) >= levelsMax) return this.levels.top(levelsMax)
    const { bids } = this.levels.top(Math.min(levelsMax, bidsKnown))
    const { asks } = this.levels.top(Math.min(levelsMax, asksKnown))
    return { bids, asks }
  }
}
