import type {
  BookDelta,
  BookRules,
  Following,
  HttpRequest,
  Opening,
  Subscription,
  TradeRules,
  Wire,
  WireLimits,
} from '../venue.ts'
import { parseAggTrades, parseDepth, parseFuturesListing, parseSpotListing } from './bodies.ts'
import { parseBinanceFrame } from './frames.ts'
import type { DepthForm } from './scan.ts'

// https://github.com/binance/binance-spot-api-docs/blob/master/web-socket-streams.md and .../rest-api.md; for futures
// https://developers.binance.com/docs/derivatives/usds-margined-futures

/**
 * Levels a side of a book that may be asked for, and what each takes of the budget. A thousand are as many as may travel;
 * with a hundred a list of two thousand products is in step within two minutes rather than twenty.
 */
const SPOT_DEPTHS: Depths = [
  [100, 5],
  [500, 25],
  [1_000, 50],
  [5_000, 250],
]
const FUTURES_DEPTHS: Depths = [
  [100, 5],
  [500, 10],
  [1_000, 20],
]
const DEPTH = 1_000
type Depths = readonly (readonly [levels: number, weight: number])[]

/** Trades of one answer: the venue's most. */
const PAGE_TRADES_MAX = 1_000

/** A book of which nothing was heard for so long is asked for again. Trades and tickers may rightly be silent for hours. */
const BOOK_IDLE_MS = 300_000

const limits: Omit<WireLimits, 'requests'> = {
  // 300 in 5 minutes.
  connects: { perSecond: 0.9, burst: 30 },
  // 5 in any second, the pongs among them that WebSocket sends by itself.
  messages: { perSecond: 3, burst: 1 },
  // Some 3 KB: nothing is written about how long a message may be, so they are kept short.
  subscriptionsPerMessage: 100,
  subscriptionsPerConnection: 1_024,
  // The tickers of all products in one frame are half a megabyte.
  frameBytesMax: 4 * 1024 * 1024,
  lifeMs: 24 * 3_600_000,
}

/** What all of the venue's connections have in common, but for the path of their address. */
function wireOf(socketPath: string, form: DepthForm) {
  const opening: Opening = { by: 'address', url: (socketUrl) => `${socketUrl}${socketPath}` }
  return {
    opening,
    waitsForWelcome: false,
    channel,
    subscribe: (subscriptions, id) => [message('SUBSCRIBE', subscriptions, id)],
    unsubscribe: (subscriptions, id) => [message('UNSUBSCRIBE', subscriptions, id)],
    parseFrame: (frame, about) => parseBinanceFrame(frame, about, form),
  } satisfies Partial<Wire>
}

/** Tickers of all products are one stream: whoever asks for one has them all. */
function channel({ kind, symbol }: Subscription): string {
  if (kind === 'tickers') return '!miniTicker@arr'
  return `${symbol.toLowerCase()}@${kind === 'books' ? 'depth@100ms' : 'aggTrade'}`
}

function message(method: string, subscriptions: readonly Subscription[], id: number): string {
  return JSON.stringify({ method, params: [...new Set(subscriptions.map(channel))], id })
}

/**
 * The documented rule for a book at `last`: what ends before it is old; what begins later than right behind it shows that
 * something is missing. It holds for the first change after a snapshot as for every other.
 */
function followsByRange(last: number, { first, last: u }: BookDelta): Following {
  if (u <= last) return 'old'
  return first > last + 1 ? 'gap' : 'next'
}

/** Numbers of futures' books jump: only `pu` says what came before. */
function followsByLink(last: number, { last: u, previous }: BookDelta): Following {
  if (previous === last) return 'next'
  return u <= last ? 'old' : 'gap'
}

/**
 * The first change after a snapshot holds the snapshot's number, as its last one too (it then changes nothing); or, where
 * that one had gone by already, it is the one behind it.
 */
function bridgesFutures(last: number, { first, last: u, previous }: BookDelta): Following {
  if (u < last) return 'old'
  return first <= last || previous === last ? 'next' : 'gap'
}

/** Where more levels are wanted than may be asked for, as many as may be. */
function snapshotOf(path: string, depths: Depths, form: DepthForm): NonNullable<BookRules['snapshot']> {
  return {
    request(restUrl, symbol, levels = DEPTH) {
      const [limit, weight] = depths.find(([most]) => most >= levels) ?? depths.at(-1)!
      return get(`${restUrl}${path}/depth?symbol=${encodeURIComponent(symbol)}&limit=${limit}`, weight)
    },
    parse: parseDepth(
      form,
      depths.map(([levels]) => levels),
    ),
  }
}

/** Ids of `aggTrade` are dense for each product. */
function tradesOf(path: string, weight: number): TradeRules {
  return {
    ids: 'dense',
    backfill: {
      request(restUrl, symbol, { fromId, toId }) {
        const limit = Math.min(toId - fromId + 1, PAGE_TRADES_MAX)
        const asked = `symbol=${encodeURIComponent(symbol)}&fromId=${fromId}&limit=${limit}`
        return get(`${restUrl}${path}/aggTrades?${asked}`, weight)
      },
      parse: parseAggTrades,
    },
  }
}

function get(url: string, weight: number): HttpRequest {
  return { method: 'GET', url, weight }
}

export const binanceSpot: Wire = {
  ...wireOf('/stream', 'spot'),
  name: 'spot',
  kinds: ['books', 'trades', 'tickers'],
  lists: 'spot',
  restUrl: 'https://data-api.binance.vision',
  socketUrl: 'wss://data-stream.binance.vision',
  // 6,000 a minute.
  limits: { ...limits, requests: { perSecond: 90, burst: 600 } },
  listingRequests: (restUrl) => [get(`${restUrl}/api/v3/exchangeInfo?showPermissionSets=false`, 20)],
  parseListing: parseSpotListing,
  books: {
    continuity: 'proven',
    inBand: false,
    snapshot: snapshotOf('/api/v3', SPOT_DEPTHS, 'spot'),
    follows: followsByRange,
    tickerChecks: false,
  },
  trades: tradesOf('/api/v3', 4),
  idleMs: { books: BOOK_IDLE_MS },
}

/** What both connections to futures have in common. */
const futures = {
  lists: 'derivatives',
  restUrl: 'https://fapi.binance.com',
  socketUrl: 'wss://fstream.binance.com',
  // 2,400 a minute, shared by both.
  limits: { ...limits, requests: { perSecond: 18, burst: 120 } },
  listingRequests: (restUrl) => [get(`${restUrl}/fapi/v1/exchangeInfo`, 1)],
  parseListing: parseFuturesListing,
} satisfies Partial<Wire>

export const binanceFuturesBooks: Wire = {
  ...wireOf('/public/stream', 'futures'),
  ...futures,
  name: 'futures-books',
  kinds: ['books'],
  books: {
    continuity: 'proven',
    inBand: false,
    snapshot: snapshotOf('/fapi/v1', FUTURES_DEPTHS, 'futures'),
    follows: followsByLink,
    bridges: bridgesFutures,
    tickerChecks: false,
  },
  idleMs: { books: BOOK_IDLE_MS },
}

export const binanceFuturesTrades: Wire = {
  ...wireOf('/market/stream', 'futures'),
  ...futures,
  name: 'futures-trades',
  kinds: ['trades', 'tickers'],
  trades: tradesOf('/fapi/v1', 20),
  idleMs: {},
}
