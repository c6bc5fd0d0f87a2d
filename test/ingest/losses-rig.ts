import { Levels } from '../../src/ingest/levels.ts'
import { LiveProduct } from '../../src/ingest/streaming/live-product.ts'
import { handOn } from '../../src/ingest/streaming/stream-events.ts'
import { newStreamLedger } from '../../src/ingest/streaming/stream-ledger.ts'
import { type BookSnapshot, NO_NUMBER, type Wire, type WireEvent } from '../../src/ingest/venue.ts'
import { NEW_WATCH, nextWatch, type Watch, type WatchEvent } from '../../src/ingest/watch.ts'
import type { FeedRecord } from '../../src/models/feed-records.ts'
import { virtualTimers } from '../../src/models/virtual-timers.ts'
import type { RecordedFrame } from './recorded.ts'

/** What a frame says, read once and played as often as wanted; `body` where it answers a request for a book. */
export type ReadFrame = {
  readonly atMs: number
  readonly events: readonly WireEvent[]
  readonly levels: Levels
  readonly body: BookSnapshot | undefined
}

/** `bodySymbol`: whose book a line holds that was asked for; undefined where the line came on the stream. */
export function readFrames(
  wire: Wire,
  frames: readonly RecordedFrame[],
  bodySymbol: (frame: RecordedFrame) => string | undefined,
): ReadFrame[] {
  return frames.map((frame) => {
    const levels = new Levels(1)
    const about = { receivedAtMs: frame.receivedAtMs, levels }
    const symbol = bodySymbol(frame)
    const body =
      symbol === undefined ? undefined : wire.books!.snapshot!.parse(frame.bytes, { ...about, symbol })
    if (body?.type === 'rejected') throw new Error(body.refusal.message)
    const events = symbol === undefined ? wire.parseFrame(frame.bytes, about) : []
    return { atMs: frame.receivedAtMs, events, levels, body }
  })
}

/** The symbols whose books a frame moves. */
export function movedBy({ events }: ReadFrame): string[] {
  return [...new Set(events.flatMap((event) => (event.type === 'delta' ? [event.symbol] : [])))]
}

/** What has been said of one symbol's book, at which frame. `best` of a book: its best bid and ask. */
export type Said = {
  readonly what: 'book' | 'good' | 'lost'
  readonly symbol: string
  readonly frame: number
  readonly best: string
}

type Made = { readonly event: BookSnapshot; readonly levels: Levels }

/** How long the venue takes to answer: a few frames. */
const ANSWER_MS = 150

/**
 * The books of one wire on a made clock and everything they say. Where there is a `truth`, which plays the same recording
 * undisturbed, it answers what they ask for as the venue would then; else the recording does.
 */
export class PlayedStream {
  readonly said: Said[] = []
  readonly records: FeedRecord[] = []
  readonly ledger = newStreamLedger()
  readonly timers
  readonly products = new Map<string, LiveProduct>()
  readonly #wire: Wire
  readonly #truth: PlayedStream | undefined
  readonly #asked = new Map<string, number>()
  readonly #numbers = new Map<string, number>()
  readonly #watches = new Map<string, Watch>()
  #frame = 0

