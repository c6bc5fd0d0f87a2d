import type { Timers } from '../../models/timers.ts'
import type { BookRules } from '../venue.ts'
import { type Backoff, backoffMs } from '../wire/backoff.ts'

/** A snapshot that was promised and has not come after this long does not come. */
const SNAPSHOT_MS_MAX = 10_000
/** Between two snapshots asked for in vain; reset once a book has stood for a while. */
const ASKING: Backoff = { firstMs: 250, mostMs: 4_000 }
const STABLE_MS = 30_000

export type SnapshotAskingAbout = {
  readonly rules: Pick<BookRules, 'inBand' | 'snapshot'>
  readonly timers: Timers
  readonly random: () => number
  /** Asks for a snapshot. */
  readonly request: (asking: number) => void
  /** Asks the venue to begin anew: a snapshot comes by itself. */
  readonly resubscribe: () => void
  /** What was to come by itself has not. */
  readonly onOverdue: (asking: number) => void
}

/**
 * How one book comes to its snapshots: one asking at a time, by turns on the stream and by request where the venue offers
 * both, after a pause that doubles with every one in vain.
 */
export class SnapshotAsking {
  readonly #about: SnapshotAskingAbout
  /** The asking that is under way; 0: none. */
  #underWay = 0
  #askings = 0
  #inVain = 0
  #isRequestNext = false
  #standsSinceMs = Number.POSITIVE_INFINITY
  #isClosed = false
  #cancel: () => void = () => {}

  constructor(about: SnapshotAskingAbout) {
    this.#about = about
  }

  get isUnderWay(): boolean {
    return this.#underWay !== 0
  }

  isFor(asking: number): boolean {
    return asking === this.#underWay
  }

  /** A snapshot comes by itself; where the venue sends none it is asked for. */
  await(): void {
    if (!this.#about.rules.inBand) {
      this.ask(false)
    } else if (!this.isUnderWay) {
      this.#isRequestNext = true
      this.#begin(0, (asking) => this.#awaitOnStream(asking))
    }
  }

  /** A book in step asks the stream only where there is no other way: what comes between two subscriptions is lost. */
  ask(isInStep: boolean): void {
    if (this.isUnderWay) return
    this.#forgiveInVain()
    const { rules, random, request, resubscribe } = this.#about
    const waitMs = this.#inVain === 0 ? 0 : backoffMs(ASKING, this.#inVain - 1, random)
    const isOnStream = rules.inBand && (rules.snapshot === undefined || !(isInStep || this.#isRequestNext))
    this.#isRequestNext = isOnStream
    this.#inVain++
    this.#begin(waitMs, (asking) => {
      if (isOnStream) {
        this.#awaitOnStream(asking)
        resubscribe()
      } else {
        request(asking)
      }
    })
  }

  /** What is under way ends like this, unless something else comes first. */
  endsIn(ms: number, end: () => void): void {
    this.#cancel()
    this.#cancel = this.#about.timers.after(ms, end)
  }

  /** The snapshot has come and is used. */
  stands(): void {
    this.stop()
    this.#standsSinceMs = this.#about.timers.monotonicMs()
  }

  /** Nothing is waited for any more. */
  stop(): void {
    this.#cancel()
    this.#cancel = () => {}
    this.#underWay = 0
  }

  /** Nothing is asked for any more. */
  close(): void {
    this.stop()
    this.#isClosed = true
  }

  #forgiveInVain(): void {
    if (this.#about.timers.monotonicMs() - this.#standsSinceMs <= STABLE_MS) return
    this.#standsSinceMs = Number.POSITIVE_INFINITY
    this.#inVain = 0
    this.#isRequestNext = false
  }

  #begin(waitMs: number, ask: (asking: number) => void): void {
    if (this.#isClosed) return
    const asking = ++this.#askings
    this.#underWay = asking
    if (waitMs === 0) ask(asking)
    else this.#cancel = this.#about.timers.after(waitMs, () => ask(asking))
  }

  #awaitOnStream(asking: number): void {
    this.endsIn(SNAPSHOT_MS_MAX, () => this.#about.onOverdue(asking))
  }
}
