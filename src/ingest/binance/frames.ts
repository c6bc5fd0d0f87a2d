import { z } from 'zod'
import { DECIMAL_PATTERN } from '../../models/decimal.ts'
import type { Refusal } from '../../models/rejection.ts'
import { PositiveDecimal, TimeMs } from '../../models/scalars.ts'
import type { FeedKind } from '../../models/topics.ts'
import type { Levels } from '../levels.ts'
import {
  eventsOfList,
  futureFault,
  onOneLine,
  readJson,
  rejected,
  schemaFault,
  wrongShape,
} from '../reading/reading.ts'
import { Rows, VenueSymbol } from '../reading/wire-words.ts'
import { type FrameAbout, NO_NUMBER, type WireEvent, type WireTicker, type WireTrade } from '../venue.ts'
import { type DepthForm, scanAggTrade, scanDepth } from './scan.ts'

/** Everything that one frame of Binance says; `form` is that of the wire's books. */
export function parseBinanceFrame(
  frame: Uint8Array,
  about: FrameAbout,
  form: DepthForm,
): readonly WireEvent[] {
  const scanned = scanDepth(frame, about.levels, form) ?? scanAggTrade(frame)
  if (scanned === undefined) return readBinanceFrame(frame, about, form)
  const isBook = scanned.type === 'delta'
  const fault = futureFault(scanned.exchangeTimeMs!, about.receivedAtMs, isBook ? BOOK_TIME : TRADE_TIME)
  if (fault === undefined) return [scanned]
  if (isBook) about.levels.cutBack(scanned.from)
  return [rejected(fault, { symbol: scanned.symbol, kind: isBook ? 'books' : 'trades' })]
}

const BOOK_TIME = ['data', 'E']
const TRADE_TIME = ['data', 'T']

/** The same by the contract alone. */
export function readBinanceFrame(
  frame: Uint8Array,
  about: FrameAbout,
  form: DepthForm,
): readonly WireEvent[] {
  const read = readJson(frame)
  if ('refusal' in read) return [rejected(read.refusal)]
  const combined = Combined.safeParse(read.json)
  const within = combined.success ? ['data'] : []
  const data = combined.success ? combined.data.data : read.json
  if (combined.success && !OURS.test(combined.data.stream) && !hasName(data)) return [{ type: 'alive' }]
  return Array.isArray(data) ? eventsOf(data, about, form, within) : [eventOf(data, about, form, within)]
}

/** Events of some streams that we never ask for, such as `bookTicker`, say nowhere what they are. */
const OURS = /@depth(?:@100ms)?$|@aggTrade$|^!miniTicker@arr$/

function hasName(data: unknown): boolean {
  return Event.safeParse(data).success
}

type Path = readonly PropertyKey[]

function eventsOf(items: unknown[], about: FrameAbout, form: DepthForm, within: Path): WireEvent[] {
  return eventsOfList(items, (item, i) => {
    const event = eventOf(item, about, form, [...within, i])
    return event.type === 'alive' ? undefined : event
  })
}

function eventOf(data: unknown, about: FrameAbout, form: DepthForm, within: Path): WireEvent {
  const event = Event.safeParse(data)
  if (!event.success) return within.length === 0 ? answerOf(data) : rejected(schemaFault(event.error, within))
  switch (event.data.e) {
    case 'depthUpdate':
      return depthOf(data, about, form, within)
    case 'aggTrade':
      return tradeOf(data, about, within)
    case '24hrMiniTicker':
      return tickerOf(data, about, within)
    case 'serverShutdown':
      return { type: 'closing' }
    default:
      // Streams that we never ask for, such as candles.
      return { type: 'alive' }
  }
}

/** What the venue says to a message of ours; `result` is a list where we asked for one only to hear something. */
function answerOf(data: unknown): WireEvent {
  const answer = Answer.safeParse(data)
  if (!answer.success) return rejected(schemaFault(answer.error))
  const { id, result, error = answer.data } = answer.data
  const about = typeof id === 'number' ? { id } : {}
  if (error.msg !== undefined) {
    const message = `${error.msg}${error.code === undefined ? '' : ` (code ${error.code})`}`
    return { type: 'refused', ...about, message: onOneLine(message) }
  }
  if (result === undefined) return rejected(wrongShape(['e'], 'expected an event, or an answer'))
  return result === null && about.id !== undefined ? { type: 'accepted', ...about } : { type: 'alive' }
}

function depthOf(data: unknown, about: FrameAbout, form: DepthForm, within: Path): WireEvent {
  const { levels } = about
  const read = (form === 'futures' ? FuturesDepth : Depth).safeParse(data)
  if (!read.success) return refusedOf(data, 'books', schemaFault(read.error, within))
  const { E, s: symbol, U: first, u: last, pu: previous, b, a } = read.data
  const from = levels.length
  const fault =
    rowFault(levels, 'bid', b, [...within, 'b']) ??
    rowFault(levels, 'ask', a, [...within, 'a']) ??
    futureFault(E, about.receivedAtMs, [...within, 'E'])
  if (fault === undefined) {
    const range = { from, to: levels.length }
    return { type: 'delta', symbol, first, last, previous, exchangeTimeMs: E, ...range }
  }
  levels.cutBack(from)
  return rejected(fault, { symbol, kind: 'books' })
}