  constructor(wire: Wire, symbols: readonly string[], startMs: number, truth?: PlayedStream) {
    this.#wire = wire
    this.#truth = truth
    this.timers = virtualTimers(startMs, () => Promise.resolve())
    for (const symbol of symbols) this.products.set(symbol, this.#open(symbol))
  }

  get holes(): readonly FeedRecord[] {
    return this.records.filter(({ type }) => type === 'hole-open')
  }

  get symbols(): string[] {
    return [...this.products.keys()]
  }

  isInStep(symbol: string): boolean {
    return this.products.get(symbol)!.book!.isInStep
  }

  /** The best prices that stand now, published or not. */
  best(symbol: string): string {
    const { bids, asks } = this.products.get(symbol)!.book!.book.levels.top(1)
    return `${priceOf(bids)}/${priceOf(asks)}`
  }

  top(symbol: string): unknown {
    return this.products.get(symbol)!.book!.book.levels.top(20)
  }

  /** Hands on one frame of the recording, in place of its frame number `frame`. */
  async play(read: ReadFrame, frame: number): Promise<void> {
    this.#frame = frame
    await this.timers.advanceTo(read.atMs)
    for (const event of read.events) {
      if (event.type === 'delta' || event.type === 'snapshot') this.#numbers.set(event.symbol, event.last)
    }
    handOn({
      events: read.events,
      receivedAtMs: this.timers.nowMs(),
      levels: read.levels,
      products: this.products,
      carried: [...this.products.values()].map((product) => ({ kind: 'books' as const, product })),
      ledger: this.ledger,
      reject: ({ message }) => {
        throw new Error(message)
      },
    })
    if (read.body !== undefined) this.#playBody(read.body, read.levels)
  }

  /** What the recording's own requests brought answers ours, as long as nothing has been in step. */
  #playBody(body: BookSnapshot, levels: Levels): void {
    const { symbol, last } = body
    const isFirst = !this.said.some((one) => one.symbol === symbol && one.what === 'good')
    const asking = this.#asked.get(symbol)
    if (asking === undefined || !isFirst) return
    this.#numbers.set(symbol, Math.max(this.#numbers.get(symbol) ?? NO_NUMBER, last))
    this.#deliver({ event: body, levels }, asking)
  }

  #open(symbol: string): LiveProduct {
    return new LiveProduct({ symbol, product: symbol, trading: true }, ['books'], {
      venue: 'binance',
      source: 'simulator',
      wire: this.#wire,
      levelsMax: 20,
      bookIntervalMs: 0,
      timers: this.timers,
      random: () => 0,
      ledger: this.ledger,
      add: (_, event, also) => this.#add(symbol, event, also !== undefined),
      onWaiting: () => undefined,
      requestSnapshot: (product, asking) => {
        this.#asked.set(symbol, asking)
        product.book!.sent(asking)
        this.#answer(symbol, asking)
      },
      requestTrades: () => undefined,
      resubscribe: () => this.#answer(symbol, undefined),
    })
  }

  #answer(symbol: string, asking: number | undefined): void {
    this.timers.after(ANSWER_MS, () => {
      const made = this.#truth?.made(symbol)
      if (made !== undefined) this.#deliver(made, asking)
      else if (this.#truth !== undefined) this.#answer(symbol, asking)
    })
  }

  #deliver({ event, levels }: Made, asking: number | undefined): void {
    this.ledger.received++
    this.products.get(event.symbol)!.book!.snapshot(event, levels, this.timers.nowMs(), asking)
  }

  /** The book as the venue would send it now; undefined before there is one. */
  made(symbol: string): Made | undefined {
    if (!this.isInStep(symbol)) return undefined
    const { levels: book } = this.products.get(symbol)!.book!.book
    const { bids } = book.topLevels(book.bidsKnown)
    const { asks } = book.topLevels(book.asksKnown)
    const levels = new Levels()
    for (const [price, size] of bids) levels.add('bid', price, size)
    for (const [price, size] of asks) levels.add('ask', price, size)
    const event: BookSnapshot = {
      type: 'snapshot',
      symbol,
      last: this.#numbers.get(symbol) ?? NO_NUMBER,
      exchangeTimeMs: null,
      whole: book.bidsKnown === book.bidLevels && book.asksKnown === book.askLevels,
      from: 0,
      to: levels.length,
    }
    return { event, levels }
  }

  #add(symbol: string, event: WatchEvent, isBook: boolean): void {
    const about = { kind: 'books', venue: 'binance', source: 'simulator', run: 'r', product: symbol } as const
    const watch = this.#watches.get(symbol) ?? NEW_WATCH
    const step = nextWatch(watch, event, {
      ...about,
      continuity: 'proven',
      vouchMs: Number.POSITIVE_INFINITY,
    })
    this.#watches.set(symbol, step.watch)
    this.records.push(...step.records)
    const what = isBook ? 'book' : event.kind === 'lost' ? 'lost' : 'good'
    this.said.push({ what, symbol, frame: this.#frame, best: isBook ? this.best(symbol) : '' })
  }
}

function priceOf(levels: string): string {
  return (JSON.parse(levels) as [string][])[0]?.[0] ?? '-'
}
