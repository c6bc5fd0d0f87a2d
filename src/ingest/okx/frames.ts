import { z } from 'zod'
import type { Refusal } from '../../models/rejection.ts'
import type { FeedKind } from '../../models/topics.ts'
import {
  eventsOfList,
  futureFault,
  onOneLine,
  readJson,
  rejected,
  schemaFault,
  wrongShape,
} from '../reading/reading.ts'
import {
  AboveZero,
  AmountOrNone,
  addRows,
  Count,
  PriceOrNone,
  Rows,
  TakerSide,
  VenueSymbol,
  WireTimeMs,
} from '../reading/wire-words.ts'
import {
  type BookDelta,
  type BookSnapshot,
  type Control,
  type FrameAbout,
  NO_NUMBER,
  type RawLevel,
  type Subscription,
  type WireEvent,
  type WireTicker,
  type WireTrade,
} from '../venue.ts'
import { scanBooks } from './scan.ts'

type News = BookSnapshot | BookDelta | WireTrade | WireTicker

/** Everything that one frame of OKX's says. */
export function parseFrame(frame: Uint8Array, about: FrameAbout): readonly WireEvent[] {
  const book = scanBooks(frame, about.levels)
  const events = book === undefined ? readFrame(frame, about) : [book]
  const early = events.length === 1 ? futureOf(events[0]!, 0, about.receivedAtMs) : undefined
  if (early === undefined) return events
  about.levels.reset()
  return [early]
}

/** The contract: what a frame says, whatever the scanner thinks of it. The time of a book is not held against our clock here. */
export function readFrame(frame: Uint8Array, about: FrameAbout): readonly WireEvent[] {
  about.levels.reset()
  if (isPong(frame)) return [{ type: 'alive' }]
  const read = readJson(frame)
  if ('refusal' in read) return [rejected(read.refusal)]
  return isEvent(read.json) ? [readEvent(read.json)] : readPush(read.json, about)
}

function isEvent(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'event' in json
}

function readPush(json: unknown, about: FrameAbout): readonly WireEvent[] {
  const { data: push, error } = Push.safeParse(json)
  if (error !== undefined) return [rejected(schemaFault(error))]
  const { channel, instId } = push.arg
  const kind = KINDS[channel]
  // What was never asked for is nothing to us.
  if (kind === undefined) return [{ type: 'alive' }]
  if (kind === 'books') return [readBook(push, about)]
  return eventsOfList(push.data, (row, i) => {
    const news = kind === 'trades' ? tradeOf(row, instId) : tickerOf(row, instId)
    if ('error' in news) return rejected(schemaFault(news.error, ['data', i]), { symbol: instId, kind })
    return futureOf(news, i, about.receivedAtMs) ?? news
  })
}

/** The only text that is no JSON. */
const PONG = 'pong'

function isPong(frame: Uint8Array): boolean {
  return frame.length === PONG.length && frame.every((byte, i) => byte === PONG.charCodeAt(i))
}

const CHANNELS: Record<FeedKind, string> = { books: 'books', trades: 'trades', tickers: 'tickers' }
const KINDS: Record<string, FeedKind> = Object.assign(Object.create(null), {
  books: 'books',
  trades: 'trades',
  tickers: 'tickers',
})

/** A subscription's name among ours; the venue has none but the pair itself. */
export function channelOf({ kind, symbol }: Subscription): string {
  return `${CHANNELS[kind]}:${symbol}`
}

/** What a subscription is asked for by. */
export function argOf({ kind, symbol }: Subscription): { readonly channel: string; readonly instId: string } {
  return { channel: CHANNELS[kind], instId: symbol }
}

/** The venue is about to close the connection for an upgrade of its own, within a minute. */
const CLOSING = '64008'

