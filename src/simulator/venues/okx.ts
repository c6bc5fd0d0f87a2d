import { MINUTE_MS } from '../../models/time.ts'
import { budget, bySymbol, type Exchange } from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import type { Room } from '../room.ts'
import { BookNumbering } from './okx-numbering.ts'
import { failed, OkxRest } from './okx-rest.ts'
import { OkxSocket } from './okx-socket.ts'
import { bookUpdate, stillThere, tickerText, tradeText } from './okx-texts.ts'

const CONNECTS_A_SECOND = 3

/** OKX, version 5, public: books by `seqId`, each update naming the one before it. */
export function openOkx(room: Room): Exchange {
  const feeds = bySymbol(room.feeds)
  const numbering = new BookNumbering(room)
  const rest = new OkxRest(room, feeds, numbering)
  const connects = budget(CONNECTS_A_SECOND, 1_000, room.nowMs)
  let connections = 0
  return {
    http: (request) => rest.answer(request),
    connect(_, line) {
      if (room.limited && connects() > 0) return failed('50011', 'Too Many Requests', 429)
      const connId = (0xa4d3ae55 + ++connections).toString(16)
      return new OkxSocket({ room, feeds, numbering, line, connId })
    },
    publish: (feed) => publish(room, numbering, feed),
    announceClose: (line) => line.send(NOTICE),
  }
}

const NOTICE =
  '{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a4d3ae55"}'

function publish(room: Room, numbering: BookNumbering, feed: Feed): void {
  const { market } = feed
  const timeMs = room.stepStampMs(market)
  if (feed.lines('books') !== undefined) publishBook(room, numbering, feed, timeMs)
  for (const trade of market.trades) {
    room.tell(feed, 'trades', 'trades', () => tradeText(market, trade, room.aheadMs))
  }
  room.tell(feed, 'tickers', 'tickers', () => tickerText(market, timeMs))
}

/** Once a minute it is said again that the book is still there: nothing has changed since, and so its number has not. */
function publishBook(room: Room, numbering: BookNumbering, feed: Feed, timeMs: number): void {
  const { market } = feed
  const numbers = numbering.next(market)
  room.tell(feed, 'books', 'books', () => bookUpdate(market, timeMs, numbers, room.crossedBid(market)))
  const isNewMinute =
    Math.floor(market.timeMs / MINUTE_MS) > Math.floor((market.timeMs - market.stepMs) / MINUTE_MS)
  if (!isNewMinute) return
  const same = { ...numbers, previous: numbers.sequence }
  room.tell(feed, 'books', 'books', () => stillThere(market, timeMs, same))
}
