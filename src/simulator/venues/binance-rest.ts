import { type Budget, budget, json, type SimAnswer, type SimRequest } from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import type { Room } from '../room.ts'
import type { Family } from './binance.ts'
import { aggTradeText, infoText, snapshotText } from './binance-texts.ts'

const WEIGHT_A_MINUTE = { spot: 6_000, futures: 2_400 }
const LIMIT = { spot: 100, futures: 500 } // levels where nothing is said of them
const PAGE = 500
const PAGE_MAX = 1_000

/** `exchangeInfo`, `depth`, `aggTrades`, `time` and `ping`, below `/api/v3` and `/fapi/v1`, with their weights. */
export class BinanceRest {
  readonly #room: Room
  readonly #family: Family
  readonly #feeds: ReadonlyMap<string, Feed>
  readonly #weights: Budget

  constructor(room: Room, family: Family, feeds: ReadonlyMap<string, Feed>) {
    this.#room = room
    this.#family = family
    this.#feeds = feeds
    this.#weights = budget(WEIGHT_A_MINUTE[family], 60_000, room.nowMs)
  }

  answer({ path, query }: SimRequest): SimAnswer {
    const method = path.slice(path.lastIndexOf('/') + 1)
    const limit = Number(query.get('limit') ?? LIMIT[this.#family])
    const waitMs = this.#room.limited ? this.#weights(weightOf(method, limit)) : 0
    if (waitMs > 0) return tooMany(waitMs)
    if (method === 'exchangeInfo') return this.#info()
    if (method === 'time') return json(`{"serverTime":${this.#room.stampMs}}`)
    if (method !== 'depth' && method !== 'aggTrades') return json('{}', method === 'ping' ? 200 : 404)
    const feed = this.#feeds.get(query.get('symbol') ?? '')
    if (feed === undefined) return json('{"code":-1121,"msg":"Invalid symbol."}', 400)
    return method === 'depth' ? this.#depth(feed, limit) : this.#aggTrades(feed, query)
  }

  #info(): SimAnswer {
    const rows = [...this.#feeds.values()].map((feed) => infoText(feed.listing))
    const head = `{"timezone":"UTC","serverTime":${this.#room.stampMs},"rateLimits":[],"exchangeFilters":[]`
    return json(`${head},"symbols":[${rows.join(',')}]}`)
  }

  #depth(feed: Feed, levelsMax: number): SimAnswer {
    const market = this.#room.clock.marketOf(feed)
    const text = snapshotText(market, this.#room.stampMs, levelsMax)
    return { ...json(text), delayMs: this.#room.faults.snapshotDelayMs(feed.product) }
  }

  /** From `fromId` on, or the newest; either way the oldest first. */
  #aggTrades(feed: Feed, query: URLSearchParams): SimAnswer {
    const { market } = feed
    const limit = Math.min(Number(query.get('limit') ?? PAGE), PAGE_MAX)
    const last = this.#room.lastTradeId(feed)
    const fromId = query.has('fromId') ? Number(query.get('fromId')) : last - limit + 1
    const rows: string[] = []
    for (let id = Math.max(0, fromId); id <= last && rows.length < limit; id++) {
      rows.push(aggTradeText(market, market.tradeOf(id)!))
    }
    return json(`[${rows.join(',')}]`)
  }
}

function weightOf(method: string, limit: number): number {
  if (method === 'exchangeInfo') return 20
  if (method === 'aggTrades') return 4
  if (method !== 'depth') return 1
  return limit <= 100 ? 5 : limit <= 500 ? 25 : limit <= 1_000 ? 50 : 250
}

export function tooMany(waitMs: number): SimAnswer {
  const headers = { 'retry-after': String(Math.ceil(waitMs / 1_000)) }
  return { ...json('{"code":-1003,"msg":"Too much request weight used."}', 429), headers }
}
