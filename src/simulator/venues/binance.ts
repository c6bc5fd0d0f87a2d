import {
  type Budget,
  budget,
  bySymbol,
  type Exchange,
  json,
  type SimAnswer,
  type SimRequest,
} from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import type { Line, Session } from '../line.ts'
import { lastPrice } from '../market-rows.ts'
import type { Room } from '../room.ts'
import { BinanceRest, tooMany } from './binance-rest.ts'
import { BinanceSocket } from './binance-socket.ts'
import { aggTradeText, bookTickerText, depthText, miniTickerText } from './binance-texts.ts'

/** Binance: spot, and USD-M futures with their two addresses, `/public` for books and `/market` for the rest. */
export function openBinance(room: Room): Exchange {
  const isSpot = (feed: Feed) => feed.listing.type === 'spot'
  const spot = new BinanceServers(room, 'spot', room.feeds.filter(isSpot))
  const futures = new BinanceServers(
    room,
    'futures',
    room.feeds.filter((feed) => !isSpot(feed)),
  )
  const serversOf = (wire: string) => (wire.startsWith('futures') ? futures : spot)
  const connects = budget(CONNECTS_IN_5_MINUTES, 300_000, room.nowMs)
  return {
    http: (request) => serversOf(request.wire).rest.answer(request),
    connect: (request, line) => serversOf(request.wire).connect(request, line, connects),
    publish: (feed) => publish(room, feed),
    announceClose: (line) => line.send(`{"e":"serverShutdown","E":${room.stampMs}}`),
  }
}

const CONNECTS_IN_5_MINUTES = 300

export type Family = 'spot' | 'futures'

/** Channels of a product, as its feed calls them. On a combined connection frames come with the stream's name around them. */
const CHANNELS: Readonly<Record<string, string>> = {
  'depth@100ms': 'depth',
  depth: 'depth', // the venue's own pace is slower here
  aggTrade: 'aggTrade',
  bookTicker: 'bookTicker',
  miniTicker: 'miniTicker',
}
const OF_PUBLIC = new Set(['depth', 'bookTicker'])
const COMBINED = '+'
const ALL_TICKERS = '!miniTicker@arr'

function publish(room: Room, feed: Feed): void {
  const { market } = feed
  const timeMs = room.stepStampMs(market)
  tell(room, feed, 'books', 'depth', 'depth@100ms', () => depthText(market, timeMs, room.crossedBid(market)))
  for (const trade of market.trades) {
    tell(room, feed, 'trades', 'aggTrade', 'aggTrade', () => aggTradeText(market, trade, timeMs))
  }
  tell(room, feed, 'tickers', 'bookTicker', 'bookTicker', () => bookTickerText(market, timeMs))
  if (Math.floor(market.timeMs / 1_000) === Math.floor((market.timeMs - market.stepMs) / 1_000)) return
  tell(room, feed, 'tickers', 'miniTicker', 'miniTicker', () =>
    miniTickerText(market, timeMs, lastPrice(market)),
  )
}

function tell(
  room: Room,
  feed: Feed,
  kind: 'books' | 'trades' | 'tickers',
  channel: string,
  stream: string,
  text: () => string,
): void {
  const bare = feed.lines(channel)
  const combined = feed.lines(channel + COMBINED)
  if (bare === undefined && combined === undefined) return
  const data = text()
  const fault = room.faultOf(feed, kind)
  if (bare !== undefined) room.deliver(bare, feed, kind, data, fault)
  if (combined === undefined) return
  const named = `{"stream":"${feed.symbol.toLowerCase()}@${stream}","data":${data}}`
  room.deliver(combined, feed, kind, named, fault)
}

/** The servers of one family of products. */
class BinanceServers {
  readonly rest: BinanceRest
  readonly #room: Room
  readonly #family: Family
  readonly #feeds: ReadonlyMap<string, Feed>
  /** Who listens to the tickers of all products, and in which form. */
  readonly #ofAllTickers = new Map<Line, string>()
  #isTelling = false

