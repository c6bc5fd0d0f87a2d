import { z } from 'zod'
import type { Refusal } from '../../models/rejection.ts'
import { TimeMs } from '../../models/scalars.ts'
import type { FeedKind } from '../../models/topics.ts'
import type { Levels } from '../levels.ts'
import {
  eventsOfList,
  futureFault,
  onOneLine,
  plainDecimal,
  readExactJson,
  rejected,
  schemaFault,
  wrongShape,
} from '../reading/reading.ts'
import { AboveZero, AmountOrNone, PriceOrNone, Rows, TakerSide, VenueSymbol } from '../reading/wire-words.ts'
import { type FrameAbout, NO_NUMBER, type WireEvent, type WireTrade } from '../venue.ts'
import { isInverse } from './names.ts'

/** What the venue must hear when it asks whether we are there, or it closes the connection. Nobody waits for this id. */
const TEST = '{"jsonrpc":"2.0","id":0,"method":"public/test","params":{}}'

/** Everything that one frame of Deribit says: news of a channel, a heartbeat, an answer. */
export function parseDeribitFrame(frame: Uint8Array, about: FrameAbout): readonly WireEvent[] {
  const read = readExactJson(frame)
  if ('refusal' in read) return [rejected(read.refusal)]
  const { json } = read
  const news = News.safeParse(json)
  if (news.success) return newsOf(news.data.params.channel, news.data.params.data, about)
  const heartbeat = Heartbeat.safeParse(json)
  if (heartbeat.success) {
    return [heartbeat.data.params.type === 'test_request' ? { type: 'send', text: TEST } : { type: 'alive' }]
  }
  return answerOf(json)
}

/** Three are ours; one more is enough to see that a channel is not. */
const CHANNEL_PARTS_MAX = 4

/**
 * Of `book.<instrument>.<interval>` and the like. Books in groups, quotes and candles have channels of other shapes: nobody
 * asks for them here.
 */
function newsOf(channel: string, data: unknown, about: FrameAbout): readonly WireEvent[] {
  const [name, symbol, , ...more] = channel.split('.', CHANNEL_PARTS_MAX)
  if (symbol === undefined || more.length > 0) return [{ type: 'alive' }]
  switch (name) {
    case 'book':
      return [bookOf(data, about)]
    case 'trades':
      return tradesOf(data, about)
    case 'ticker':
      return [tickerOf(data, about)]
    default:
      return [{ type: 'alive' }]
  }
}

type Path = readonly PropertyKey[]
const DATA: Path = ['params', 'data']

/**
 * `result` is a list of channels where we subscribed (with an id that is not below zero): those it leaves out do not exist,
 * or need keys, and nothing else says so. Whatever else of the message is still open is therefore refused.
 */
function answerOf(json: unknown): readonly WireEvent[] {
  const answer = Answer.safeParse(json)
  if (!answer.success) return [rejected(schemaFault(answer.error))]
  const { id, result, error } = answer.data
  if (error !== undefined) {
    const reason = error.data?.reason === undefined ? '' : `: ${error.data.reason}`
    const message = onOneLine(`${error.message}${reason} (code ${error.code})`)
    return [{ type: 'refused', ...(id === undefined ? {} : { id }), message }]
  }
  const channels = Channels.safeParse(result)
  if (!channels.success || id === undefined || id < 0) return [{ type: 'alive' }]
  return [
    { type: 'accepted', channels: channels.data },
    { type: 'refused', id, message: LEFT_OUT },
  ]
}

const LEFT_OUT =
  'left out of what was accepted: there is no such channel, or it needs keys (as the raw interval does)'

function bookOf(data: unknown, about: FrameAbout): WireEvent {
  const { levels } = about
  const read = Book.safeParse(data)
  if (!read.success) return refusedOf(data, 'books', schemaFault(read.error, DATA))
  const { type, instrument_name: symbol, timestamp, change_id: last, bids, asks } = read.data
  const from = levels.length
  const fault =
    rowFault(levels, 'bid', bids) ??
    rowFault(levels, 'ask', asks) ??
    futureFault(timestamp, about.receivedAtMs, [...DATA, 'timestamp'])
  if (fault !== undefined) {
    levels.cutBack(from)
    return rejected(fault, { symbol, kind: 'books' })
  }
  const common = { symbol, last, exchangeTimeMs: timestamp, from, to: levels.length }
  if (type === 'snapshot') return { type, ...common, whole: true }
  return { type: 'delta', ...common, first: NO_NUMBER, previous: read.data.prev_change_id }
}

/** Rows are ["new" | "change", price, amount] and ["delete", price, 0]. What is wrong with the first that is none, or undefined. */
function rowFault(levels: Levels, side: 'bid' | 'ask', rows: readonly unknown[]): Refusal | undefined {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]
    if (!Array.isArray(row) || row.length !== 3 || !addRow(levels, side, row)) {
      return wrongShape([...DATA, `${side}s`, i], 'expected new, change or delete, a price and an amount')
    }
  }
  return undefined
}

