import { budget, bySymbol, type Exchange } from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import type { Line } from '../line.ts'
import type { Room } from '../room.ts'
import { failed, KucoinRest } from './kucoin-rest.ts'
import { EVERY_TICKER, KucoinSocket } from './kucoin-socket.ts'
import { changesText, matchText, tickerData } from './kucoin-texts.ts'
import { Tokens } from './kucoin-tokens.ts'

const CONNECTS_A_MINUTE = 30

/** KuCoin, spot: every connection is opened with a token of its own. */
export function openKucoin(room: Room): Exchange {
  const feeds = bySymbol(room.feeds)
  const tokens = new Tokens(room)
  const rest = new KucoinRest(room, feeds, tokens)
  const connects = budget(CONNECTS_A_MINUTE, 60_000, room.nowMs)
  return {
    http: (request) => rest.answer(request),
    connect({ query }, line) {
      if (room.limited && connects() > 0) return failed('429000', 'Too Many Requests', 429)
      const connectId = JSON.stringify(query.get('connectId') ?? '')
      const livesMs = tokens.take(query.get('token') ?? '')
      return livesMs > 0
        ? new KucoinSocket(room, feeds, line, connectId, livesMs)
        : turnedAway(line, connectId)
    },
    publish: (feed) => publish(room, feed),
  }
}

/** The connection is opened all the same, to say why it is closed. */
function turnedAway(line: Line, connectId: string) {
  line.send(`{"id":${connectId},"type":"error","code":401,"data":"token is invalid"}`)
  line.close(1000, 'token is invalid')
  return { receive() {}, pong() {}, closed() {} }
}

function publish(room: Room, feed: Feed): void {
  const { market } = feed
  const timeMs = room.stepStampMs(market)
  room.tell(feed, 'level2', 'books', () => changesText(market, timeMs, room.crossedBid(market)))
  for (const trade of market.trades) {
    room.tell(feed, 'match', 'trades', () => matchText(market, trade, room.aheadMs))
  }
  publishTicker(room, feed, timeMs)
}

/** One and the same, to those who asked for this product and to those who asked for all. */
function publishTicker(room: Room, feed: Feed, timeMs: number): void {
  const some = feed.lines('ticker')
  const all = feed.lines(EVERY_TICKER)
  if (some === undefined && all === undefined) return
  const data = tickerData(feed.market, timeMs)
  const fault = room.faultOf(feed, 'tickers')
  const text = (topic: string, subject: string) =>
    `{"type":"message","topic":"/market/ticker:${topic}","subject":"${subject}","data":${data}}`
  if (some !== undefined) room.deliver(some, feed, 'tickers', text(feed.symbol, 'trade.ticker'), fault)
  if (all !== undefined) room.deliver(all, feed, 'tickers', text('all', feed.symbol), fault)
}
