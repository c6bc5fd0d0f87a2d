import type { Timers } from '../models/timers.ts'
import type { FeedKind } from '../models/topics.ts'
import type { ExchangeListing } from './exchange-listing.ts'
import type { ExchangeMarket } from './exchange-market.ts'
import type { Line } from './line.ts'

/** One product of one venue, and who listens to it by which of the venue's channels. */
export class Feed {
  readonly listing: ExchangeListing
  readonly product: string
  readonly symbol: string
  /** Names of what comes one after the other: its frames of a kind. */
  readonly series: Readonly<Record<FeedKind, string>>
  /** When the next step is, while anybody listens. */
  dueMs = Number.POSITIVE_INFINITY
  readonly #lines = new Map<string, Set<Line>>()
  readonly #makeMarket: () => ExchangeMarket
  #market: ExchangeMarket | undefined

  constructor(listing: ExchangeListing, makeMarket: () => ExchangeMarket) {
    this.listing = listing
    this.product = listing.product
    this.symbol = listing.symbol
    this.series = {
      books: `${this.symbol} books`,
      trades: `${this.symbol} trades`,
      tickers: `${this.symbol} tickers`,
    }
    this.#makeMarket = makeMarket
  }

  /** Made when it is first asked for: of thousands that are listed few may ever be. */
  get market(): ExchangeMarket {
    this.#market ??= this.#makeMarket()
    return this.#market
  }

  /** Undefined where nobody listens to that channel. */
  lines(channel: string): ReadonlySet<Line> | undefined {
    return this.#lines.get(channel)
  }

  allLines(): Set<Line> {
    return new Set([...this.#lines.values()].flatMap((lines) => [...lines]))
  }

  get isHeard(): boolean {
    return this.#lines.size > 0
  }

  add(channel: string, line: Line): void {
    const lines = this.#lines.get(channel)
    if (lines === undefined) this.#lines.set(channel, new Set([line]))
    else lines.add(line)
  }

  remove(channel: string, line: Line): void {
    const lines = this.#lines.get(channel)
    lines?.delete(line)
    if (lines?.size === 0) this.#lines.delete(channel)
  }
}

/**
 * Moves the markets that anybody listens to: each at its own moments, several at a time where there are many. A market
 * that nobody listens to stands still, and costs nothing, until it is asked for.
 */
export class FeedClock {
  readonly #timers: Timers
  readonly #onStep: (feed: Feed) => void
  readonly #heard = new Set<Feed>()
  readonly #startMs: number
  readonly #startMonotonicMs: number
  #cancel: (() => void) | undefined

  constructor(timers: Timers, onStep: (feed: Feed) => void) {
    this.#timers = timers
    this.#onStep = onStep
    this.#startMs = timers.nowMs()
    this.#startMonotonicMs = timers.monotonicMs()
  }

  /** The time of the markets. Whatever becomes of the local clock, it goes on evenly. */
  readonly nowMs = (): number =>
    this.#startMs + Math.floor(this.#timers.monotonicMs() - this.#startMonotonicMs)

  /** The market of a feed, as it stands now. */
  marketOf(feed: Feed): ExchangeMarket {
    if (!feed.isHeard) feed.market.catchUp(this.nowMs())
    return feed.market
  }

  join(feed: Feed, channel: string, line: Line): void {
    const channels = line.joined.get(feed)
    if (channels === undefined) line.joined.set(feed, new Set([channel]))
    else channels.add(channel)
    const wasHeard = feed.isHeard
    feed.add(channel, line)
    if (wasHeard) return
    feed.market.catchUp(this.nowMs())
    feed.dueMs = feed.market.timeOf(feed.market.step + 1)
    this.#heard.add(feed)
    this.#schedule(feed.dueMs)
  }

  part(feed: Feed, channel: string, line: Line): void {
    const channels = line.joined.get(feed)
    channels?.delete(channel)
    if (channels?.size === 0) line.joined.delete(feed)
    feed.remove(channel, line)
    if (!feed.isHeard) this.#heard.delete(feed)
  }

  leave(line: Line): void {
    for (const [feed, channels] of [...line.joined]) {
      for (const channel of [...channels]) this.part(feed, channel, line)
    }
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#heard.clear()
  }

  #nextMs = Number.POSITIVE_INFINITY

  #schedule(atMs: number): void {
    if (atMs >= this.#nextMs) return
    this.#cancel?.()
    this.#nextMs = atMs
    this.#cancel = this.#timers.after(Math.max(1, atMs - this.nowMs()), () => this.#tick())
  }

  #tick(): void {
    this.#nextMs = Number.POSITIVE_INFINITY
    const nowMs = this.nowMs()
    let nextMs = Number.POSITIVE_INFINITY
    for (const feed of this.#heard) {
      if (nowMs - feed.dueMs > BEHIND_MS_MAX) this.#jump(feed, nowMs)
      while (feed.dueMs <= nowMs && feed.isHeard) {
        feed.market.advance()
        feed.dueMs = feed.market.timeOf(feed.market.step + 1)
        this.#onStep(feed)
      }
      if (feed.dueMs < nextMs) nextMs = feed.dueMs
    }
    // Many markets are due within any millisecond: they wait for each other, or timers would be all there is time for.
    if (this.#heard.size > 0) this.#schedule(Math.max(nextMs, nowMs + BEAT_MS))
  }

  /** The process stood still for long: what nobody was told of is not told now. Whoever listened has to begin again. */
  #jump(feed: Feed, nowMs: number): void {
    for (const line of feed.allLines()) line.close(1012, 'service restart')
    feed.market.catchUp(nowMs)
    feed.dueMs = feed.market.timeOf(feed.market.step + 1)
  }
}

const BEAT_MS = 5 // what a step may be late: as long as any network takes
const BEHIND_MS_MAX = 30_000
