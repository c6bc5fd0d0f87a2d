import { z } from 'zod'
import { DECIMAL_PATTERN } from '../../models/decimal.ts'
import type { Refusal } from '../../models/rejection.ts'
import type { FeedKind } from '../../models/topics.ts'
import {
  futureFault,
  onOneLine,
  readExactJson,
  rejected,
  schemaFault,
  wrongShape,
} from '../reading/reading.ts'
import {
  AboveZero,
  AmountOrNone,
  addRows,
  Count,
  isTimeMs,
  PriceOrNone,
  Rows,
  TakerSide,
  VenueSymbol,
  WireTimeMs,
} from '../reading/wire-words.ts'
import { type Control, type FrameAbout, NO_NUMBER, type Rejected, type WireEvent } from '../venue.ts'
import { scanLevel2 } from './scan.ts'
import { scanTicker } from './ticker-scan.ts'

/** Everything that one frame of KuCoin's says. */
export function parseFrame(frame: Uint8Array, about: FrameAbout): readonly WireEvent[] {
  const news = scanLevel2(frame, about.levels) ?? scanTicker(frame)
  const events = news === undefined ? readFrame(frame, about) : [news]
  const early = earlyOf(events[0], about.receivedAtMs)
  if (early === undefined) return events
  about.levels.reset()
  return [early]
}

/** The contract: what a frame says, whatever the scanner thinks of it. Times are not held against our clock here. */
export function readFrame(frame: Uint8Array, about: FrameAbout): readonly WireEvent[] {
  about.levels.reset()
  const read = readExactJson(frame)
  if ('refusal' in read) return [rejected(read.refusal)]
  const { data, error } = Frame.safeParse(read.json)
  if (error !== undefined) return [rejected(schemaFault(error))]
  switch (data.type) {
    case 'welcome':
      return [{ type: 'welcome' }]
    case 'ack':
      return [acceptedBy(data.id)]
    case 'pong':
      return [{ type: 'alive' }]
    case 'error':
      return [refusedBy(data)]
    case 'message':
      return [readMessage(read.json, data.topic, about)]
    default:
      return [rejected(wrongShape(['type'], `nothing is known of ${JSON.stringify(data.type)}`))]
  }
}

/**
 * What is asked for in several messages is asked for under `7.level2`, `7.match` and, last of all, `7`: when that one is
 * answered the others have been.
 */
function acceptedBy(id: string | undefined): Control {
  return id !== undefined && /^\d{1,15}$/.test(id) ? { type: 'accepted', id: Number(id) } : { type: 'alive' }
}

/** The longest list of channels that one message of ours can ask for is shorter. */
const SAID_CHARS_MAX = 10_000

