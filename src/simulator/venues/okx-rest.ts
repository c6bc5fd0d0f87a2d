import { type Budget, budget, json, type SimAnswer, type SimRequest } from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import type { Room } from '../room.ts'
import { fillsOf } from '../trade-times.ts'
import type { BookNumbering } from './okx-numbering.ts'
import { bookBody, fillPage, instrumentText, LEVELS_MAX, typeText } from './okx-texts.ts'

const REQUESTS_IN_2_S = 40
const PAGE = 100
const PAGE_MAX = 500

/** Instruments, books, and trades with their past. */
export class OkxRest {
  readonly #room: Room
  readonly #feeds: ReadonlyMap<string, Feed>
  readonly #numbering: BookNumbering
  readonly #requests: Budget

  constructor(room: Room, feeds: ReadonlyMap<string, Feed>, numbering: BookNumbering) {
    this.#room = room
    this.#feeds = feeds
    this.#numbering = numbering
    this.#requests = budget(REQUESTS_IN_2_S, 2_000, room.nowMs)
  }

  answer({ path, query }: SimRequest): SimAnswer {
    if (this.#room.limited && this.#requests() > 0) return failed('50011', 'Too Many Requests', 429)
    if (path.endsWith('/public/time')) return done(`{"ts":"${this.#room.stampMs}"}`)
    if (path.endsWith('/public/instruments')) return this.#instruments(query.get('instType'))
    const feed = this.#feeds.get(query.get('instId') ?? '')
    if (feed === undefined) return failed('51001', "Instrument ID doesn't exist.", 400)
    if (/\/market\/books(-full)?$/.test(path)) return this.#book(feed, Number(query.get('sz') ?? 1))
    if (/\/market\/(history-)?trades$/.test(path)) return this.#trades(feed, query)
    return failed('404', 'Not Found', 404)
  }

  #instruments(type: string | null): SimAnswer {
    if (type === null) return failed('50014', 'Parameter instType can not be empty.', 400)
    const feeds = this.#room.feeds.filter(({ listing }) => typeText(listing.type) === type)
    return done(feeds.map(({ listing }) => instrumentText(listing)).join(','))
  }

  #book(feed: Feed, levelsMax: number): SimAnswer {
    const market = this.#room.clock.marketOf(feed)
    const { sequence } = this.#numbering.now(market)
    const body = bookBody(market, this.#room.stampMs, sequence, Math.min(levelsMax, LEVELS_MAX))
    return { ...done(body), delayMs: this.#room.faults.snapshotDelayMs(feed.product) }
  }

  /** The newest first; `after` is older than that id. */
  #trades(feed: Feed, query: URLSearchParams): SimAnswer {
    const { lastFill } = fillsOf(this.#room.lastTradeId(feed))
    const newest = query.has('after')
      ? Math.min(lastFill, Math.ceil(Number(query.get('after'))) - 1)
      : lastFill
    return done(fillPage(feed.market, newest, Math.min(Number(query.get('limit') ?? PAGE), PAGE_MAX)))
  }
}

function done(rows: string): SimAnswer {
  return json(`{"code":"0","msg":"","data":[${rows}]}`)
}

export function failed(code: string, msg: string, status: number): SimAnswer {
  return json(JSON.stringify({ code, msg, data: [] }), status)
}
