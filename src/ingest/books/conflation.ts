import { compare, type Decimal, formatDecimal, subtract, ZERO } from '../../models/decimal.ts'
import type { Since } from '../../models/product-book.ts'
import { SECOND_MS } from '../../models/time.ts'

/**
 * What one published book stands for: the changes since the last one, and their extremes. It must never stand for changes of
 * two seconds of market time, so that windows and one-second samples, which are cut between seconds, lose nothing by it.
 */
export class Conflation {
  #updates = 0
  #timeMs = 0
  #bid = ZERO
  #ask = ZERO
  #bidMax = ZERO
  #bidMaxAtMs = 0
  #askMin = ZERO
  #askMinAtMs = 0
  #spreadMax = ZERO
  #spreadMaxBid = ZERO
  #spreadMaxAtMs = 0

  /** Changes since the last book was published; 0: there is nothing to publish. */
  get updates(): number {
    return this.#updates
  }

  /** Whether the book that waits must be published before a change of `timeMs` is applied. */
  isOfAnotherSecond(timeMs: number): boolean {
    return this.#updates > 0 && Math.floor(this.#timeMs / SECOND_MS) !== Math.floor(timeMs / SECOND_MS)
  }

  /** One more change, after which the best prices are these; the earliest of equal extremes stays. */
  add(bid: Decimal, ask: Decimal, timeMs: number): void {
    const isFirst = this.#updates === 0
    this.#updates++
    this.#timeMs = timeMs
    if (!isFirst && isSame(bid, this.#bid) && isSame(ask, this.#ask)) return
    this.#bid = bid
    this.#ask = ask
    if (isFirst || compare(bid, this.#bidMax) > 0) {
      this.#bidMax = bid
      this.#bidMaxAtMs = timeMs
    }
    if (isFirst || compare(ask, this.#askMin) < 0) {
      this.#askMin = ask
      this.#askMinAtMs = timeMs
    }
    const spread = subtract(ask, bid)
    if (isFirst || compare(spread, this.#spreadMax) > 0) {
      this.#spreadMax = spread
      this.#spreadMaxBid = bid
      this.#spreadMaxAtMs = timeMs
    }
  }

  /** As it travels with the book; null where the book stands for one change, which it shows itself. */
  since(): Since | null {
    if (this.#updates === 1) return null
    return {
      updates: this.#updates,
      bidMax: formatDecimal(this.#bidMax),
      bidMaxAtMs: this.#bidMaxAtMs,
      askMin: formatDecimal(this.#askMin),
      askMinAtMs: this.#askMinAtMs,
      spreadMax: formatDecimal(this.#spreadMax),
      spreadMaxBid: formatDecimal(this.#spreadMaxBid),
      spreadMaxAtMs: this.#spreadMaxAtMs,
    }
  }

  reset(): void {
    this.#updates = 0
  }
}

/** The cheap half of the question: what is written otherwise but worth the same only costs another look. */
function isSame(a: Decimal, b: Decimal): boolean {
  return a.units === b.units && a.scale === b.scale
}
