import type { Logger } from 'pino'
import type { Alert } from '../alerts/alert.ts'
import { openPublisher, type Publishing } from '../broker/publisher.ts'
import { EngineError } from '../models/engine-error.ts'
import type { FeedRecord } from '../models/feed-records.ts'
import type { SourceId } from '../models/scalars.ts'
import type { Timers } from '../models/timers.ts'
import { REJECTIONS_TOPIC } from '../models/topics.ts'
import { openDrops } from './drops.ts'
import { Levels } from './levels.ts'
import { rejectionDraft } from './rejecting.ts'
import { listProducts } from './streaming/list-products.ts'
import type { LiveProduct } from './streaming/live-product.ts'
import { LiveWire, type StreamRejection } from './streaming/live-wire.ts'
import { Outlet, WAITING_MAX } from './streaming/outlet.ts'
import { nothingToWatch, type Share, shareOut, type WireUse } from './streaming/product-list.ts'
import { newStreamLedger, type StreamLedger } from './streaming/stream-ledger.ts'
import { StreamTelling } from './streaming/stream-telling.ts'
import type { Transport } from './transport.ts'
import type { Venue } from './venue.ts'
import type { Instant } from './watch.ts'
import { type Fate, type Happening, type Line, openWatchedFeed } from './watched-feed.ts'
import { openBudget, type WireBudget } from './wire/budget.ts'
import { requestWithin } from './wire/request-within.ts'

export type StreamSettings = {
  readonly broker: Publishing
  /** Unique for ever: it names this run's records. */
  readonly run: string
  readonly venue: Venue
  readonly source: SourceId
  readonly uses: readonly WireUse[]
  readonly patterns: readonly string[]
  readonly levelsMax: number
  readonly bookIntervalMs: number
  readonly lingerMs: number
  readonly markMs: number
  readonly requestMs: number
  readonly bodyBytesMax: number
  readonly transport: Transport
  readonly timers: Timers
  readonly random: () => number
  readonly stop: AbortSignal
  readonly log: Logger
  /** Tells people. Bounded in time and never rejects: telling must not change how the run ends. */
  readonly tell: (alert: Alert) => Promise<void>
}

/** How a run ended. Without `failure` it was stopped, and its marks say goodbye. */
export type StreamOutcome = { readonly ledger: StreamLedger; readonly failure: EngineError | undefined }

/**
 * Streams a venue's books, trades and tickers until `stop` aborts. A venue that goes away is waited for, for ever: only a
 * log that breaks its promise, or a venue that lists nothing of what was asked for, ends a run.
 */
export async function runStream(settings: StreamSettings): Promise<StreamOutcome> {
  return new Stream(settings).run()
}

class Stream {
  readonly #settings: StreamSettings
  readonly #ledger = newStreamLedger()
  readonly #levels = new Levels()
  readonly #wires: LiveWire[] = []
  /** Products whose book waits to be published. */
  readonly #waiting = new Set<LiveProduct>()
  readonly #telling: StreamTelling
  readonly #ending = new AbortController()
  #outlet: Outlet | undefined
  #cancelMark: () => void = () => {}
  #failure: EngineError | undefined

  constructor(settings: StreamSettings) {
    this.#settings = settings
    this.#telling = new StreamTelling(settings)
  }

