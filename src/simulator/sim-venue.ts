import { EngineError } from '../models/engine-error.ts'
import type { VenueId } from '../models/scalars.ts'
import type { Exchange, NoAnswer, SimAnswer, SimRequest } from './exchange.ts'
import { type FaultWish, VenueFaults } from './exchange-faults.ts'
import { type ExchangeListing, exchangeListing } from './exchange-listing.ts'
import { ExchangeMarket, type MarketPaths, type MarketRates } from './exchange-market.ts'
import { Feed } from './feeds.ts'
import { Line, type OpenLine, type Peer, type Session } from './line.ts'
import { keyOf } from './random.ts'
import { Room, type RoomAbout } from './room.ts'
import { openBinance } from './venues/binance.ts'
import { openCoinbase } from './venues/coinbase.ts'
import { openDeribit } from './venues/deribit.ts'
import { openKucoin } from './venues/kucoin.ts'
import { openOkx } from './venues/okx.ts'

const openers: Record<VenueId, (room: Room) => Exchange> = {
  coinbase: openCoinbase,
  binance: openBinance,
  kucoin: openKucoin,
  okx: openOkx,
  deribit: openDeribit,
}

/** A socket that may be opened. To be called once, when it is open, or when nothing has come of it. */
export type Admission = { readonly open: (peer: Peer) => OpenLine }

export type SimVenueAbout = Pick<RoomAbout, 'clock' | 'after' | 'limited' | 'checksums'> & {
  readonly seed: number
  readonly rates: MarketRates
  readonly paths: { of(listing: ExchangeListing): MarketPaths }
}

const STALL_MS = 5_000
const REFUSED_BODY = '{"code":0,"msg":"refused","message":"refused"}'

/** What is done and over: nothing of it stays in force. */
const AT_ONCE: ReadonlySet<string> = new Set(['cut', 'stall', 'closing'])

/** One venue of a simulator: its servers, who is connected to them, and what goes wrong in between. */
export class SimVenue {
  readonly id: VenueId
  readonly #feeds: ReadonlyMap<string, Feed>
  readonly #faults: VenueFaults
  readonly #exchange: Exchange
  readonly #after: RoomAbout['after']
  readonly #lines = new Set<Line>()

  constructor(id: VenueId, products: readonly string[], about: SimVenueAbout) {
    const { seed, rates, paths, clock, after } = about
    const feeds = products.map((product) => {
      const listing = exchangeListing(id, product)
      return new Feed(listing, () => new ExchangeMarket(listing, seed, rates, paths.of(listing)))
    })
    const key = keyOf(`${seed}/${id}`)
    this.id = id
    this.#feeds = new Map(feeds.map((feed) => [feed.product, feed]))
    this.#faults = new VenueFaults(clock.nowMs, key)
    this.#exchange = openers[id](new Room({ ...about, feeds, key, faults: this.#faults }))
    this.#after = after
  }

  get products(): string[] {
    return [...this.#feeds.keys()]
  }

  get connections(): number {
    return this.#lines.size
  }

  publish(feed: Feed): void {
    this.#exchange.publish(feed)
  }

  /** Throws EngineError `usage` for a product that is not listed. */
  feedOf(product: string): Feed {
    const feed = this.#feeds.get(product)
    if (feed !== undefined) return feed
    throw new EngineError('usage', `the simulated ${this.id} does not list ${product}`, {
      hint: `it lists ${this.products.slice(0, SHOWN_PRODUCTS).join(', ')}`,
    })
  }

  http(request: SimRequest): SimAnswer | NoAnswer {
    return this.#refusal() ?? this.#exchange.http(request)
  }

  /** The venue decides before the socket is open, and speaks when it is. */
  connect(request: SimRequest): Admission | SimAnswer | NoAnswer {
    const refusal = this.#refusal()
    if (refusal !== undefined) return refusal
    const line = new Line()
    if (this.#faults.inForce('half-open')) line.mute()
    const session = this.#exchange.connect(request, line)
    if ('status' in session) return session
    this.#lines.add(line)
    return { open: (peer) => this.#open(line, session, peer) }
  }

  #open(line: Line, session: Session, peer: Peer): OpenLine {
    line.open(peer)
    return {
      receive: (text) => session.receive(text),
      pong: () => session.pong(),
      pinged: () => line.pong(),
      closed: () => {
        line.ended()
        this.#lines.delete(line)
        session.closed()
      },
    }
  }

  fault(wish: FaultWish): void {
    const { product, fault, forMs } = wish
    const feed = product === undefined ? undefined : this.feedOf(product)
    const lines = [...this.#lines].filter((line) => feed === undefined || line.joined.has(feed))
    if (!AT_ONCE.has(fault)) this.#faults.add(wish)
    if (fault === 'cut' || fault === 'down') for (const line of lines) line.close(NO_WORD, '')
    if (fault === 'half-open' || fault === 'unreachable') for (const line of lines) line.mute()
    if (fault === 'stall') this.#stall(lines, forMs ?? STALL_MS)
    if (fault === 'closing') this.#closeSoon(lines, forMs ?? 0)
  }

  close(): void {
    for (const line of [...this.#lines]) line.close(GOING_AWAY, 'going away')
  }

  #stall(lines: readonly Line[], forMs: number): void {
    for (const line of lines) line.stall()
    this.#after(forMs, () => {
      for (const line of lines) line.resume()
    })
  }

  #closeSoon(lines: readonly Line[], inMs: number): void {
    for (const line of lines) this.#exchange.announceClose?.(line)
    this.#after(inMs, () => {
      for (const line of lines) line.close(GOING_AWAY, 'going away')
    })
  }

  /** How everything is answered while the venue is not itself. */
  #refusal(): SimAnswer | NoAnswer | undefined {
    if (this.#faults.quiet) return undefined
    if (this.#faults.inForce('down')) return 'refused'
    if (this.#faults.inForce('unreachable')) return 'silent'
    const refusal = this.#faults.status()
    if (refusal === undefined) return undefined
    const seconds = String(Math.max(1, Math.ceil(refusal.retryAfterMs / 1_000)))
    const headers = refusal.status === 451 ? {} : { 'retry-after': seconds }
    return { status: refusal.status, body: REFUSED_BODY, headers }
  }
}

const SHOWN_PRODUCTS = 20
const GOING_AWAY = 1001
const NO_WORD = 1006
