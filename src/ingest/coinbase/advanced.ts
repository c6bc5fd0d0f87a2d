import { z } from 'zod'
import { PRODUCT_PATTERN } from '../../models/scalars.ts'
import { readJson, schemaFault } from '../reading/reading.ts'
import type { BookRules, Listing, Wire } from '../venue.ts'
import { channelName, readFrame } from './advanced-frames.ts'
import { scanFrame } from './advanced-scan.ts'
import { ProductId } from './words.ts'

// https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-overview
//
// One channel a message. Whatever is asked for in -USDC comes as -USD: the two share one book, and only -USD is listed here.

/** Every frame of a connection has a number, over all channels and products: there a loss shows, not in the books. */
const books: BookRules = { continuity: 'proven', inBand: true, follows: () => 'next', tickerChecks: false }

/** Coinbase Advanced Trade: books on numbered connections. */
export const coinbaseAdvanced: Wire = {
  name: 'advanced',
  kinds: ['books'],
  lists: 'spot',
  restUrl: 'https://api.coinbase.com',
  socketUrl: 'wss://advanced-trade-ws.coinbase.com',
  limits: {
    connects: { perSecond: 8, burst: 8 },
    // 8 a second for all connections of an address; each of ours sends two.
    messages: { perSecond: 4, burst: 4 },
    requests: { perSecond: 10, burst: 10 },
    subscriptionsPerMessage: 30,
    // "too many L2 streams requested in a single session" is what comes of more.
    subscriptionsPerConnection: 30,
    // A full book of BTC-USD takes some 5 MB here.
    frameBytesMax: 32 * 1024 * 1024,
  },
  listingRequests: (restUrl) => [
    { method: 'GET', url: `${restUrl}/api/v3/brokerage/market/products?product_type=SPOT`, weight: 1 },
  ],
  parseListing,
  opening: { by: 'address', url: (socketUrl) => socketUrl },
  waitsForWelcome: false,
  // Without it the venue closes a connection whose books are quiet for a minute.
  hello: () => [JSON.stringify({ type: 'subscribe', channel: 'heartbeats' })],
  channel: ({ symbol }) => channelName(symbol),
  subscribe: (subscriptions) => [message('subscribe', subscriptions)],
  unsubscribe: (subscriptions) => [message('unsubscribe', subscriptions)],
  parseFrame: (frame, about) => scanFrame(frame, about) ?? readFrame(frame, about),
  books,
  // Heartbeats are the connection's, not a product's: a book may rightly be quiet for ever.
  idleMs: {},
}

function message(type: 'subscribe' | 'unsubscribe', subscriptions: readonly { symbol: string }[]): string {
  return JSON.stringify({ type, product_ids: subscriptions.map(({ symbol }) => symbol), channel: 'level2' })
}

function parseListing(body: Uint8Array): ReturnType<Wire['parseListing']> {
  const read = readJson(body)
  if ('refusal' in read) return read
  const { data, error } = ListedProducts.safeParse(read.json)
  if (error !== undefined) return { refusal: schemaFault(error) }
  return { listings: data.products.flatMap((row) => listingOf(row) ?? []) }
}

function listingOf(row: unknown): Listing | undefined {
  const { data } = ListedProduct.safeParse(row)
  if (data === undefined || data.alias !== '') return undefined
  const product = `${data.base_currency_id}-${data.quote_currency_id}`
  if (!PRODUCT_PATTERN.test(product)) return undefined
  const isOpen = !data.trading_disabled && !data.is_disabled && !data.auction_mode
  return { symbol: data.product_id, product, trading: data.status === 'online' && isOpen }
}

const ListedProducts = z.object({ products: z.array(z.unknown()) })

const ListedProduct = z.object({
  product_id: ProductId,
  base_currency_id: z.string(),
  quote_currency_id: z.string(),
  status: z.string(),
  trading_disabled: z.boolean().default(false),
  is_disabled: z.boolean().default(false),
  auction_mode: z.boolean().default(false),
  /** Whose book it is, where it has none of its own. */
  alias: z.string().default(''),
})
