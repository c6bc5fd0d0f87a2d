import { z } from 'zod'
import { isPositiveDecimal } from '../../models/decimal.ts'
import type { Refusal } from '../../models/rejection.ts'
import { PositiveDecimal, TIME_MS_MAX } from '../../models/scalars.ts'
import type { FeedKind } from '../../models/topics.ts'
import type { Levels } from '../levels.ts'
import { futureFault, readJson, rejected, schemaFault, wrongShape } from '../reading/reading.ts'
import type { Control, FrameAbout, Rejected, WireEvent, WireTicker, WireTrade } from '../venue.ts'
import {
  deltaOf,
  isSize,
  ProductId,
  Size,
  type Staged,
  snapshotOf,
  Time,
  textOf,
  timeMsOf,
  VenueError,
} from './words.ts'

/**
 * What the frames of Coinbase Exchange's socket say, by their contract: the schemas below. The two that are many or large
 * have a faster reader in `exchange-scan.ts`, which leaves whatever it does not know its way about in to this.
 */
export function readFrame(frame: Uint8Array, about: FrameAbout): readonly WireEvent[] {
  const read = readJson(frame)
  if ('refusal' in read) return [rejected(read.refusal)]
  const { data, error } = AnyFrame.safeParse(read.json)
  if (error !== undefined) return [rejected(schemaFault(error))]
  // "New message types can be added at any time. Clients are expected to ignore messages they do not support."
  return READERS.get(data.type)?.(read.json, about) ?? [{ type: 'alive' }]
}

/** What a channel is called in acks: `level2_batch` is acked as `level2_50`, by its 50 ms, not by levels. */
export const ACK_NAMES: Record<FeedKind, string> = {
  books: 'level2_50',
  trades: 'matches',
  tickers: 'ticker',
}

export function ackName(name: string, symbol: string): string {
  return `${name === 'level2_batch' ? ACK_NAMES.books : name}:${symbol}`
}

/** A snapshot says yes to its subscription as well: it may come before the ack does. */
export function snapshotEvents(symbol: string, rows: Staged): WireEvent[] {
  return [{ type: 'accepted', channels: [ackName(ACK_NAMES.books, symbol)] }, snapshotOf(symbol, rows)]
}

/** The venue's `side` of a match is the MAKER's, in frames and in REST's pages alike: the taker's is the other. */
export function tradeOf(match: Omit<Match, 'product_id'>, symbol: string): WireTrade {
  return {
    type: 'trade',
    symbol,
    id: String(match.trade_id),
    price: match.price,
    size: match.size,
    side: match.side === 'sell' ? 'buy' : 'sell',
    fills: 1,
    exchangeTimeMs: timeMsOf(match.time)!,
  }
}

type Reader = (json: unknown, about: FrameAbout) => readonly WireEvent[]

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['snapshot', readSnapshot],
  ['l2update', readL2Update],
  [
    'match',
    (json, about) => checked(Match, json, (match) => timely(json, about, tradeOf(match, match.product_id))),
  ],
  ['last_match', (json) => checked(Match, json, lastMatchEvents)],
  ['ticker', (json, about) => checked(Ticker, json, (ticker) => timely(json, about, tickerOf(ticker)))],
  ['heartbeat', (json) => checked(Heartbeat, json, heartbeatEvents)],
  [
    'subscriptions',
    (json) => checked(Subscriptions, json, (acks) => [{ type: 'accepted', channels: acked(acks) }]),
  ],
  ['error', (json) => checked(VenueError, json, (error) => [refusedBy(error)])],
])

function checked<Frame>(
  schema: z.ZodType<Frame>,
  json: unknown,
  events: (frame: Frame) => readonly WireEvent[],
): readonly WireEvent[] {
  const { data, error } = schema.safeParse(json)
  return error === undefined ? events(data!) : [unusable(json, schemaFault(error))]
}

function timely(json: unknown, about: FrameAbout, event: WireTrade | WireTicker): readonly WireEvent[] {
  const fault = futureFault(event.exchangeTimeMs ?? 0, about.receivedAtMs, ['time'])
  return [fault === undefined ? event : unusable(json, fault)]
}

