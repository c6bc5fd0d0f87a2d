import { budget, bySymbol, type Exchange, json, type SimAnswer, type SimRequest } from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import type { Room } from '../room.ts'
import { AdvancedSocket, type Channel, own, say } from './coinbase-advanced-socket.ts'
import {
  bookEvent,
  productText,
  tickerEvent,
  tradesEvent,
  tradeText,
  updatesText,
} from './coinbase-advanced-texts.ts'

const CONNECTS_A_SECOND = 8

/** Coinbase Advanced Trade: its public product list, and those channels that need no key. */
export function openAdvanced(room: Room): Exchange {
  const feeds = bySymbol(room.feeds)
  const connects = budget(CONNECTS_A_SECOND, 1_000, room.nowMs)
  return {
    http: (request) => answer(room, request),
    connect(_, line) {
      const isTooMany = room.limited && connects() > 0
      return isTooMany ? json('{"message":"Too Many Requests"}', 429) : new AdvancedSocket(room, feeds, line)
    },
    publish: (feed) => publish(room, feed),
  }
}

function publish(room: Room, feed: Feed): void {
  const { market } = feed
  tell(room, feed, 'level2', 'books', () =>
    bookEvent(feed.symbol, 'update', updatesText(market, room.stepStampMs(market), room.crossedBid(market))),
  )
  if (market.trades.length === 0) return
  tell(room, feed, 'market_trades', 'trades', () => {
    const rows = market.trades.toReversed().map((trade) => tradeText(market, trade, room.aheadMs))
    return tradesEvent('update', rows)
  })
  tell(room, feed, 'ticker', 'tickers', () => tickerEvent('update', market))
}

/** Every connection counts for itself, and so has its own text of the same event. */
function tell(
  room: Room,
  feed: Feed,
  channel: Channel,
  kind: 'books' | 'trades' | 'tickers',
  event: () => string,
) {
  const lines = feed.lines(own(channel))
  if (lines === undefined) return
  const text = event()
  const fault = room.faultOf(feed, kind)
  for (const line of lines) say(room, line, channel, text, feed.series[kind], fault)
}

function answer(room: Room, { path }: SimRequest): SimAnswer {
  if (!path.endsWith('/products')) return json('{"error":"NOT_FOUND","message":"not found"}', 404)
  const rows = room.feeds.map((feed) => productText(feed.listing))
  return json(`{"products":[${rows.join(',')}],"num_products":${rows.length},"pagination":null}`)
}