/** `topic /market/level2:NOPE-USDT is not found`: of these channels, or of everything under the id. */
function refusedBy({ id, code, data }: z.infer<typeof Frame>): Control {
  const said = typeof data === 'string' ? data.slice(0, SAID_CHARS_MAX) : 'nothing more'
  const message = onOneLine(`${code ?? 'no code'}: ${said}`)
  const topic = /\/market\/(?:level2|match|ticker):[^\s"]+/.exec(said)?.[0]
  if (topic !== undefined) return { type: 'refused', channels: channelsOf(topic), message }
  const number = /^(\d{1,15})(?:\.\w+)?$/.exec(id ?? '')?.[1]
  return { type: 'refused', ...(number !== undefined && { id: Number(number) }), message }
}

/** `/market/match:A` and `/market/match:B` of `/market/match:A,B` */
function channelsOf(topic: string): string[] {
  const symbols = topic.indexOf(':') + 1
  return topic
    .slice(symbols)
    .split(',')
    .map((symbol) => topic.slice(0, symbols) + symbol)
}

const KINDS: ReadonlyMap<string, FeedKind> = new Map([
  ['/market/level2', 'books'],
  ['/market/match', 'trades'],
  ['/market/ticker', 'tickers'],
])

function readMessage(json: unknown, topic: string | undefined, about: FrameAbout): WireEvent {
  const [channel = '', symbol] = (topic ?? '').split(':', 2)
  const kind = KINDS.get(channel)
  // What was never asked for is nothing to us.
  if (kind === undefined) return { type: 'alive' }
  const event = READERS[kind](json, about)
  if ('type' in event) return event
  const { subject } = json as { subject?: unknown }
  const { data: product } = VenueSymbol.safeParse(symbol === 'all' ? subject : symbol)
  return rejected(event, { kind, ...(product !== undefined && { symbol: product }) })
}

const READERS: Record<FeedKind, (json: unknown, about: FrameAbout) => WireEvent | Refusal> = {
  books: readLevel2,
  trades: readMatch,
  tickers: readTicker,
}

function readLevel2(json: unknown, { levels }: FrameAbout): WireEvent | Refusal {
  const { data: frame, error } = Level2.safeParse(json)
  if (error !== undefined) return schemaFault(error)
  const { symbol, sequenceStart: first, sequenceEnd: last, time, changes } = frame.data
  if (first > last) return wrongShape(['data', 'sequenceStart'], 'behind sequenceEnd')
  const path = ['data', 'changes']
  const fault =
    addRows(levels, 'ask', changes.asks, [...path, 'asks'], isPriceless) ??
    addRows(levels, 'bid', changes.bids, [...path, 'bids'], isPriceless)
  if (fault !== undefined) {
    levels.reset()
    return fault
  }
  const numbers = { first, last, previous: NO_NUMBER, exchangeTimeMs: time ?? null }
  return { type: 'delta', symbol, ...numbers, from: 0, to: levels.length }
}

/** A row of price 0 stands for an update that moved nothing in the book: only its number counts. */
function isPriceless(price: string, size: string): boolean {
  return /^0(?:\.0{1,18})?$/.test(price) && DECIMAL_PATTERN.test(size) && !size.startsWith('-')
}

function readMatch(json: unknown): WireEvent | Refusal {
  const { data: frame, error } = Match.safeParse(json)
  if (error !== undefined) return schemaFault(error)
  const { symbol, tradeId, price, size, side, time } = frame.data
  return { type: 'trade', symbol, id: tradeId, price, size, side, fills: 1, exchangeTimeMs: time }
}

function readTicker(json: unknown): WireEvent | Refusal {
  const { data: frame, error } = TickerFrame.safeParse(json)
  if (error !== undefined) return schemaFault(error)
  const { topic, subject, data } = frame
  return {
    type: 'ticker',
    symbol: topic === TICKERS ? subject : topic.slice(topic.indexOf(':') + 1),
    exchangeTimeMs: data.time,
    sequence: data.sequence,
    last: data.price,
    lastSize: data.size,
    bid: data.bestBid,
    bidSize: data.bestBidSize,
    ask: data.bestAsk,
    askSize: data.bestAskSize,
    day: null,
  }
}

/** The refusal of news stamped too far ahead of our clock. Every frame carries one event, and only news has a time. */
function earlyOf(event: WireEvent | undefined, receivedAtMs: number): Rejected | undefined {
  if (event === undefined || !('exchangeTimeMs' in event) || event.exchangeTimeMs === null) return undefined
  const { type, symbol, exchangeTimeMs } = event
  const kind = type === 'trade' ? 'trades' : type === 'ticker' ? 'tickers' : 'books'
  const fault = futureFault(exchangeTimeMs, receivedAtMs, ['data', 'time'])
  return fault && rejected(fault, { symbol, kind })
}

/** What any ticker is asked for by: of every product there is. */
export const TICKERS = '/market/ticker:all'

// The wire: https://www.kucoin.com/docs-new/websocket-api/base-info/introduction and .../spot-trading/market-data/public-channels
//
//   {"id":"hQvf8jkno","type":"welcome"}   {"id":"7","type":"ack"}   {"id":"8","type":"pong"}
//   {"id":"7","type":"error","code":404,"data":"topic /market/level2:NOPE-USDT is not found"}

const Id = z.union([z.string(), z.number()]).transform(String)

const Frame = z.object({
  type: z.string(),
  id: Id.optional(),
  topic: z.string().optional(),
  code: z.union([z.string(), z.number()]).optional(),
  data: z.unknown().optional(),
})

const Level2 = z.object({
  subject: z.literal('trade.l2update'),
  data: z.object({
    symbol: VenueSymbol,
    sequenceStart: Count,
    sequenceEnd: Count,
    /** Absent before 2022. */
    time: WireTimeMs.optional(),
    /** [price, size, sequence]; the sequences of rows say nothing about what is missing. */
    changes: z.object({ asks: Rows, bids: Rows }),
  }),
})

/** Nanoseconds as text. */
const TimeNs = z
  .string()
  .regex(/^\d{19}$/, 'expected nanoseconds since 1970')
  .transform((text) => Number(text.slice(0, -6)))
  .refine(isTimeMs, 'expected a time between 2010 and 2100')

const Match = z.object({
  subject: z.literal('trade.l3match'),
  data: z.object({
    symbol: VenueSymbol,
    tradeId: Id.pipe(z.string().min(1).max(100)),
    price: AboveZero,
    size: AboveZero,
    /** The taker's. */
    side: TakerSide,
    time: TimeNs,
  }),
})

/** Of `/market/ticker:BTC-USDT` the subject is `trade.ticker`; of `/market/ticker:all` it is the product. */
const TickerFrame = z.object({
  topic: z
    .string()
    .regex(/^\/market\/ticker:./)
    .max(100),
  subject: VenueSymbol,
  data: z.object({
    sequence: Count,
    price: PriceOrNone,
    size: AmountOrNone,
    bestAsk: PriceOrNone,
    bestAskSize: AmountOrNone,
    bestBid: PriceOrNone,
    bestBidSize: AmountOrNone,
    time: WireTimeMs,
  }),
})