  constructor(room: Room, family: Family, feeds: readonly Feed[]) {
    this.#room = room
    this.#family = family
    this.#feeds = bySymbol(feeds)
    this.rest = new BinanceRest(room, family, this.#feeds)
  }

  connect({ path, query }: SimRequest, line: Line, connects: Budget): Session | SimAnswer {
    const waitMs = this.#room.limited ? connects() : 0
    if (waitMs > 0) return tooMany(waitMs)
    const isCombined = path.endsWith('/stream')
    if (!isCombined && !/\/ws(\/|$)/.test(path)) return json('{"code":-1,"msg":"not found"}', 404)
    const asked = isCombined ? (query.get('streams') ?? '') : (path.split('/ws/')[1] ?? '')
    const form = isCombined ? COMBINED : ''
    return new BinanceSocket({
      room: this.#room,
      family: this.#family,
      line,
      streams: asked === '' ? [] : asked.split('/').map(decodeURIComponent),
      join: (stream) => this.#join(line, path, form, stream),
      part: (stream) => this.#part(line, path, form, stream),
      closed: () => this.#ofAllTickers.delete(line),
    })
  }

  /** A stream that does not exist is subscribed to without a word, as the venue does it. */
  #join(line: Line, path: string, form: string, stream: string): void {
    if (stream === ALL_TICKERS) this.#joinAllTickers(line, form)
    const found = this.#find(path, stream)
    if (found !== undefined) this.#room.clock.join(found.feed, found.channel + form, line)
  }

  #part(line: Line, path: string, form: string, stream: string): void {
    if (stream === ALL_TICKERS) this.#ofAllTickers.delete(line)
    const found = this.#find(path, stream)
    if (found !== undefined) this.#room.clock.part(found.feed, found.channel + form, line)
  }

  #find(path: string, stream: string): { feed: Feed; channel: string } | undefined {
    const [symbol = '', ...rest] = stream.split('@')
    const channel = CHANNELS[rest.join('@')]
    const feed = this.#feeds.get(symbol.toUpperCase())
    if (feed === undefined || channel === undefined || symbol !== symbol.toLowerCase()) return undefined
    const isElsewhere = this.#family === 'futures' && OF_PUBLIC.has(channel) !== path.startsWith('/public')
    return isElsewhere ? undefined : { feed, channel }
  }

  #joinAllTickers(line: Line, form: string): void {
    this.#ofAllTickers.set(line, form)
    if (this.#isTelling) return
    this.#isTelling = true
    this.#room.after(1_000, () => this.#tellAllTickers(this.#room.nowMs() - 1_000))
  }

  /** Once a second, while anybody wants it: every product that was traded since the last time. */
  #tellAllTickers(sinceMs: number): void {
    this.#isTelling = this.#ofAllTickers.size > 0
    if (!this.#isTelling) return
    const nowMs = this.#room.nowMs()
    const rows = [...this.#feeds.values()].flatMap((feed) => this.#tickerRow(feed, sinceMs, nowMs))
    const text = `[${rows.join(',')}]`
    const bare = Buffer.from(text)
    const named = Buffer.from(`{"stream":"${ALL_TICKERS}","data":${text}}`)
    for (const [line, form] of rows.length === 0 ? [] : this.#ofAllTickers) {
      line.deliver(form === COMBINED ? named : bare, ALL_TICKERS)
    }
    this.#room.after(1_000, () => this.#tellAllTickers(nowMs))
  }

  #tickerRow({ market, product }: Feed, sinceMs: number, nowMs: number): string[] {
    const last = market.tradeOf(market.lastTradeId(nowMs))
    const isDropped = this.#room.faults.ofFrame(product, 'tickers') === 'drop'
    if (last === undefined || last.timeMs <= sinceMs || isDropped) return []
    return [miniTickerText(market, this.#room.stampMs, last.priceUnits)]
  }
}
