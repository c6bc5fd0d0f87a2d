import { z } from 'zod'
import { parseDeribitFrame, Trade, tradeOf } from './deribit/frames.ts'
import { parseInstruments } from './deribit/names.ts'
import { readExactJson, schemaFault } from './reading/reading.ts'
import type {
  BookDelta,
  BookRules,
  Following,
  Subscription,
  TradeRules,
  Venue,
  Wire,
  WireTrade,
} from './venue.ts'

// https://docs.deribit.com/articles/market-data-collection-best-practices, .../rate-limits and /api-reference

/**
 * Channels come every 100 ms, which anybody may have. `raw`, every single change, needs keys: the venue leaves such channels
 * out of what it accepts, or says so (13778).
 */
const INTERVAL = '100ms'
const CHANNELS = { books: 'book', trades: 'trades', tickers: 'ticker' } as const

/** Trades of one answer: the venue's most. */
const PAGE_TRADES_MAX = 1_000
/** The shortest that may be asked for. */
const HEARTBEAT_S = 10
/** Options far from the money may be quoted once in a while; their tickers, with a mark price each, are not silent for so long. */
const IDLE_MS = 300_000

const books: BookRules = {
  continuity: 'proven',
  inBand: true,
  follows,
  // The ticker's best prices are of another moment than the book's, and the book's own numbers prove more.
  tickerChecks: false,
}

function follows(last: number, { previous, last: changeId }: BookDelta): Following {
  if (previous === last) return 'next'
  return changeId <= last ? 'old' : 'gap'
}

const trades: TradeRules = {
  ids: 'dense',
  backfill: {
    request(restUrl, symbol, { fromId, toId }) {
      const count = Math.min(toId - fromId + 1, PAGE_TRADES_MAX)
      const range = `start_seq=${fromId}&end_seq=${toId}&count=${count}&sorting=asc`
      const url = `${restUrl}/api/v2/public/get_last_trades_by_instrument?instrument_name=${encodeURIComponent(symbol)}&${range}`
      return { method: 'GET', url, weight: 500 }
    },
    parse(body) {
      const read = readExactJson(body)
      if ('refusal' in read) return read
      const page = Page.safeParse(read.json)
      if (!page.success) return { refusal: schemaFault(page.error) }
      const trades: WireTrade[] = []
      for (const [i, row] of page.data.result.trades.entries()) {
        const trade = Trade.safeParse(row)
        if (!trade.success) return { refusal: schemaFault(trade.error, ['result', 'trades', i]) }
        trades.push(tradeOf(trade.data))
      }
      return { trades }
    },
  },
}

const Page = z.object({ result: z.object({ trades: z.array(z.unknown()).max(PAGE_TRADES_MAX) }) })

const main: Wire = {
  name: 'main',
  kinds: ['books', 'trades', 'tickers'],
  lists: 'both',
  restUrl: 'https://www.deribit.com',
  socketUrl: 'wss://www.deribit.com',
  limits: {
    // At most 32 connections at a time.
    connects: { perSecond: 0.5, burst: 8 },
    // A message that subscribes costs 3,000 of 30,000 credits, of which 10,000 come back each second.
    messages: { perSecond: 3, burst: 5 },
    // In credits: 500 for most, many more for the list of instruments.
    requests: { perSecond: 5_000, burst: 20_000 },
    subscriptionsPerMessage: 100,
    subscriptionsPerConnection: 500,
    // A book's snapshot of ten thousand levels has half a megabyte.
    frameBytesMax: 4 * 1024 * 1024,
  },
  // Instruments of every currency at once; expired ones are left out.
  listingRequests: (restUrl) => [
    {
      method: 'GET',
      url: `${restUrl}/api/v2/public/get_instruments?currency=any&expired=false`,
      weight: 10_000,
    },
  ],
  parseListing: parseInstruments,
  opening: { by: 'address', url: (socketUrl) => `${socketUrl}/ws/api/v2` },
  hello: (id) => [request('public/set_heartbeat', { interval: HEARTBEAT_S }, id)],
  waitsForWelcome: false,
  channel,
  subscribe: (subscriptions, id) => [request('public/subscribe', channels(subscriptions), id)],
  // Nothing follows from the answer to this: an id below zero marks it, so that it is not taken for one to `subscribe`.
  unsubscribe: (subscriptions, id) => [request('public/unsubscribe', channels(subscriptions), -id)],
  // Two heartbeats that did not come.
  keepAlive: {
    everyMs: 20_000,
    whenIdle: true,
    answerMs: 10_000,
    ping: (id) => request('public/test', {}, id),
  },
  parseFrame: parseDeribitFrame,
  books,
  trades,
  idleMs: { books: IDLE_MS, tickers: IDLE_MS },
}

function channel({ kind, symbol }: Subscription): string {
  return `${CHANNELS[kind]}.${symbol}.${INTERVAL}`
}

function channels(subscriptions: readonly Subscription[]): { channels: string[] } {
  return { channels: subscriptions.map(channel) }
}

function request(method: string, params: object, id: number): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params })
}

/** Deribit: futures, options and spot, all on one kind of connection. Sizes of inverse futures are amounts of dollars. */
export const deribit: Venue = { id: 'deribit', hosts: ['www.deribit.com'], wires: [main] }
