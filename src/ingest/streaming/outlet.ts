import type { Timers } from '../../models/timers.ts'
import type { Instant } from '../watch.ts'
import type { Fate, Happening, Line, WatchedFeed } from '../watched-feed.ts'

/**
 * Records that wait to be published. Books wait in their own place, where the next one takes theirs; trades, tickers and
 * words wait here, in order, and are never thinned out. Past this many, about a minute of the busiest market, what comes
 * is dropped, and is a hole. Words are let in up to twice as many: without them nobody would know.
 */
export const WAITING_MAX = 200_000
/** So many records go at once without waiting for more. */
const BATCH_RECORDS = 1_000

export type OutletAbout = {
  readonly feed: Pick<WatchedFeed, 'say' | 'mark'>
  readonly timers: Timers
  /** Milliseconds that a record waits for others to go with it. */
  readonly lingerMs: number
  /** Hands over, with `add`, what is due of what waits elsewhere; all of it where `all`. Answers whether more will be due. */
  readonly collect: (all: boolean) => boolean
  /** Since when the oldest waits of what `collect` did not hand over; undefined where nothing does. */
  readonly waitingSinceMs: () => number | undefined
  /** What became of records that were added. */
  readonly onFate: (happenings: readonly Happening[], fate: Fate) => void
  /** Something has no room and is dropped, for the first time since there was room for everything. */
  readonly onFull: () => void
  /** The log has broken its promise. */
  readonly onFailure: (error: unknown) => void
}

/** Marks that were asked for and wait: the latest says it for all of them. */
type AskedMark = { readonly at: Instant; readonly bye: boolean; readonly done: readonly (() => void)[] }

/**
 * From happenings one by one to publications of many: one at a time, nothing overtakes. However slow the log is, what waits
 * is bounded, and never begins to be published from within the call that brings it.
 */
export class Outlet {
  readonly #about: OutletAbout
  #waiting: Happening[] = []
  readonly #dropping = new Set<Line>()
  #isFull = false
  #mark: AskedMark | undefined
  #isPublishing = false
  /** Something will be due that does not wait here. */
  #isAwaited = false
  #isBroken = false
  #unwake: (() => void) | undefined

  constructor(about: OutletAbout) {
    this.#about = about
  }

  add(happening: Happening): void {
    const roomMax = happening.also === undefined ? 2 * WAITING_MAX : WAITING_MAX
    if (this.#waiting.length >= roomMax) this.#drop(happening)
    else this.#waiting.push(happening)
    if (this.#waiting.length === BATCH_RECORDS) queueMicrotask(() => this.#begin())
    this.wake()
  }

  /** Something will be due. */
  wake(): void {
    this.#isAwaited = true
    if (this.#unwake !== undefined || this.#isPublishing) return
    this.#unwake = this.#about.timers.after(this.#about.lingerMs, () => {
      this.#unwake = undefined
      this.#begin()
    })
  }

  /** Everything that waits, due or not where it is goodbye, then the marks. Resolves when the fate of it is known. */
  mark(at: Instant, bye: boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#mark = { at, bye, done: [...(this.#mark?.done ?? []), resolve] }
      this.#begin()
    })
  }

  close(): void {
    this.#unwake?.()
    this.#isBroken = true
  }

  #begin(): void {
    if (!this.#isPublishing) void this.#publish()
  }

  async #publish(): Promise<void> {
    this.#isPublishing = true
    do await this.#publishOnce()
    while (!this.#isBroken && (this.#mark !== undefined || this.#waiting.length >= BATCH_RECORDS))
    this.#isPublishing = false
    if (this.#isBroken) this.#answerMark()
    else if (this.#isAwaited) this.wake()
  }

  async #publishOnce(): Promise<void> {
    if (this.#isBroken) return
    const mark = this.#mark
    this.#mark = undefined
    this.#isAwaited = this.#about.collect(mark?.bye === true)
    const happenings = this.#waiting
    this.#waiting = []
    this.#isFull &&= this.#dropping.size > 0
    this.#dropping.clear()
    try {
      const said = this.#say(happenings)
      const marked = mark === undefined ? undefined : this.#about.feed.mark(this.#upTo(mark.at), mark.bye)
      await Promise.all([said, marked])
    } catch (error) {
      this.#isBroken = true
      this.#about.onFailure(error)
    }
    for (const done of mark?.done ?? []) done()
  }

  async #say(happenings: readonly Happening[]): Promise<void> {
    if (happenings.length > 0) this.#about.onFate(happenings, await this.#about.feed.say(happenings))
  }

  /** Nobody may say that he has watched what still waits elsewhere. */
  #upTo(at: Instant): Instant {
    const sinceMs = this.#about.waitingSinceMs()
    return sinceMs === undefined ? at : { ...at, timeMs: Math.min(at.timeMs, sinceMs) }
  }

  /** No room: each line that loses something says so once it is asked. */
  #drop(happening: Happening): void {
    const { line, event } = happening
    this.#about.onFate([happening], 'dropped')
    if (!this.#isFull) this.#about.onFull()
    this.#isFull = true
    if (this.#dropping.has(line)) return
    this.#dropping.add(line)
    this.#waiting.push({ line, event: { kind: 'dropped', at: event.at } })
  }

  #answerMark(): void {
    for (const done of this.#mark?.done ?? []) done()
    this.#mark = undefined
  }
}