function readEvent(json: unknown): WireEvent {
  const { data, error } = Event.safeParse(json)
  if (error !== undefined) return rejected(schemaFault(error))
  const { event, id, arg, code, msg } = data
  switch (event) {
    case 'subscribe':
      return arg === undefined
        ? { type: 'alive' }
        : { type: 'accepted', channels: [`${arg.channel}:${arg.instId}`] }
    case 'notice':
      return { type: code === CLOSING ? 'closing' : 'alive' }
    case 'error':
      return refusedBy(onOneLine(`${code ?? 'no code'}: ${msg ?? 'nothing more'}`), arg, id)
    case 'unsubscribe':
    case 'channel-conn-count':
      return { type: 'alive' }
  }
}

/**
 * Of the one channel that is named beside the error or in its words, `channel:books,instId:NOPE-USDT doesn't exist`: the
 * others of the same message are answered each for itself. Else of everything under the id.
 */
function refusedBy(message: string, arg: Arg | undefined, id: string | undefined): Control {
  const [, channel, instId] = /channel:([\w-]+),\s*instId:([^\s,]+)/.exec(message) ?? []
  const named = arg ?? (channel !== undefined && instId !== undefined ? { channel, instId } : undefined)
  if (named !== undefined) {
    return { type: 'refused', channels: [`${named.channel}:${named.instId}`], message }
  }
  const isOurs = id !== undefined && /^\d{1,15}$/.test(id)
  return { type: 'refused', ...(isOurs && { id: Number(id) }), message }
}

function readBook({ arg, action, data }: z.infer<typeof Push>, { levels }: FrameAbout): WireEvent {
  const about = { symbol: arg.instId, kind: 'books' as const }
  const refuse = (refusal: Refusal) => {
    levels.reset()
    return rejected(refusal, about)
  }
  if (action === undefined) return refuse(wrongShape(['action'], 'expected "snapshot" or "update"'))
  if (data.length !== 1) return refuse(wrongShape(['data'], 'expected one book'))
  const { data: book, error } = Book.safeParse(data[0])
  if (error !== undefined) return refuse(schemaFault(error, ['data', 0]))
  const path = ['data', 0]
  const fault =
    addRows(levels, 'ask', book.asks, [...path, 'asks']) ??
    addRows(levels, 'bid', book.bids, [...path, 'bids'])
  if (fault !== undefined) return refuse(fault)
  const common = {
    symbol: arg.instId,
    last: book.seqId ?? NO_NUMBER,
    exchangeTimeMs: book.ts,
    from: 0,
    to: levels.length,
    ...checksumOf(book),
  }
  return action === 'snapshot'
    ? { type: 'snapshot', whole: false, ...common }
    : { type: 'delta', first: NO_NUMBER, previous: book.prevSeqId ?? NO_NUMBER, ...common }
}

/** The texts that a checksum was made from travel with it; 0 is none. */
function checksumOf({ checksum, bids, asks }: Book): Pick<BookDelta, 'checksum' | 'raw'> {
  if (checksum === undefined || checksum === 0) return {}
  // addRows has seen to it that each begins with two texts.
  return { checksum, raw: { bids: bids as RawLevel[], asks: asks as RawLevel[] } }
}

type NoNews = { readonly error: z.ZodError }

/** A trade on the wire, or in a list that was asked for. */
export function tradeOf(row: unknown, symbol: string): WireTrade | NoNews {
  const { data, error } = TradeRow.safeParse(row)
  if (error !== undefined) return { error }
  const { tradeId, px, sz, side, count, ts } = data
  return { type: 'trade', symbol, id: tradeId, price: px, size: sz, side, fills: count, exchangeTimeMs: ts }
}

function tickerOf(row: unknown, symbol: string): WireTicker | NoNews {
  const { data, error } = TickerRow.safeParse(row)
  if (error !== undefined) return { error }
  return {
    type: 'ticker',
    symbol,
    exchangeTimeMs: data.ts,
    sequence: null,
    last: data.last,
    lastSize: data.lastSz,
    bid: data.bidPx,
    bidSize: data.bidSz,
    ask: data.askPx,
    askSize: data.askSz,
    day: {
      open: data.open24h,
      high: data.high24h,
      low: data.low24h,
      volume: data.vol24h,
      // Of derivatives it is an amount of the base.
      quoteVolume: data.instType === 'SPOT' ? data.volCcy24h : null,
    },
  }
}

