import { type Budget, budget, json, type SimAnswer, type SimRequest } from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import type { Room } from '../room.ts'
import { PING_MS } from './kucoin-socket.ts'
import { bookText, historyText, symbolText } from './kucoin-texts.ts'
import type { Tokens } from './kucoin-tokens.ts'

const REQUESTS_IN_30_S = 2_000
const TRADES_A_PAGE = 100

/** The bullet, the symbols, books of 20 and 100 levels, and the newest trades. */
export class KucoinRest {
  readonly #room: Room
  readonly #feeds: ReadonlyMap<string, Feed>
  readonly #tokens: Tokens
  readonly #requests: Budget

  constructor(room: Room, feeds: ReadonlyMap<string, Feed>, tokens: Tokens) {
    this.#room = room
    this.#feeds = feeds
    this.#tokens = tokens
    this.#requests = budget(REQUESTS_IN_30_S, 30_000, room.nowMs)
  }

  answer(request: SimRequest): SimAnswer {
    const { path, query } = request
    if (this.#room.limited && this.#requests() > 0) return failed('429000', 'Too Many Requests', 429)
    if (path.endsWith('/bullet-public')) return this.#bullet(request)
    if (path.endsWith('/timestamp')) return done(String(this.#room.stampMs))
    if (path.endsWith('/symbols')) return this.#symbols()
    const feed = this.#feeds.get(query.get('symbol') ?? '')
    if (feed === undefined) return failed('900001', 'symbol not exists', 400)
    if (path.endsWith('/market/histories')) {
      return done(`[${historyText(feed.market, this.#room.lastTradeId(feed), TRADES_A_PAGE)}]`)
    }
    const [, levels] = /\/orderbook\/level2_(20|100)$/.exec(path) ?? []
    if (levels === undefined) return failed('400100', 'Please check the parameters or use an API key.', 401)
    return this.#book(feed, Number(levels))
  }

  #bullet({ method, origin, wire }: SimRequest): SimAnswer {
    if (method !== 'POST') return failed('405000', "Request method 'GET' not supported", 405)
    const endpoint = `${origin.replace(/^http/, 'ws')}/kucoin/${wire}/`
    return done(
      `{"token":"${this.#tokens.make()}","instanceServers":[{"endpoint":"${endpoint}",` +
        `"encrypt":${origin.startsWith('https')},"protocol":"websocket","pingInterval":${PING_MS},"pingTimeout":10000}]}`,
    )
  }

  #symbols(): SimAnswer {
    return done(`[${this.#room.feeds.map((feed) => symbolText(feed.listing)).join(',')}]`)
  }

  #book(feed: Feed, levelsMax: number): SimAnswer {
    const market = this.#room.clock.marketOf(feed)
    const answer = done(bookText(market, this.#room.stampMs, levelsMax))
    return { ...answer, delayMs: this.#room.faults.snapshotDelayMs(feed.product) }
  }
}

function done(data: string): SimAnswer {
  return json(`{"code":"200000","data":${data}}`)
}

export function failed(code: string, msg: string, status: number): SimAnswer {
  return json(JSON.stringify({ code, msg }), status)
}