  async run(): Promise<StreamOutcome> {
    const { stop } = this.#settings
    const end = () => this.#ending.abort()
    stop.addEventListener('abort', end)
    if (stop.aborted) end()
    try {
      await this.#begin()
      await this.#untilEnding()
    } catch (error) {
      this.#fail(error)
    }
    stop.removeEventListener('abort', end)
    await this.#leave()
    return { ledger: this.#ledger, failure: this.#failure }
  }

  async #begin(): Promise<void> {
    const { venue, patterns, uses, timers, random, log } = this.#settings
    const budgets = new Map(uses.map((use) => [use, openBudget(use.wire.limits, timers)]))
    const about = { ...this.#settings, timeoutMs: this.#settings.requestMs, stop: this.#ending.signal }
    const lists = await listProducts(
      uses,
      patterns,
      (use, request) => requestWithin(budgets.get(use)!, about.transport, request, about),
      { timers, random, stop: about.stop, log, tell: (...words) => this.#telling.tell(...words) },
    )
    if (about.stop.aborted) return
    const { shares, unknown } = shareOut(lists, patterns)
    if (shares.every(({ wanted }) => wanted.length === 0)) throw nothingToWatch(venue.id, patterns)
    const unlisted = unknown.filter((pattern) => !pattern.includes('*')).flatMap((one) => this.#linesOf(one))
    for (const share of shares) {
      if (share.wanted.length > 0) this.#wires.push(this.#openWire(share, budgets.get(share.use)!))
    }
    const outlet = await this.#openOutlet([...this.#lines(), ...unlisted])
    this.#outlet = outlet
    for (const line of unlisted) {
      outlet.add({ line, event: { kind: 'refused', at: this.#now(), reason: 'unknown-product' } })
    }
    if (unknown.length > 0) this.#telling.unknown(unknown)
    if (about.stop.aborted) return
    for (const wire of this.#wires) wire.connect()
    this.#markSteadily(outlet)
  }

  #openWire(share: Share, budget: WireBudget): LiveWire {
    return new LiveWire({
      ...this.#settings,
      venue: this.#settings.venue.id,
      stop: this.#ending.signal,
      share,
      budget,
      levels: this.#levels,
      ledger: this.#ledger,
      telling: this.#telling,
      add: (line, event, also) => this.#outlet?.add({ line, event, also }),
      onWaiting: (product) => {
        this.#waiting.add(product)
        this.#outlet?.wake()
      },
      reject: (rejection) => this.#reject(rejection),
    })
  }

  /** What was asked for of a product that the venue does not list. */
  #linesOf(product: string): Line[] {
    const kinds = new Set(this.#settings.uses.flatMap((use) => use.kinds))
    return [...kinds].map((kind) => ({ kind, product, continuity: 'unproven' }))
  }

  async #openOutlet(lines: readonly Line[]): Promise<Outlet> {
    const { venue, source, lingerMs, timers, broker, run } = this.#settings
    const publisher = await openPublisher(broker, run)
    const feed = openWatchedFeed(publisher, lines, {
      venue: venue.id,
      source,
      vouchMs: Number.POSITIVE_INFINITY,
      onRecord: (record) => this.#log(record),
      onFate: openDrops({
        ...this.#settings,
        venue: venue.id,
        nowMs: timers.nowMs,
        tell: (alert) => this.#telling.pass(alert),
      }),
    })
    return new Outlet({
      feed,
      timers,
      lingerMs,
      collect: (all) => this.#collect(all),
      waitingSinceMs: () => this.#waitingSinceMs(),
      onFate: (happenings, fate) => this.#countFate(happenings, fate),
      onFull: () => this.#telling.overloaded(WAITING_MAX),
      onFailure: (error) => this.#fail(error),
    })
  }

  #log(record: FeedRecord): void {
    const { log } = this.#settings
    if (record.type === 'hole-open') {
      log.warn({ product: record.product, hole: record.id }, `a hole opens: ${record.reason}`)
    }
    if (record.type === 'hole-close')
      log.info({ product: record.product, hole: record.id }, 'the hole is closed')
  }

  #lines(): Line[] {
    return this.#wires.flatMap(({ products }) => [...products].flatMap(({ lines }) => lines))
  }

  #collect(all: boolean): boolean {
    const nowMs = this.#settings.timers.monotonicMs()
    for (const product of this.#waiting) {
      if (!all && product.dueMs > nowMs) continue
      this.#waiting.delete(product)
      product.publishBook()
    }
    return this.#waiting.size > 0
  }

  #waitingSinceMs(): number | undefined {
    let sinceMs: number | undefined
    for (const { movedSinceMs } of this.#waiting) {
      if (movedSinceMs !== undefined) sinceMs = Math.min(movedSinceMs, sinceMs ?? movedSinceMs)
    }
    return sinceMs
  }

  #countFate(happenings: readonly Happening[], fate: Fate): void {
    if (fate === 'placed') return
    for (const { also } of happenings) {
      if (also === undefined) continue
      this.#ledger[also.topic === REJECTIONS_TOPIC ? 'rejected' : 'published']--
      this.#ledger.dropped++
    }
  }

  #reject({ refusal, product, bytes, receivedAtMs, beside }: StreamRejection): void {
    const { venue, source, log } = this.#settings
    const named = product?.listing.product ?? null
    log.warn({ product: named, kind: refusal.kind, path: refusal.path }, `rejected: ${refusal.message}`)
    const input = { venue: venue.id, source, product: named, receivedAtMs, bytes, whole: true }
    this.#outlet?.add({
      line: beside.lines[0]!,
      event: { kind: 'tick', at: this.#now() },
      also: rejectionDraft(refusal, input),
    })
  }

  #markSteadily(outlet: Outlet): void {
    const { timers, markMs } = this.#settings
    this.#cancelMark = timers.after(markMs, () => {
      if (this.#ending.signal.aborted) return
      void outlet.mark(this.#now(), false)
      this.#markSteadily(outlet)
    })
  }

  #untilEnding(): Promise<void> {
    const { signal } = this.#ending
    return new Promise((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve())
    })
  }

  async #leave(): Promise<void> {
    const { log } = this.#settings
    this.#cancelMark()
    await Promise.all(this.#wires.map((wire) => wire.close()))
    if (this.#failure === undefined) await this.#outlet?.mark(this.#now(), true)
    this.#outlet?.close()
    log.info({ ledger: this.#ledger }, 'streaming ended')
    const failure = this.#failure
    if (failure !== undefined) {
      const about = failure.code === 'bug' ? { err: failure.cause } : { hint: failure.hint }
      log.error({ code: failure.code, ...about }, failure.message)
      this.#telling.failed(failure)
    }
    await this.#telling.told()
  }

  #fail(error: unknown): void {
    this.#failure ??=
      error instanceof EngineError ? error : new EngineError('bug', String(error), { cause: error })
    this.#ending.abort()
  }

  #now(): Instant {
    const { timers } = this.#settings
    return { timeMs: timers.nowMs(), monotonicMs: timers.monotonicMs() }
  }
}