/** Puts rows of [price, size] to `levels`. What is wrong with the first that is none, or undefined. */
export function rowFault(
  levels: Levels,
  side: 'bid' | 'ask',
  rows: readonly unknown[],
  path: Path,
): Refusal | undefined {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]
    const isRow = Array.isArray(row) && row.length === 2
    const [price, size] = isRow ? (row as unknown[]) : []
    if (typeof price !== 'string' || typeof size !== 'string' || !levels.add(side, price, size)) {
      return wrongShape([...path, i], 'expected a price above zero and a size as plain decimals')
    }
  }
  return undefined
}

function tradeOf(data: unknown, about: FrameAbout, within: Path): WireEvent {
  const read = AggTrade.safeParse(data)
  if (!read.success) return refusedOf(data, 'trades', schemaFault(read.error, within))
  const fault = futureFault(read.data.T, about.receivedAtMs, [...within, 'T'])
  if (fault !== undefined) return refusedOf(data, 'trades', fault)
  return aggTrade(read.data, read.data.s)
}

/** `m`: the buyer was in the book already, so the taker sold. */
export function aggTrade({ a, p, q, f, l, T, m }: PlainAggTrade, symbol: string): WireTrade {
  return {
    type: 'trade',
    symbol,
    id: String(a),
    price: p,
    size: q,
    side: m ? 'sell' : 'buy',
    fills: l - f + 1,
    exchangeTimeMs: T,
  }
}

function tickerOf(data: unknown, about: FrameAbout, within: Path): WireEvent {
  const read = MiniTicker.safeParse(data)
  if (!read.success) return refusedOf(data, 'tickers', schemaFault(read.error, within))
  const { E, s: symbol, c, o, h, l, v, q } = read.data
  const fault = futureFault(E, about.receivedAtMs, [...within, 'E'])
  if (fault !== undefined) return refusedOf(data, 'tickers', fault)
  const ticker: WireTicker = {
    type: 'ticker',
    symbol,
    sequence: null,
    exchangeTimeMs: E,
    last: priceOrNull(c),
    lastSize: null,
    bid: null,
    bidSize: null,
    ask: null,
    askSize: null,
    day: { open: priceOrNull(o), high: priceOrNull(h), low: priceOrNull(l), volume: v, quoteVolume: q },
  }
  return ticker
}

/** What was not traded within a day has prices of zero. */
function priceOrNull(text: string): string | null {
  return /[1-9]/.test(text) ? text : null
}

function refusedOf(data: unknown, kind: FeedKind, fault: Refusal): WireEvent {
  const symbol = Named.safeParse(data).data?.s
  return rejected(fault, symbol === undefined ? { kind } : { symbol, kind })
}

// The wire: https://github.com/binance/binance-spot-api-docs/blob/master/web-socket-streams.md and, for futures,
// https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams. One stream is sent as it
// is, several are each wrapped in their stream's name.

const Combined = z.object({ stream: z.string(), data: z.unknown() })
const Event = z.object({ e: z.string() })
/** Some names are not Latin. */
const Named = z.object({ s: VenueSymbol })

/** `{"result":null,"id":1}`; `{"code":2,"msg":"Invalid request: ..."}`; lately `{"error":{"code":2,"msg":"..."},"id":1}`. */
const VenueError = z.object({ code: z.number().optional(), msg: z.string() })
const Answer = z.object({
  id: z.union([z.int(), z.string(), z.null()]).optional(),
  result: z.unknown().optional(),
  error: VenueError.optional(),
  ...VenueError.partial().shape,
})

const Count = z.int().nonnegative()
const depth = {
  E: TimeMs,
  s: VenueSymbol,
  U: Count,
  u: Count,
  b: Rows,
  a: Rows,
}
const ORDERED = { path: ['u'], error: 'expected the last update not before the first' }
const Depth = z
  .object(depth)
  .refine(({ U, u }) => U <= u, ORDERED)
  .transform((book) => ({ ...book, pu: NO_NUMBER }))
/** `T` is when the book changed, `pu` the `u` of the event before; -1 stands for none. */
const FuturesDepth = z
  .object({ ...depth, T: Count, pu: z.int().min(-1) })
  .refine(({ U, u }) => U <= u, ORDERED)

const FILLS = { path: ['l'], error: 'expected the last fill not before the first' }
function areFills({ f, l }: { readonly f: number; readonly l: number }): boolean {
  return f <= l && Number.isSafeInteger(l - f + 1)
}

const aggTradeShape = {
  a: Count,
  p: PositiveDecimal,
  q: PositiveDecimal,
  f: Count,
  l: Count,
  T: TimeMs,
  m: z.boolean(),
}
/** As it comes from REST: without the event's own fields. */
export const PlainAggTrade = z.object(aggTradeShape).refine(areFills, FILLS)
export type PlainAggTrade = z.infer<typeof PlainAggTrade>
const AggTrade = z.object({ ...aggTradeShape, E: Count, s: VenueSymbol }).refine(areFills, FILLS)

const Amount = z.string().refine(isAmount, 'expected a plain decimal not below zero')
const MiniTicker = z.object({
  E: TimeMs,
  s: VenueSymbol,
  c: Amount,
  o: Amount,
  h: Amount,
  l: Amount,
  v: Amount,
  q: Amount,
})

function isAmount(text: string): boolean {
  return DECIMAL_PATTERN.test(text) && !text.startsWith('-')
}