function readSnapshot(json: unknown, about: FrameAbout): readonly WireEvent[] {
  const fault =
    faultBy(BookHead, json, []) ??
    faultOfRows(json, 'bids', isLevel, Level) ??
    faultOfRows(json, 'asks', isLevel, Level)
  if (fault !== undefined) return [unusable(json, fault)]
  const { product_id, bids, asks } = json as Snapshot
  const put = (levels: Levels) =>
    bids.every(([price, size]) => levels.add('bid', price, size)) &&
    asks.every(([price, size]) => levels.add('ask', price, size))
  return staged(json, about, put, (rows) => snapshotEvents(product_id, rows))
}

function readL2Update(json: unknown, about: FrameAbout): readonly WireEvent[] {
  const fault = faultBy(BookHead, json, []) ?? faultOfRows(json, 'changes', isChange, Change)
  if (fault !== undefined) return [unusable(json, fault)]
  const { product_id, changes } = json as L2Update
  const put = (levels: Levels) =>
    changes.every(([side, price, size]) => levels.add(side === 'buy' ? 'bid' : 'ask', price, size))
  return staged(json, about, put, (rows) => [deltaOf(product_id, rows)])
}

/** The events of rows that `put` stages, unless there are too many of them or their time is wrong. */
function staged(
  json: unknown,
  { levels, receivedAtMs }: FrameAbout,
  put: (levels: Levels) => boolean,
  events: (rows: Staged) => readonly WireEvent[],
): readonly WireEvent[] {
  const from = levels.length
  const exchangeTimeMs = timeMsOf((json as BookHead).time)
  const fault =
    futureFault(exchangeTimeMs ?? 0, receivedAtMs, ['time']) ??
    (put(levels) ? undefined : wrongShape([], 'more levels than any book has'))
  if (fault === undefined) return events({ from, to: levels.length, exchangeTimeMs })
  levels.cutBack(from)
  return [unusable(json, fault)]
}

function faultBy(schema: z.ZodType, value: unknown, path: readonly PropertyKey[]): Refusal | undefined {
  const { error } = schema.safeParse(value)
  return error && schemaFault(error, path)
}

/** The first row that is none. Tens of thousands may be right: those cost no schema. */
function faultOfRows(
  json: unknown,
  key: string,
  isRow: (row: unknown) => boolean,
  schema: z.ZodType,
): Refusal | undefined {
  const rows = (json as Record<string, unknown>)[key]
  if (!Array.isArray(rows)) return faultBy(z.array(z.unknown()), rows, [key])
  const at = rows.findIndex((row) => !isRow(row))
  return at === -1 ? undefined : faultBy(schema, rows[at], [key, at])
}

function isLevel(row: unknown): boolean {
  return Array.isArray(row) && row.length === 2 && isPriceAndSize(row[0], row[1])
}

function isChange(row: unknown): boolean {
  if (!Array.isArray(row) || row.length !== 3) return false
  return (row[0] === 'buy' || row[0] === 'sell') && isPriceAndSize(row[1], row[2])
}

function isPriceAndSize(price: unknown, size: unknown): boolean {
  return typeof price === 'string' && typeof size === 'string' && isPositiveDecimal(price) && isSize(size)
}

/** A match from before the subscription is no news, but its number is: a loss before it shows. */
function lastMatchEvents({ product_id, trade_id }: Match): readonly WireEvent[] {
  return [
    { type: 'accepted', channels: [ackName(ACK_NAMES.trades, product_id)] },
    { type: 'heartbeat', symbol: product_id, lastTradeId: String(trade_id) },
  ]
}

function heartbeatEvents({ product_id, last_trade_id }: Heartbeat): readonly WireEvent[] {
  return [{ type: 'heartbeat', symbol: product_id, lastTradeId: String(last_trade_id) }]
}

function tickerOf(ticker: Ticker): WireTicker {
  return {
    type: 'ticker',
    symbol: ticker.product_id,
    sequence: ticker.sequence ?? null,
    exchangeTimeMs: timeMsOf(ticker.time),
    last: ticker.price,
    lastSize: ticker.last_size,
    bid: ticker.best_bid,
    bidSize: ticker.best_bid_size,
    ask: ticker.best_ask,
    askSize: ticker.best_ask_size,
    day: {
      open: ticker.open_24h,
      high: ticker.high_24h,
      low: ticker.low_24h,
      volume: ticker.volume_24h,
      quoteVolume: null,
    },
  }
}

