import { bySymbol, type Exchange, json } from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import type { Room } from '../room.ts'
import { DeribitMethods } from './deribit-methods.ts'
import { DeribitSocket } from './deribit-socket.ts'
import { changeData, noticeText, tickerData, tradeData } from './deribit-texts.ts'

const CONNECTIONS_MAX = 32

/** Deribit: JSON-RPC over sockets, and the same methods over HTTP. */
export function openDeribit(room: Room): Exchange {
  const feeds = bySymbol(room.feeds)
  const methods = new DeribitMethods(room, feeds)
  let connections = 0
  return {
    http: (request) => methods.answer(request),
    connect(_, line) {
      if (room.limited && connections >= CONNECTIONS_MAX) return json('{"message":"Too Many Requests"}', 429)
      connections++
      return new DeribitSocket({ room, feeds, methods, line, closed: () => connections-- })
    },
    publish: (feed) => publish(room, feed),
  }
}

function publish(room: Room, feed: Feed): void {
  const { market, symbol } = feed
  const timeMs = room.stepStampMs(market)
  const tell = (kind: 'books' | 'trades' | 'tickers', channel: string, data: () => string) =>
    room.tell(feed, channel, kind, () => noticeText(channel, data()))
  tell('books', `book.${symbol}.100ms`, () => changeData(market, timeMs, room.crossedBid(market)))
  if (market.trades.length > 0) {
    const rows = () => market.trades.map((trade) => tradeData(market, trade, room.aheadMs)).join(',')
    tell('trades', `trades.${symbol}.100ms`, () => `[${rows()}]`)
  }
  tell('tickers', `ticker.${symbol}.100ms`, () => tickerData(market, timeMs))
}
