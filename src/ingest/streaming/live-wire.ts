import type { Logger } from 'pino'
import type { Refusal } from '../../models/rejection.ts'
import type { FeedKind } from '../../models/topics.ts'
import type { Levels } from '../levels.ts'
import { type Connection, openConnection } from '../socket.ts'
import type { Subscription } from '../venue.ts'
import { splitSubscriptions } from '../wire/asking.ts'
import type { WireBudget } from '../wire/budget.ts'
import { LiveProduct, type LiveProductAbout } from './live-product.ts'
import { LiveRequests, type LiveRequestsAbout } from './live-requests.ts'
import type { Share, WireUse } from './product-list.ts'
import { handOn } from './stream-events.ts'
import type { StreamTelling } from './stream-telling.ts'

/** What of a frame or a body could not be used, and whose it was; undefined where nobody can say. */
export type StreamRejection = {
  readonly refusal: Refusal
  readonly product: LiveProduct | undefined
  readonly bytes: Uint8Array
  readonly receivedAtMs: number
  /** A product that has been heard of on the same way: rejections are placed with its news. */
  readonly beside: LiveProduct
}

export type LiveWireAbout = Pick<
  LiveProductAbout,
  'venue' | 'source' | 'levelsMax' | 'bookIntervalMs' | 'timers' | 'random' | 'ledger' | 'add' | 'onWaiting'
> &
  Pick<LiveRequestsAbout, 'transport' | 'requestMs' | 'bodyBytesMax' | 'stop'> & {
    readonly share: Share
    readonly budget: WireBudget
    /** Used for every frame and every body: never by two at a time. */
    readonly levels: Levels
    readonly log: Logger
    readonly reject: (rejection: StreamRejection) => void
    readonly telling: StreamTelling
  }

/** One wire at work: its products, the connections that carry them, and what is asked for beside those. */
export class LiveWire {
  readonly #about: LiveWireAbout
  readonly #use: WireUse
  readonly #requests: LiveRequests
  /** By the venue's spelling. */
  readonly #products = new Map<string, LiveProduct>()
  readonly #connections: Connection[] = []
  /** Which connection carries a kind of a product, by `<kind> <symbol>`. */
  readonly #carriers = new Map<string, Connection>()

  constructor(about: LiveWireAbout) {
    const { share, timers, reject } = about
    this.#about = about
    this.#use = share.use
    this.#requests = new LiveRequests({
      ...about,
      use: share.use,
      nowMs: timers.nowMs,
      reject: (refusal, product, bytes, receivedAtMs) =>
        reject({ refusal, product, bytes, receivedAtMs, beside: product }),
    })
    const aboutProduct = this.#aboutProduct()
    for (const { listing, kinds } of share.wanted) {
      this.#products.set(listing.symbol, new LiveProduct(listing, kinds, aboutProduct))
    }
  }

  /** What all its products have in common. Written out: an object that is spread from others is slow to look things up in. */
  #aboutProduct(): LiveProductAbout {
    const { venue, source, levelsMax, bookIntervalMs, timers, random, ledger, add, onWaiting } = this.#about
    return {
      venue,
      source,
      wire: this.#use.wire,
      levelsMax,
      bookIntervalMs,
      timers,
      random,
      ledger,
      add,
      onWaiting,
      requestSnapshot: (product, asking) => void this.#requests.snapshot(product, asking),
      requestTrades: (product, missing) => void this.#requests.trades(product, missing),
      resubscribe: (kind, product) => this.#resubscribe(kind, product),
    }
  }

  get products(): Iterable<LiveProduct> {
    return this.#products.values()
  }

  connect(): void {
    const wanted = [...this.products].flatMap(({ lines, listing }) =>
      lines.map(({ kind }): Subscription => ({ kind, symbol: listing.symbol })),
    )
    for (const part of splitSubscriptions(this.#use.wire, wanted)) {
      const connection = this.#open(part)
      this.#connections.push(connection)
      for (const { kind, symbol } of part) this.#carriers.set(`${kind} ${symbol}`, connection)
    }
  }

  /** Nothing comes any more. What waits to be published goes on waiting. */
  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()))
    for (const product of this.products) product.close()
  }

  #open(subscriptions: readonly Subscription[]): Connection {
    const { timers, ledger, levels, telling, reject } = this.#about
    const carried = subscriptions.map(({ kind, symbol }) => ({ kind, product: this.#product(symbol) }))
    const beside = carried[0]!.product
    return openConnection({
      ...this.#about,
      ...this.#use,
      subscriptions,
      onFrame: (events, bytes, receivedAtMs) =>
        handOn({
          events,
          receivedAtMs,
          levels,
          products: this.#products,
          carried,
          ledger,
          reject: (refusal, symbol) => {
            const product = symbol === undefined ? undefined : this.#products.get(symbol)
            reject({ refusal, product, bytes, receivedAtMs, beside: product ?? beside })
          },
        }),
      onLive: (live) => {
        for (const { kind, symbol } of live) this.#product(symbol).live(kind)
      },
      onLost: ({ reason, lastFrameAtMs }) => {
        const lastGoodMs = lastFrameAtMs ?? timers.nowMs()
        for (const { kind, product } of carried) product.cut(kind, reason, lastGoodMs)
      },
      onRefused: ({ kind, symbol }, message) => {
        const product = this.#product(symbol)
        product.refused(kind)
        telling.refused(kind, product.listing.product, message)
      },
      onIdle: ({ kind, symbol }) => this.#product(symbol).idle(kind),
      tell: (news) => telling.connection(news, this.#use),
    })
  }

  /** Only what was subscribed to is spoken of. */
  #product(symbol: string): LiveProduct {
    return this.#products.get(symbol)!
  }

  #resubscribe(kind: FeedKind, { listing }: LiveProduct): void {
    const { symbol } = listing
    this.#carriers.get(`${kind} ${symbol}`)?.resubscribe([{ kind, symbol }])
  }
}
