import type { HoleReason } from '../../models/feed-records.ts'
import type { BookNews } from '../../models/product-book.ts'
import type { Timers } from '../../models/timers.ts'
import { type BookDoes, type BookEvent, type BookPhase, nextBook } from '../book-sync.ts'
import type { Levels } from '../levels.ts'
import { type BookDelta, type BookRules, type BookSnapshot, type Following, NO_NUMBER } from '../venue.ts'
import { SnapshotAsking } from './snapshot-asking.ts'
import { type BookCounts, StandingBook } from './standing-book.ts'
import { bridging, WaitingChanges } from './waiting-changes.ts'

/** A snapshot that is ahead of the stream waits so long for it: many times what streams are behind answers. */
const AHEAD_MS_MAX = 2_000
/** So many snapshots in a row that do not fit, half a minute of them: it is what waits for them that cannot be right. */
const UNFIT_MAX = 8
/** So many old changes in a row are no repetition: the venue has begun to number anew. */
const OLD_MAX = 500

export type LiveBookAbout = {
  readonly rules: BookRules
  /** Levels a side that travel. */
  readonly levelsMax: number
  readonly timers: Timers
  readonly random: () => number
  /** Asks for a snapshot: `sent` is called when that leaves, then `snapshot` or `missing`, all of them later, with `asking`. */
  readonly request: (asking: number) => void
  /** Asks the venue to begin anew with this product: a snapshot comes by itself. */
  readonly resubscribe: () => void
  /** In step from `atMs` on. */
  readonly onGood: (atMs: number) => void
  /** Out of step since some time after `fromMs`. */
  readonly onLost: (reason: HoleReason, fromMs: number) => void
  /** The book has moved and waits to be published; with `urgent`, before this call returns or never. */
  readonly onMoved: (urgent: boolean) => void
  readonly counts: BookCounts
}

/**
 * One product's book, kept in step as `book-sync.ts` says: it alone decides; here is what it decides about. Levels are
 * looked at only within the call that brings them.
 */
export class LiveBook {
  readonly #about: LiveBookAbout
  readonly #book: StandingBook
  readonly #asking: SnapshotAsking
  readonly #waiting = new WaitingChanges()
  #phase: BookPhase = 'empty'
  /** The venue's number of what was applied last; whether that was a change, and not a snapshot that was asked for. */
  #last = NO_NUMBER
  #isBridged = false
  /** Since when it is in step, and when it was last known to be right. */
  #inStepMs = 0
  #goodMs = 0
  #reason: HoleReason = 'stale'
  /** Changes that wait for a snapshot and were not applied before. */
  #waits = 0
  /** A request has left: its answer may lack anything that comes from then on. */
  #isKeeping = false
  /** A snapshot that is ahead of the stream. */
  #ahead: BroughtSnapshot | undefined
  #unfitInARow = 0
  #oldInARow = 0
  #heard = 0
  /** Silence was reported, and nothing has come since. */
  #isDoubted = false

  constructor(about: LiveBookAbout) {
    this.#about = about
    this.#book = new StandingBook(about)
    this.#asking = new SnapshotAsking({ ...about, onOverdue: (asking) => this.missing(asking) })
  }

  get isInStep(): boolean {
    return this.#phase === 'in-step'
  }

  /** What is applied by now: for checks against what the venue says elsewhere, and for its times. */
  get book(): Pick<StandingBook, 'levels' | 'exchangeTimeMs' | 'hasMoved' | 'movedSinceMs'> {
    return this.#book
  }

  /** How many snapshots and changes have come. */
  get heard(): number {
    return this.#heard
  }

  live(): void {
    this.#do('live')
  }

  cut(reason: HoleReason, lastFrameMs: number): void {
    this.#reason = reason
    this.#goodMs = Math.max(this.#goodMs, lastFrameMs)
    this.#do('cut')
    // Another connection may count otherwise.
    this.#last = NO_NUMBER
  }

