import { type Budget, budget, json, type SimAnswer, type SimRequest } from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import { ALL_LEVELS } from '../market-rows.ts'
import type { Room } from '../room.ts'
import { bookBody, productRow, tradeRow } from './coinbase-exchange-texts.ts'

const REQUESTS_A_SECOND = 15
const PAGE_MAX = 1_000

/** `/products`, and below each its `book` and its `trades`. */
export class CoinbaseRest {
  readonly #room: Room
  readonly #feeds: ReadonlyMap<string, Feed>
  readonly #requests: Budget

  constructor(room: Room, feeds: ReadonlyMap<string, Feed>) {
    this.#room = room
    this.#feeds = feeds
    this.#requests = budget(REQUESTS_A_SECOND, 1_000, room.nowMs)
  }

  answer({ path, query }: SimRequest): SimAnswer {
    if (this.#room.limited && this.#requests() > 0) return said('Public rate limit exceeded', 429)
    const [, symbol, part] = /\/products(?:\/([^/]+)(?:\/(\w+))?)?$/.exec(path) ?? []
    if (path.endsWith('/time')) return json(`{"epoch":${this.#room.stampMs / 1_000}}`)
    if (path.endsWith('/products')) return this.#products()
    const feed = this.#feeds.get(decodeURIComponent(symbol ?? ''))
    if (feed === undefined) return said('NotFound', 404)
    if (part === undefined) return json(productRow(feed.listing))
    if (part === 'trades') return this.#trades(feed, query)
    return part === 'book' ? this.#book(feed, query.get('level') ?? '1') : said('NotFound', 404)
  }

  #products(): SimAnswer {
    return json(`[${this.#room.feeds.map((feed) => productRow(feed.listing)).join(',')}]`)
  }

  #book(feed: Feed, level: string): SimAnswer {
    const market = this.#room.clock.marketOf(feed)
    const body = bookBody(market, this.#room.stepStampMs(market), level === '2' ? ALL_LEVELS : 1)
    return { ...json(body), delayMs: this.#room.faults.snapshotDelayMs(feed.product) }
  }

  /** The newest first; `after` is older than, `before` newer than, both by the id, which is not included. */
  #trades(feed: Feed, query: URLSearchParams): SimAnswer {
    const limit = Math.min(Number(query.get('limit') ?? PAGE_MAX), PAGE_MAX)
    const last = this.#room.lastTradeId(feed)
    const newest = query.has('after') ? Math.min(last, Number(query.get('after')) - 1) : last
    const oldest = query.has('before') ? Number(query.get('before')) + 1 : 0
    const rows: string[] = []
    for (let id = newest; id >= Math.max(0, oldest) && rows.length < limit; id--) {
      rows.push(tradeRow(feed.market, feed.market.tradeOf(id)!))
    }
    const cursors = { 'cb-before': String(newest), 'cb-after': String(newest - rows.length + 1) }
    const answer = json(`[${rows.join(',')}]`)
    return { ...answer, headers: { ...answer.headers, ...cursors } }
  }
}

export function said(message: string, status: number): SimAnswer {
  return json(JSON.stringify({ message }), status)
}
