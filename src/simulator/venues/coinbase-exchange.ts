import { budget, bySymbol, type Exchange } from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import type { Room } from '../room.ts'
import { CoinbaseRest, said } from './coinbase-exchange-rest.ts'
import { CoinbaseSocket } from './coinbase-exchange-socket.ts'
import { changesText, matchText, tickerText } from './coinbase-exchange-texts.ts'

const CONNECTS_A_SECOND = 8

/** Coinbase Exchange: its public REST and those channels of its feed that need no key. */
export function openExchange(room: Room): Exchange {
  const feeds = bySymbol(room.feeds)
  const rest = new CoinbaseRest(room, feeds)
  const connects = budget(CONNECTS_A_SECOND, 1_000, room.nowMs)
  return {
    http: (request) => rest.answer(request),
    connect(_, line) {
      const isTooMany = room.limited && connects() > 0
      return isTooMany ? said('Too Many Requests', 429) : new CoinbaseSocket(room, feeds, line)
    },
    publish: (feed) => publish(room, feed),
  }
}

/** What the book says comes before the trades that made it so, and the ticker after both: it tells of the same book. */
function publish(room: Room, feed: Feed): void {
  const { market } = feed
  const { aheadMs } = room
  room.tell(feed, 'level2_batch', 'books', () =>
    changesText(market, market.timeMs + aheadMs, room.crossedBid(market)),
  )
  for (const trade of market.trades) {
    room.tell(feed, 'matches', 'trades', () => matchText(market, trade, 'match', aheadMs))
    room.tell(feed, 'ticker', 'tickers', () => tickerText(market, trade, aheadMs))
  }
}
