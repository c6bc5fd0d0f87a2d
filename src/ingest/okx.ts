import { parseListing, parseSnapshot, parseTrades } from './okx/bodies.ts'
import { openChecksum } from './okx/checksum.ts'
import { argOf, channelOf, parseFrame } from './okx/frames.ts'
import {
  type BookDelta,
  type BookRules,
  type Following,
  NO_NUMBER,
  type Subscription,
  type TradeRules,
  type Venue,
  type Wire,
} from './venue.ts'

// https://www.okx.com/docs-v5/en/#overview-websocket (limits, pings, notices),
// .../#order-book-trading-market-data-ws-order-book-channel (books) and .../#order-book-trading-market-data-ws-trades-channel

/** Both at most what the venue answers at once. */
const SNAPSHOT_LEVELS = 400
const TRADES_PER_PAGE = 100

const books: BookRules = {
  continuity: 'proven',
  inBand: true,
  // The venue has announced that the snapshot on the stream will go; this is its way without.
  snapshot: {
    request: (restUrl, symbol) => ({
      method: 'GET',
      url: `${restUrl}/api/v5/market/books?instId=${encodeURIComponent(symbol)}&sz=${SNAPSHOT_LEVELS}&source=0`,
      weight: 1,
    }),
    parse: parseSnapshot,
  },
  follows,
  bridges,
  openChecksum,
  // Tickers run ahead of books by more than what a check could forgive: of 24 in a recording 1 agreed.
  tickerChecks: false,
}

/**
 * Each update names the one before it. Numbers rise, but for two cases that are no loss: a sign of life, about once a minute,
 * has the number before it for its own and changes nothing, and after the venue's maintenance they begin anew, lower. So an
 * update that follows nothing we know is a gap even if its number is lower: only the very same one again is old.
 */
function follows(last: number, { last: seqId, previous }: BookDelta): Following {
  // Frames of before 2023 have no numbers: their checksum vouches for them.
  if (seqId === NO_NUMBER && last === NO_NUMBER) return 'next'
  if (previous === last) return 'next'
  return seqId === last ? 'old' : 'gap'
}

/** The first update after a snapshot that was asked for may begin before it and must end behind it. */
function bridges(last: number, { last: seqId, previous }: BookDelta): Following {
  if (seqId <= last) return 'old'
  return previous <= last ? 'next' : 'gap'
}

const trades: TradeRules = {
  // A trade is all fills of one order at one price, and has the last one's id: 123 of 3 fills is 121, 122 and 123.
  ids: 'dense-by-fill',
  backfill: {
    /** `after` is the id behind the page, which runs from new to old: single fills, their ids without gaps. */
    request(restUrl, symbol, { fromId, toId }) {
      const after = Math.min(toId, fromId + TRADES_PER_PAGE - 1) + 1
      const query = `instId=${encodeURIComponent(symbol)}&type=1&after=${after}&limit=${TRADES_PER_PAGE}`
      return { method: 'GET', url: `${restUrl}/api/v5/market/history-trades?${query}`, weight: 2 }
    },
    parse: parseTrades,
  },
}

/** Spot, perpetuals and futures in one list each; options are not asked for. */
const LISTED = ['SPOT', 'SWAP', 'FUTURES']

const publicWire: Wire = {
  name: 'public',
  kinds: ['books', 'trades', 'tickers'],
  lists: 'both',
  restUrl: 'https://www.okx.com',
  socketUrl: 'wss://ws.okx.com:8443',
  limits: {
    // 3 in any second.
    connects: { perSecond: 1, burst: 2 },
    // 480 in any hour; pings are not counted by the venue, and are few.
    messages: { perSecond: 240 / 3_600, burst: 240 },
    // By weight 1: 40 in any two seconds of the lightest, 20 of those of weight 2.
    requests: { perSecond: 10, burst: 20 },
    // 64 KB of arguments: ten times this many.
    subscriptionsPerMessage: 100,
    // The venue advises fewer than 30 books on a connection: all three kinds of 29 products.
    subscriptionsPerConnection: 87,
    // Twenty times a snapshot of 400 levels with the longest numbers.
    frameBytesMax: 1024 * 1024,
  },
  listingRequests: (restUrl) =>
    LISTED.map((type) => ({
      method: 'GET',
      url: `${restUrl}/api/v5/public/instruments?instType=${type}`,
      weight: 2,
    })),
  parseListing,
  opening: { by: 'address', url: (socketUrl) => `${socketUrl}/ws/v5/public` },
  waitsForWelcome: false,
  channel: channelOf,
  subscribe: (subscriptions, id) => [message('subscribe', subscriptions, id)],
  unsubscribe: (subscriptions, id) => [message('unsubscribe', subscriptions, id)],
  // After 30 s of silence the venue cuts the line.
  keepAlive: { everyMs: 20_000, whenIdle: true, answerMs: 8_000, ping: () => 'ping' },
  parseFrame,
  books,
  trades,
  // A book that does not change says so once a minute. Trades and tickers may rest for ever.
  idleMs: { books: 90_000 },
}

/** OKX: spot, perpetual swaps and dated futures. */
export const okx: Venue = {
  id: 'okx',
  hosts: ['ws.okx.com', 'www.okx.com'],
  wires: [publicWire],
}

function message(
  op: 'subscribe' | 'unsubscribe',
  subscriptions: readonly Subscription[],
  id: number,
): string {
  return JSON.stringify({ id: String(id), op, args: subscriptions.map(argOf) })
}
