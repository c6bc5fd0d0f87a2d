import { z } from 'zod'
import { PRODUCT_PATTERN } from '../../models/scalars.ts'
import type { FeedKind } from '../../models/topics.ts'
import { readJson, schemaFault, wrongShape } from '../reading/reading.ts'
import type { BookRules, HttpRequest, Listing, Subscription, TradeRules, Wire, WireTrade } from '../venue.ts'
import { ACK_NAMES, ackName, RestTrade, readFrame, tradeOf } from './exchange-frames.ts'
import { scanFrame } from './exchange-scan.ts'
import { ProductId } from './words.ts'

// https://docs.cdp.coinbase.com/exchange/websocket-feed/overview, .../rate-limits and
// https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products

/** A page of trades holds no more. */
const TRADES_PER_PAGE_MAX = 1_000

/**
 * Whatever of a product is subscribed to, its heartbeat comes too, once a second: silence is never right. With books comes the
 * ticker, which they are held against.
 */
const CHANNELS: Record<FeedKind, readonly string[]> = {
  books: ['level2_batch', 'ticker', 'heartbeat'],
  trades: ['matches', 'heartbeat'],
  tickers: ['ticker', 'heartbeat'],
}

/** What is given up again is one's own channel alone: the others may have others who need them. */
const OWN_CHANNELS: Record<FeedKind, readonly string[]> = {
  books: ['level2_batch'],
  trades: ['matches'],
  tickers: ['ticker'],
}

const books: BookRules = { continuity: 'unproven', inBand: true, follows: () => 'next', tickerChecks: true }

const trades: TradeRules = {
  ids: 'dense',
  backfill: {
    request(restUrl, symbol, { fromId, toId }): HttpRequest {
      const limit = Math.min(toId - fromId + 1, TRADES_PER_PAGE_MAX)
      // Pages run from new to old; `after` is what stands before the page, and so newer than all of it.
      const url = `${restUrl}/products/${encodeURIComponent(symbol)}/trades?limit=${limit}&after=${toId + 1}`
      return { method: 'GET', url, weight: 1 }
    },
    parse(body, symbol) {
      const read = readJson(body)
      if ('refusal' in read) return read
      const { data: page, error } = TradePage.safeParse(read.json)
      if (error !== undefined) return { refusal: schemaFault(error) }
      const trades: WireTrade[] = []
      for (const [i, row] of page.entries()) {
        const { data: trade, error } = RestTrade.safeParse(row)
        if (error !== undefined) return { refusal: schemaFault(error, [i]) }
        trades.push(tradeOf(trade, symbol))
      }
      return { trades: trades.reverse() }
    },
  },
}

/** Coinbase Exchange: books without numbers of their own, trades, tickers and heartbeats, on one socket. */
export const coinbaseExchange: Wire = {
  name: 'exchange',
  kinds: ['books', 'trades', 'tickers'],
  lists: 'spot',
  restUrl: 'https://api.exchange.coinbase.com',
  socketUrl: 'wss://ws-feed.exchange.coinbase.com',
  limits: {
    connects: { perSecond: 8, burst: 20 },
    // 100 in any second: those that wait and those of that second.
    messages: { perSecond: 90, burst: 10 },
    requests: { perSecond: 10, burst: 15 },
    subscriptionsPerMessage: 60,
    // Snapshots of 1.2 MB for each of the large products, and the venue cuts who reads slowly: it advises to spread out.
    // A whole number of products, whether two or three kinds of each are wanted.
    subscriptionsPerConnection: 150,
    // Ten times the largest snapshot seen.
    frameBytesMax: 16 * 1024 * 1024,
  },
  listingRequests: (restUrl) => [{ method: 'GET', url: `${restUrl}/products`, weight: 1 }],
  parseListing,
  opening: { by: 'address', url: (socketUrl) => socketUrl },
  waitsForWelcome: false,
  channel: ({ kind, symbol }) => ackName(ACK_NAMES[kind], symbol),
  subscribe: (subscriptions) => messages('subscribe', subscriptions, CHANNELS),
  unsubscribe: (subscriptions) => messages('unsubscribe', subscriptions, OWN_CHANNELS),
  parseFrame: (frame, about) => scanFrame(frame, about) ?? readFrame(frame, about),
  books,
  trades,
  // Ten heartbeats.
  idleMs: { books: 10_000, trades: 10_000, tickers: 10_000 },
}

/** A message for each product: one that the venue does not know spoils the whole of its message, and so none but its own. */
function messages(
  type: 'subscribe' | 'unsubscribe',
  subscriptions: readonly Subscription[],
  channels: Record<FeedKind, readonly string[]>,
): string[] {
  const wanted = new Map<string, Set<string>>()
  for (const { kind, symbol } of subscriptions) {
    const names = wanted.get(symbol) ?? new Set()
    wanted.set(symbol, names)
    for (const name of channels[kind]) names.add(name)
  }
  return [...wanted].map(([symbol, names]) =>
    JSON.stringify({ type, product_ids: [symbol], channels: [...names] }),
  )
}

function parseListing(body: Uint8Array): ReturnType<Wire['parseListing']> {
  const read = readJson(body)
  if ('refusal' in read) return read
  if (!Array.isArray(read.json)) return { refusal: wrongShape([], 'expected a list of products') }
  return { listings: read.json.flatMap((row) => listingOf(row) ?? []) }
}

function listingOf(row: unknown): Listing | undefined {
  const { data } = ListedProduct.safeParse(row)
  if (data === undefined) return undefined
  const product = `${data.base_currency}-${data.quote_currency}`
  if (!PRODUCT_PATTERN.test(product)) return undefined
  return {
    symbol: data.id,
    product,
    // In an auction nobody trades, and books are indicative.
    trading: data.status === 'online' && data.trading_disabled !== true && data.auction_mode !== true,
  }
}

const TradePage = z.array(z.unknown()).max(TRADES_PER_PAGE_MAX)

const ListedProduct = z.object({
  id: ProductId,
  base_currency: z.string(),
  quote_currency: z.string(),
  status: z.string(),
  trading_disabled: z.boolean().optional(),
  auction_mode: z.boolean().optional(),
})