function acked({ channels }: Subscriptions): string[] {
  return channels.flatMap(({ name, product_ids }) => product_ids.map((symbol) => ackName(name, symbol)))
}

/** A product that the venue does not know spoils the whole message that asks for it: it is named. */
function refusedBy(error: VenueError): Control {
  const symbol = /^(\S{1,64}) is not a valid product$/.exec(error.reason ?? '')?.[1]
  const channels = symbol && Object.values(ACK_NAMES).map((name) => ackName(name, symbol))
  return { type: 'refused', ...(channels && { channels }), message: textOf(error) }
}

/** Says of what it would have been, where the frame still tells. */
function unusable(json: unknown, refusal: Refusal): Rejected {
  const { type, product_id } = json as { type: string; product_id?: unknown }
  const kind = KINDS.get(type)
  const symbol = ProductId.safeParse(product_id).data
  return rejected(refusal, { ...(kind !== undefined && { kind }), ...(symbol !== undefined && { symbol }) })
}

const KINDS: ReadonlyMap<string, FeedKind> = new Map<string, FeedKind>([
  ['snapshot', 'books'],
  ['l2update', 'books'],
  ['match', 'trades'],
  ['last_match', 'trades'],
  ['ticker', 'tickers'],
])

// The wire: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
//
//   {"type":"snapshot","product_id":"BTC-USD","bids":[["64930.57","0.07705309"],...],"asks":[...]}
//   {"type":"l2update","product_id":"BTC-USD","changes":[["buy","64930.50","0.00000000"],...],"time":"2026-11-20T14:31:10.123456Z"}
//
// Sizes are absolute. One price may change several times in one frame.

const AnyFrame = z.object({ type: z.string() })

const BookHead = z.object({ product_id: ProductId, time: Time.optional() })
type BookHead = z.infer<typeof BookHead>

const Level = z.tuple([PositiveDecimal, Size])
const Change = z.tuple([z.enum(['buy', 'sell']), PositiveDecimal, Size])

export const Snapshot = z.object({ ...BookHead.shape, bids: z.array(Level), asks: z.array(Level) })
export type Snapshot = z.infer<typeof Snapshot>

export const L2Update = z.object({ ...BookHead.shape, changes: z.array(Change) })
export type L2Update = z.infer<typeof L2Update>

const MatchTime = Time.refine(isMatchTime, 'expected a time between 2010 and 2100')

function isMatchTime(text: string): boolean {
  const timeMs = timeMsOf(text)
  return timeMs !== null && timeMs <= TIME_MS_MAX
}

export const RestTrade = z.object({
  trade_id: z.int().positive(),
  side: z.enum(['buy', 'sell']),
  price: PositiveDecimal,
  size: PositiveDecimal,
  time: MatchTime,
})

export const Match = z.object({ product_id: ProductId, ...RestTrade.shape })
export type Match = z.infer<typeof Match>

/** Once a second for every product; 0 where there never was a trade. */
const Heartbeat = z.object({ product_id: ProductId, last_trade_id: z.int().nonnegative() })
type Heartbeat = z.infer<typeof Heartbeat>

/** What the venue does not say, or says as nothing, is null. */
const orNull = <Schema extends z.ZodType<string>>(schema: Schema) =>
  z.preprocess((value) => (isNothing(value) ? null : value), schema.nullable())
const Price = orNull(PositiveDecimal)
const Amount = z.preprocess((value) => (value === '' ? null : (value ?? null)), Size.nullable())

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && /^0?(?:\.0*)?$/.test(value))
}

/** Comes with every match, and once for the last one there was. `side` is the TAKER's here; nobody needs it. */
const Ticker = z.object({
  product_id: ProductId,
  sequence: z.int().nonnegative().optional(),
  time: Time.optional(),
  price: Price,
  last_size: Amount,
  best_bid: Price,
  best_bid_size: Amount,
  best_ask: Price,
  best_ask_size: Amount,
  open_24h: Price,
  high_24h: Price,
  low_24h: Price,
  volume_24h: Amount,
})
type Ticker = z.infer<typeof Ticker>

/** All that the connection is subscribed to by now, whatever was asked for last. */
const Subscriptions = z.object({
  channels: z.array(z.object({ name: z.string(), product_ids: z.array(z.string()) })),
})
type Subscriptions = z.infer<typeof Subscriptions>