/** The refusal of the `i`th piece of news where it is stamped too far ahead of our clock. */
function futureOf(event: WireEvent, i: number, receivedAtMs: number): WireEvent | undefined {
  if (!isNews(event) || event.exchangeTimeMs === null) return undefined
  const fault = futureFault(event.exchangeTimeMs, receivedAtMs, ['data', i, 'ts'])
  return fault && rejected(fault, { symbol: event.symbol, kind: kindOf(event) })
}

function isNews(event: WireEvent): event is News {
  return 'exchangeTimeMs' in event
}

function kindOf({ type }: News): FeedKind {
  return type === 'trade' ? 'trades' : type === 'ticker' ? 'tickers' : 'books'
}

// The wire: https://www.okx.com/docs-v5/en/#overview-websocket and .../#order-book-trading-market-data
//
//   {"id":"7","event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a4d3ae55"}
//   {"event":"error","code":"60018","msg":"Wrong URL or channel:books,instId:NOPE-USDT doesn't exist. ...","connId":"a4d3ae55"}
//   {"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. ...","connId":"a4d3ae55"}

const Arg = z.object({ channel: z.string(), instId: VenueSymbol })
type Arg = z.infer<typeof Arg>

const Event = z.object({
  event: z.enum(['subscribe', 'unsubscribe', 'error', 'notice', 'channel-conn-count']),
  id: z.string().optional(),
  arg: Arg.optional().catch(undefined),
  code: z.string().optional(),
  msg: z.string().optional(),
})

const Push = z.object({
  arg: Arg,
  action: z.enum(['snapshot', 'update']).optional(),
  data: z.array(z.unknown()),
})

/** What numbers a frame has nothing before it: a snapshot's. */
const NOTHING_BEFORE = -1

/** Rows are [price, size, "0", orders]. */
const Book = z
  .object({
    asks: Rows,
    bids: Rows,
    ts: WireTimeMs,
    /** Signed; 0 since June 2026, announced to be left out. */
    checksum: z.int().optional(),
    seqId: Count.optional(),
    prevSeqId: z.union([z.literal(NOTHING_BEFORE), Count]).optional(),
  })
  .refine(isVouchedFor, { path: ['seqId'], message: 'expected numbers, or a checksum instead' })
type Book = z.infer<typeof Book>

type Vouching = Partial<Record<'seqId' | 'prevSeqId' | 'checksum', number | undefined>>

/** Without either a loss would never show. Before 2023 there was but the checksum. */
function isVouchedFor({ seqId, prevSeqId, checksum }: Vouching): boolean {
  const isNumbered = seqId !== undefined && prevSeqId !== undefined
  const isSummed = seqId === undefined && prevSeqId === undefined && checksum !== undefined && checksum !== 0
  return isNumbered || isSummed
}

/** `tradeId` is the last of `count` fills of one order at one price. `count` is absent before 2023, and where fills are single. */
const TradeRow = z.object({
  tradeId: z.string().regex(/^\d{1,15}$/, 'expected a whole number'),
  px: AboveZero,
  sz: AboveZero,
  /** The taker's. */
  side: TakerSide,
  ts: WireTimeMs,
  count: Count.refine((count) => count > 0, 'expected a number of fills above zero').default(1),
})

const TickerRow = z.object({
  instType: z.string(),
  last: PriceOrNone,
  lastSz: AmountOrNone,
  askPx: PriceOrNone,
  askSz: AmountOrNone,
  bidPx: PriceOrNone,
  bidSz: AmountOrNone,
  open24h: PriceOrNone,
  high24h: PriceOrNone,
  low24h: PriceOrNone,
  vol24h: AmountOrNone,
  volCcy24h: AmountOrNone,
  ts: WireTimeMs,
})
