import { DAY_MS } from '../models/time.ts'
import { parseBullet, parseListing, parseSnapshot } from './kucoin/bodies.ts'
import { parseFrame, TICKERS } from './kucoin/frames.ts'
import type { BookDelta, BookRules, Following, Subscription, TradeRules, Venue, Wire } from './venue.ts'

// https://www.kucoin.com/docs-new/websocket-api/base-info/introduction (topics, limits) and
// https://www.kucoin.com/docs-new/websocket-api/spot-trading/market-data/public-channels/orderbook-increment

/** Where sockets usually are; the venue says so itself with every token. */
const SOCKET_URL = 'wss://ws-api-spot.kucoin.com'

const books: BookRules = {
  continuity: 'proven',
  inBand: false,
  snapshot: {
    request: (restUrl, symbol) => ({
      method: 'GET',
      url: `${restUrl}/api/v1/market/orderbook/level2_100?symbol=${encodeURIComponent(symbol)}`,
      weight: 4,
    }),
    parse: parseSnapshot,
  },
  // The venue's calibration procedure has one rule for all, the first change after a snapshot too: nothing else bridges.
  follows,
  // Numbers show what is lost on a living channel; that the channel is dead shows only here.
  tickerChecks: true,
}

/** A change holds all updates from `first` to `last`: it may overlap what is known, and must not leave any out. */
function follows(last: number, delta: BookDelta): Following {
  if (delta.last <= last) return 'old'
  return delta.first <= last + 1 ? 'next' : 'gap'
}

/**
 * Ids only tell trades apart: those of the years before 2023 were 24 hexadecimal digits, today's are numbers that leave
 * others out (as does `sequence`, which counts all that happens to a book). So there is nothing to ask for after an outage by,
 * and the venue's list of the last 100 trades has no ids at all: trades that were missed stay missed.
 */
const trades: TradeRules = { ids: 'opaque' }

const spot: Wire = {
  name: 'spot',
  kinds: ['books', 'trades', 'tickers'],
  lists: 'spot',
  restUrl: 'https://api.kucoin.com',
  socketUrl: SOCKET_URL,
  limits: {
    // 30 in any minute: those at once and those of that minute.
    connects: { perSecond: 1 / 3, burst: 10 },
    // 100 in any ten seconds.
    messages: { perSecond: 5, burst: 50 },
    // 2,000 of weight in any half minute.
    requests: { perSecond: 50, burst: 500 },
    // The venue takes 100, and refuses all of them for one it does not know.
    subscriptionsPerMessage: 20,
    subscriptionsPerConnection: 300,
    // A hundred times the largest frame seen.
    frameBytesMax: 1024 * 1024,
    // So long a token is good.
    lifeMs: DAY_MS,
  },
  listingRequests: (restUrl) => [{ method: 'GET', url: `${restUrl}/api/v2/symbols`, weight: 4 }],
  parseListing,
  opening: {
    by: 'request',
    request: (restUrl) => ({ method: 'POST', url: `${restUrl}/api/v1/bullet-public`, weight: 10 }),
    parse: parseBullet(SOCKET_URL),
  },
  waitsForWelcome: true,
  channel,
  subscribe: (subscriptions, id) => messages('subscribe', subscriptions, id),
  unsubscribe: (subscriptions, id) => messages('unsubscribe', subscriptions, id),
  keepAlive: {
    // What the token's answer says comes first.
    everyMs: 18_000,
    whenIdle: false,
    answerMs: 10_000,
    ping: (id) => JSON.stringify({ id: String(id), type: 'ping' }),
  },
  parseFrame,
  books,
  trades,
  // Of a product that nobody trades nothing is ever sent.
  idleMs: {},
}

/** KuCoin, spot. Derivatives have other hosts, other topics and contracts for sizes; whole books want a key. */
export const kucoin: Venue = {
  id: 'kucoin',
  hosts: ['api.kucoin.com', 'ws-api-spot.kucoin.com', 'push-private.kucoin.com', 'x-push-spot.kucoin.com'],
  wires: [spot],
}

/** Tickers come for all products at once, one topic whatever is asked for. */
function channel({ kind, symbol }: Subscription): string {
  if (kind === 'tickers') return TICKERS
  return `/market/${kind === 'books' ? 'level2' : 'match'}:${symbol}`
}

/** One message a topic: the last has the id itself, those before it a name behind theirs (see `acceptedBy`). */
function messages(
  type: 'subscribe' | 'unsubscribe',
  subscriptions: readonly Subscription[],
  id: number,
): string[] {
  const of = (kind: Subscription['kind']) =>
    subscriptions.filter((subscription) => subscription.kind === kind).map(({ symbol }) => symbol)
  const [level2, match] = [of('books'), of('trades')]
  const topics = [
    ...(level2.length > 0 ? [`/market/level2:${level2.join()}`] : []),
    ...(match.length > 0 ? [`/market/match:${match.join()}`] : []),
    ...(of('tickers').length > 0 ? [TICKERS] : []),
  ]
  const name = (topic: string, i: number) =>
    i === topics.length - 1 ? `${id}` : `${id}.${topic.split(/[/:]/)[2]}`
  return topics.map((topic, i) => JSON.stringify({ id: name(topic, i), type, topic, response: true }))
}