  /** The book cannot be right any more; `goodMs` is when it was last known to be, if that is not when it last moved. */
  failed(reason: HoleReason, goodMs = this.#goodMs): void {
    this.#reason = reason
    if (goodMs < this.#goodMs) this.#takeBackTo(goodMs)
    else this.#goodMs = goodMs
    this.#do('failed')
  }

  /** Silence. Where numbers can say whether anything was missed they are asked; a second silence says enough. */
  idle(): void {
    const isProven = this.#about.rules.continuity === 'proven'
    if (this.isInStep && (this.#isDoubted || !isProven)) {
      this.failed('stale')
    } else {
      this.#isDoubted = this.isInStep
      this.#do('idle')
    }
  }

  /** The request has left. */
  sent(asking: number): void {
    if (this.#asking.isFor(asking)) this.#isKeeping = true
  }

  /** What was asked for does not come. */
  missing(asking: number): void {
    if (!this.#asking.isFor(asking)) return
    this.#asking.stop()
    this.#isKeeping = false
    // In step it was kept for this answer alone; the next one will be asked for later.
    if (this.isInStep) this.#waiting.clear()
    this.#do('missing')
  }

  /** A snapshot: from the stream, or what was asked for (`asking`). */
  snapshot(snapshot: BookSnapshot, levels: Levels, atMs: number, asking?: number): void {
    const brought = { event: snapshot, levels, atMs, isAsked: asking !== undefined }
    this.#heard++
    if (asking === undefined) this.#bring(brought)
    else if (!this.#asking.isFor(asking) || this.#ahead !== undefined) this.#about.counts.old++
    else if (this.isInStep && snapshot.last > this.#last) this.#keepAhead(brought)
    else this.#bring(brought)
  }

  change(delta: BookDelta, levels: Levels, atMs: number): void {
    const following = this.#followingOf(delta)
    this.#heard++
    if (following !== 'old') this.#oldInARow = 0
    else if (++this.#oldInARow > OLD_MAX) this.#beginAnew()
    if (following === 'gap') this.#reason = 'sequence-gap'
    this.#do(following === 'next' ? 'change' : following, { event: delta, levels, atMs })
  }

  /** Takes what waits to be published; undefined where nothing does. */
  take(): BookNews | undefined {
    return this.#book.take(this.#last === NO_NUMBER ? null : this.#last)
  }

  /** Nothing is asked for any more. */
  close(): void {
    this.#asking.close()
  }

  #followingOf(delta: BookDelta): Following {
    const { rules } = this.#about
    if (this.isInStep) {
      return this.#isBridged ? rules.follows(this.#last, delta) : bridging(rules, this.#last, delta)
    }
    return this.#waiting.length === 0 ? 'next' : rules.follows(this.#waiting.last, delta)
  }

  #do(event: BookEvent, about?: Brought): void {
    const step = nextBook(this.#phase, event)
    this.#phase = step.phase
    for (const does of step.does) {
      this.#obey(does, event, about)
      // What was done has shown something worse, and that has been seen to.
      if (this.#phase !== step.phase) return
    }
  }

  #obey(does: BookDoes, event: BookEvent, about: Brought | undefined): void {
    switch (does) {
      case 'apply':
        this.#apply(about as BroughtChange)
        break
      case 'buffer':
        this.#buffer(about as BroughtChange)
        break
      case 'install':
        this.#install(about as BroughtSnapshot)
        break
      case 'renew':
        this.#renew(about as BroughtSnapshot)
        break
      case 'good':
        this.#about.onGood(this.#inStepMs)
        break
      case 'lost':
        this.#lose(this.#reason)
        break
      case 'forget':
        this.#forget()
        break
      case 'await':
        this.#asking.await()
        break
      case 'ask':
        this.#asking.ask(this.isInStep)
        break
      case 'drop':
        this.#about.counts[event === 'old' ? 'old' : 'outOfStep']++
    }
  }

  #apply(change: BroughtChange): void {
    const { event, levels, atMs } = change
    if (this.#book.isDueBefore(event, atMs)) this.#about.onMoved(true)
    if (this.#isKeeping) this.#waiting.add(event, levels)
    this.#last = event.last
    this.#isBridged = true
    const fault = this.#book.apply(change)
    this.#settle(1, atMs, fault)
    if (this.#ahead !== undefined && this.#ahead.event.last <= this.#last) this.#bringAhead(atMs)
  }

  /** Until a request has left only the latest is kept: it shows an answer that is older than what we have seen. */
  #buffer({ event, levels }: BroughtChange): void {
    if (!this.#isKeeping) this.#dropWaiting('outOfStep')
    this.#waits++
    if (this.#waiting.add(event, levels)) return
    this.#about.counts.outOfStep += this.#waits - 1
    this.#waits = 1
  }

  /** In step from now on; unless there is something wrong with it, which then has been seen to. */
  #install(snapshot: BroughtSnapshot): void {
    this.#inStepMs = snapshot.atMs
    this.#goodMs = snapshot.atMs
    this.#replace(snapshot)
  }

  /** The book goes on: what was published stands, and what waits is published as it is. */
  #renew(snapshot: BroughtSnapshot): void {
    const wasDoubted = this.#isDoubted
    if (this.#hasMissed(snapshot)) {
      this.#lose(wasDoubted ? 'stale' : 'sequence-gap')
      this.#install(snapshot)
      if (this.isInStep) this.#about.onGood(this.#inStepMs)
    } else {
      if (this.#book.hasMoved) this.#about.onMoved(true)
      this.#replace(snapshot)
    }
  }

  /** Whether a snapshot in step stands for changes that never came. */
  #hasMissed({ event, isAsked }: BroughtSnapshot): boolean {
    if (this.#about.rules.continuity === 'unproven') return false
    return isAsked ? event.last > this.#last : event.last !== this.#last
  }

  #replace(snapshot: BroughtSnapshot): void {
    const { event, isAsked, atMs } = snapshot
    const changes = isAsked ? (this.#waiting.after(event, this.#about.rules) ?? []) : []
    const events = 1 + this.#waits
    this.#waits = 0
    this.#waiting.clear()
    this.#isKeeping = false
    this.#unfitInARow = 0
    this.#asking.stands()
    this.#last = changes.at(-1)?.event.last ?? event.last
    this.#isBridged = !isAsked || changes.length > 0
    let fault = this.#book.replace(snapshot)
    for (const change of changes) fault = this.#book.apply(change) ?? fault
    this.#settle(events, atMs, fault)
  }

  /** After whatever was applied: is the book still one, and what is to be told of it. */
  #settle(events: number, atMs: number, fault: HoleReason | undefined): void {
    const wrong = this.#book.settle(events, atMs) ?? fault
    if (wrong !== undefined) {
      this.#reason = wrong
      this.#takeBackTo(this.#goodMs)
      this.#do('failed')
      return
    }
    this.#isDoubted = false
    this.#goodMs = atMs
    if (this.#book.hasMoved) this.#about.onMoved(false)
    if (this.#book.isShallow) this.#do('shallow')
  }

  /** What waits to be published cannot be any more, so that the hole begins where it does; not before the book was in step. */
  #takeBackTo(goodMs: number): void {
    const fromMs = this.#book.hasMoved ? Math.min(goodMs, this.#book.publishedMs) : goodMs
    this.#goodMs = Math.max(fromMs, this.#inStepMs)
    this.#book.takeBack()
  }

  #lose(reason: HoleReason): void {
    if (this.#book.hasMoved) this.#about.onMoved(true)
    this.#about.onLost(reason, this.#goodMs)
  }

  #forget(): void {
    this.#asking.stop()
    this.#book.clear()
    this.#dropWaiting('outOfStep')
    this.#dropAhead('outOfStep')
    this.#isKeeping = false
    this.#isBridged = false
    this.#isDoubted = false
  }

  #bring(snapshot: BroughtSnapshot): void {
    this.#asking.stop()
    // What the stream sends after its own snapshot is all that follows it.
    if (!snapshot.isAsked) {
      this.#dropWaiting('old')
      this.#dropAhead('old')
    }
    const fits = this.#fits(snapshot)
    if (!fits && ++this.#unfitInARow > UNFIT_MAX && !this.isInStep) this.#beginAnew()
    this.#do(fits ? 'snapshot' : 'unfit', snapshot)
  }

  /** Nothing may be missing between an answer and what has come since; one that is older than what we have seen is of no use. */
  #fits({ event, isAsked }: BroughtSnapshot): boolean {
    if (!isAsked) return true
    if (this.#waiting.length > 0) return this.#waiting.after(event, this.#about.rules) !== undefined
    return event.last === NO_NUMBER || event.last >= this.#last
  }

  /** An answer that is ahead of the stream is used when the stream is there; if it never comes, that is a loss. */
  #keepAhead({ event, levels, atMs }: BroughtSnapshot): void {
    const own = levels.copy(event.from, event.to)
    const kept = { ...event, from: 0, to: event.to - event.from }
    this.#ahead = { event: kept, levels: own, atMs, isAsked: true }
    this.#asking.endsIn(AHEAD_MS_MAX, () => this.#bringAhead(this.#about.timers.nowMs()))
  }

  #bringAhead(atMs: number): void {
    const ahead = this.#ahead
    this.#ahead = undefined
    if (ahead !== undefined) this.#bring({ ...ahead, atMs })
  }

  /** What numbers have said by now counts for nothing. */
  #beginAnew(): void {
    this.#oldInARow = 0
    this.#unfitInARow = 0
    this.failed('sequence-gap')
    this.#dropWaiting('outOfStep')
    this.#last = NO_NUMBER
  }

  #dropWaiting(became: 'old' | 'outOfStep'): void {
    this.#about.counts[became] += this.#waits
    this.#waits = 0
    this.#waiting.clear()
  }

  #dropAhead(became: 'old' | 'outOfStep'): void {
    if (this.#ahead !== undefined) this.#about.counts[became]++
    this.#ahead = undefined
  }
}

type BroughtChange = { readonly event: BookDelta; readonly levels: Levels; readonly atMs: number }
type BroughtSnapshot = {
  readonly event: BookSnapshot
  readonly levels: Levels
  readonly atMs: number
  /** Whether it was asked for; else it came on the stream. */
  readonly isAsked: boolean
}
type Brought = BroughtChange | BroughtSnapshot