function addRow(levels: Levels, side: 'bid' | 'ask', [action, price, amount]: readonly unknown[]): boolean {
  if (action !== 'new' && action !== 'change' && action !== 'delete') return false
  const priceText = numberText(price)
  const amountText = numberText(amount)
  if (priceText === undefined || amountText === undefined) return false
  return levels.add(side, priceText, action === 'delete' ? '0' : amountText)
}

function numberText(value: unknown): string | undefined {
  return typeof value === 'number' || typeof value === 'string' ? plainDecimal(value) : undefined
}

function tradesOf(data: unknown, about: FrameAbout): readonly WireEvent[] {
  const list = Rows.safeParse(data)
  if (!list.success) return [refusedOf(data, 'trades', schemaFault(list.error, DATA))]
  return eventsOfList(list.data, (item, i) => {
    const read = Trade.safeParse(item)
    if (!read.success) return refusedOf(item, 'trades', schemaFault(read.error, [...DATA, i]))
    const fault = futureFault(read.data.timestamp, about.receivedAtMs, [...DATA, i, 'timestamp'])
    return fault === undefined ? tradeOf(read.data) : refusedOf(item, 'trades', fault)
  })
}

/** `trade_id` is unique among all products; `trade_seq` counts the trades of one, so that a loss shows. */
export function tradeOf(trade: DeribitTrade): WireTrade {
  return {
    type: 'trade',
    symbol: trade.instrument_name,
    id: String(trade.trade_seq),
    price: trade.price,
    size: trade.amount,
    side: trade.direction,
    fills: 1,
    exchangeTimeMs: trade.timestamp,
  }
}

function tickerOf(data: unknown, about: FrameAbout): WireEvent {
  const read = Ticker.safeParse(data)
  if (!read.success) return refusedOf(data, 'tickers', schemaFault(read.error, DATA))
  const { instrument_name: symbol, timestamp, stats, ...now } = read.data
  const fault = futureFault(timestamp, about.receivedAtMs, [...DATA, 'timestamp'])
  if (fault !== undefined) return rejected(fault, { symbol, kind: 'tickers' })
  const quoteVolume = stats.volume_notional ?? (isInverse(symbol) ? stats.volume_usd : null)
  return {
    type: 'ticker',
    symbol,
    sequence: null,
    exchangeTimeMs: timestamp,
    last: now.last_price,
    lastSize: null,
    bid: now.best_bid_price,
    bidSize: now.best_bid_amount,
    ask: now.best_ask_price,
    askSize: now.best_ask_amount,
    day: {
      open: null,
      high: stats.high,
      low: stats.low,
      // Sizes of inverse futures are dollars, and so is their volume then.
      volume: isInverse(symbol) ? stats.volume_usd : stats.volume,
      quoteVolume,
    },
  }
}

function refusedOf(data: unknown, kind: FeedKind, fault: Refusal): WireEvent {
  const symbol = Named.safeParse(data).data?.instrument_name
  return rejected(fault, symbol === undefined ? { kind } : { symbol, kind })
}

// The wire: https://docs.deribit.com/articles/notifications and /api-reference. JSON-RPC; prices and amounts are JSON
// numbers, written as floats are: 37240.0, 2.0e3, 1e-5.

const Named = z.object({ instrument_name: VenueSymbol })

const News = z.object({
  method: z.literal('subscription'),
  params: z.object({ channel: z.string(), data: z.unknown() }),
})
const Heartbeat = z.object({
  method: z.literal('heartbeat'),
  params: z.object({ type: z.enum(['heartbeat', 'test_request']) }),
})
const Answer = z
  .object({
    id: z.int().optional(),
    result: z.unknown().optional(),
    error: z
      .object({
        code: z.int(),
        message: z.string(),
        data: z.object({ reason: z.string().optional() }).optional().catch(undefined),
      })
      .optional(),
  })
  .refine(({ result, error }) => result !== undefined || error !== undefined, {
    path: ['method'],
    error: 'expected news, a heartbeat or an answer',
  })
const Channels = z.array(z.string())

/** Sums of floats: one with more places than our decimals have is worth no rejection. */
const Sum = AmountOrNone.catch(null)

const book = {
  instrument_name: VenueSymbol,
  timestamp: TimeMs,
  change_id: z.int().nonnegative(),
  bids: Rows,
  asks: Rows,
}
const Book = z.discriminatedUnion('type', [
  z.object({ type: z.literal('snapshot'), ...book }),
  z.object({ type: z.literal('change'), ...book, prev_change_id: z.int().nonnegative() }),
])

/** `direction` is the taker's. */
export const Trade = z.object({
  instrument_name: VenueSymbol,
  trade_seq: z.int().nonnegative(),
  timestamp: TimeMs,
  price: AboveZero,
  amount: AboveZero,
  direction: TakerSide,
})
export type DeribitTrade = z.infer<typeof Trade>

const Ticker = z.object({
  instrument_name: VenueSymbol,
  timestamp: TimeMs,
  last_price: PriceOrNone,
  best_bid_price: PriceOrNone,
  best_bid_amount: AmountOrNone,
  best_ask_price: PriceOrNone,
  best_ask_amount: AmountOrNone,
  stats: z.object({
    high: PriceOrNone,
    low: PriceOrNone,
    volume: Sum,
    volume_usd: Sum,
    volume_notional: Sum,
  }),
})
