import type { Refusal } from '../../models/rejection.ts'
import type { Levels } from '../levels.ts'
import type { HttpAnswer, Transport } from '../transport.ts'
import type { HttpRequest } from '../venue.ts'
import type { WireBudget } from '../wire/budget.ts'
import { requestWithin } from '../wire/request-within.ts'
import type { IdRange } from './id-ranges.ts'
import { FUTURE_MS_MAX, type LiveProduct } from './live-product.ts'
import type { WireUse } from './product-list.ts'
import type { StreamLedger } from './stream-ledger.ts'

export type LiveRequestsAbout = {
  readonly use: WireUse
  readonly budget: WireBudget
  readonly transport: Transport
  /** Levels a side that travel. */
  readonly levelsMax: number
  readonly nowMs: () => number
  readonly random: () => number
  readonly requestMs: number
  readonly bodyBytesMax: number
  readonly stop: AbortSignal
  /** Where rows go while an answer is read. */
  readonly levels: Levels
  readonly ledger: StreamLedger
  readonly reject: (refusal: Refusal, product: LiveProduct, body: Uint8Array, receivedAtMs: number) => void
}

/**
 * Levels a side of a snapshot, in times of those that travel: few at first, so that thousands of books are in step soon; many
 * once a book in step has come near the end of what it knows.
 */
const FIRST_DEPTH = 5
const LATER_DEPTH = 50

/** What live products ask of their venue, within the budget of their wire. Every asking is answered, whatever happens. */
export class LiveRequests {
  readonly #about: LiveRequestsAbout

  constructor(about: LiveRequestsAbout) {
    this.#about = about
  }

  async snapshot(product: LiveProduct, asking: number): Promise<void> {
    const { use, nowMs, levels, ledger, levelsMax } = this.#about
    const { symbol } = product.listing
    const book = product.book!
    const rule = use.wire.books!.snapshot!
    const wanted = levelsMax * (book.isInStep ? LATER_DEPTH : FIRST_DEPTH)
    const answer = await this.ask(rule.request(use.restUrl, symbol, wanted), () => book.sent(asking))
    if (answer.kind !== 'body') return book.missing(asking)
    const receivedAtMs = nowMs()
    levels.reset()
    const read = rule.parse(answer.bytes, { receivedAtMs, levels, symbol })
    if (read.type === 'rejected') {
      this.#reject(read.refusal, product, answer.bytes, receivedAtMs)
      return book.missing(asking)
    }
    ledger.received++
    book.snapshot(read, levels, receivedAtMs, asking)
  }

  async trades(product: LiveProduct, missing: IdRange): Promise<void> {
    const { use, nowMs } = this.#about
    const { symbol } = product.listing
    const rule = use.wire.trades!.backfill!
    const answer = await this.ask(rule.request(use.restUrl, symbol, missing))
    if (answer.kind !== 'body') return product.tape!.unavailable()
    const read = rule.parse(answer.bytes, symbol)
    if ('trades' in read) {
      const atMs = nowMs()
      // One of a time to come is as good as none: it stays missing.
      const usable = read.trades.filter(({ exchangeTimeMs }) => exchangeTimeMs - atMs <= FUTURE_MS_MAX)
      return product.backfilled(usable, atMs)
    }
    this.#reject(read.refusal, product, answer.bytes, nowMs())
    product.tape!.unavailable()
  }

  /** `onSent` is called when its turn has come and the request leaves. */
  ask(request: HttpRequest, onSent: () => void = () => {}): Promise<HttpAnswer> {
    const { budget, transport, random, requestMs, bodyBytesMax, stop } = this.#about
    const telling: Transport = {
      open: transport.open,
      request(sent, limits) {
        onSent()
        return transport.request(sent, limits)
      },
    }
    return requestWithin(budget, telling, request, { timeoutMs: requestMs, bodyBytesMax, stop, random })
  }

  #reject(refusal: Refusal, product: LiveProduct, body: Uint8Array, receivedAtMs: number): void {
    this.#about.ledger.received++
    this.#about.ledger.rejected++
    this.#about.reject(refusal, product, body, receivedAtMs)
  }
}
