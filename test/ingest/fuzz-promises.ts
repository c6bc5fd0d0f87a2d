import type { Levels } from '../../src/ingest/levels.ts'
import {
  type BookDelta,
  type BookSnapshot,
  type Listing,
  NO_NUMBER,
  type RawLevel,
  type Rejected,
  type Wire,
  type WireEvent,
  type WireTicker,
  type WireTrade,
} from '../../src/ingest/venue.ts'
import { DECIMAL_PATTERN, isPositiveDecimal, PLACES_MAX } from '../../src/models/decimal.ts'
import { encodeBook, ProductBook } from '../../src/models/product-book.ts'
import { REJECTION_KINDS, type Refusal } from '../../src/models/rejection.ts'
import { PRODUCT_PATTERN, SIZE_UNIT_PATTERN, TIME_MS_MAX, TIME_MS_MIN } from '../../src/models/scalars.ts'
import { encodeTicker, Ticker } from '../../src/models/ticker.ts'
import { FEED_KINDS } from '../../src/models/topics.ts'
import { encodeTrade, Trade } from '../../src/models/trade.ts'
import type { Reader } from './fuzz-corpus.ts'
import { RECEIVED_AT_MS } from './wire-fixtures.ts'

/** What every reader of a venue promises, whatever it is given. Each answers with what is broken, or with nothing. */
export function broken(reader: Reader, answer: unknown, levels: Levels): string[] {
  switch (reader.reads) {
    case 'frame':
      return brokenEvents(reader.wire, answer, levels)
    case 'snapshot':
      return brokenEvents(reader.wire, [answer], levels)
    case 'trades':
      return brokenTrades(reader.wire, answer as { trades?: WireTrade[] })
    case 'listing':
      return brokenListings(reader.wire, answer as { listings?: Listing[] })
    case 'opening':
      return brokenOpening(answer as { url?: string; pingMs?: number })
    case 'book':
      return brokenBook(answer as { book?: Parameters<typeof encodeBook>[0] })
  }
}

/** Of what was received once, so much at most is said to be unusable: one word a product, not one a row. */
const REJECTED_MAX = 32
const PATH_CHARS_MAX = 220
const MESSAGE_CHARS_MAX = 220
/** Clocks of venues may be ahead of ours by so much. */
const AHEAD_MS_MAX = 60_000

function brokenEvents(wire: Wire, answer: unknown, levels: Levels): string[] {
  if (!Array.isArray(answer)) return [`an answer that is none: ${String(answer)}`]
  const events = answer as WireEvent[]
  const faults = events.flatMap((event) => brokenEvent(wire, event, levels))
  const rejections = events.filter(({ type }) => type === 'rejected').length
  if (rejections > REJECTED_MAX) faults.push(`${rejections} rejections of one frame`)
  const numbers = events.findLastIndex(({ type }) => type === 'numbered')
  if (numbers > 0) faults.push('a number that is not the first event')
  return [...faults, ...brokenRanges(events, levels)]
}

function brokenEvent(wire: Wire, event: WireEvent, levels: Levels): string[] {
  switch (event.type) {
    case 'snapshot':
    case 'delta':
      return brokenBookEvent(event, levels)
    case 'trade':
      return brokenTrade(wire, event)
    case 'ticker':
      return brokenTicker(event)
    case 'rejected':
      return brokenRejection(event)
    case 'accepted':
      return named(isChannels(event.channels) && isId(event.id), 'accepted', event)
    case 'refused':
      return named(isChannels(event.channels) && isId(event.id) && isLine(event.message), 'refused', event)
    case 'heartbeat':
      return named(isSymbol(event.symbol) && /^\d{1,16}$/.test(event.lastTradeId ?? '0'), 'heartbeat', event)
    case 'numbered':
      return named(isCount(event.number), 'numbered', event)
    case 'send':
      return named(event.text.length < 1_000, 'send', event)
    case 'resync':
      return named(event.symbol === undefined || isSymbol(event.symbol), 'resync', event)
    case 'welcome':
    case 'alive':
    case 'closing':
      return []
    default:
      return [`an event nobody knows: ${JSON.stringify(event)}`]
  }
}

/** Rows lie behind each other in the order of the events, and nobody else's lie among them or behind. */
function brokenRanges(events: readonly WireEvent[], levels: Levels): string[] {
  let end = 0
  for (const event of events) {
    if (event.type !== 'snapshot' && event.type !== 'delta') continue
    if (event.from !== end || event.to < end) return [`rows ${event.from} to ${event.to} behind row ${end}`]
    end = event.to
  }
  const stale = [...levels.texts.keys()].filter((row) => row >= end)
  if (end !== levels.length) return [`${levels.length} rows, of which the events know ${end}`]
  return stale.length === 0 ? [] : [`texts of rows that are not there: ${stale.slice(0, 3)}`]
}

function brokenBookEvent(event: BookSnapshot | BookDelta, levels: Levels): string[] {
  const { symbol, last, exchangeTimeMs, checksum, raw } = event
  const first = event.type === 'delta' ? event.first : NO_NUMBER
  const previous = event.type === 'delta' ? event.previous : NO_NUMBER
  const faults = [
    ...named(isSymbol(symbol), 'symbol', symbol),
    ...named(
      [first, last, previous].every((number) => number === NO_NUMBER || isCount(number)),
      'numbers',
      event,
    ),
    ...named(first === NO_NUMBER || first <= last, 'numbers in their order', event),
    ...named(isTime(exchangeTimeMs), 'time', exchangeTimeMs),
    ...named(checksum === undefined || Number.isSafeInteger(checksum), 'checksum', checksum),
    ...named((checksum === undefined) === (raw === undefined), 'checksum with its texts', event),
    ...named(raw === undefined || [...raw.bids, ...raw.asks].every(isRaw), 'texts of a checksum', raw),
  ]
  for (let row = event.from; row < event.to; row++) {
    if (!isRow(levels, row)) faults.push(`a row that is none: ${row} ${levels.texts.get(row)}`)
  }
  return faults.slice(0, 5)
}

function isRow(levels: Levels, row: number): boolean {
  const { isBid, priceDigits, pricePlaces, sizeDigits, sizePlaces, texts } = levels
  if (isBid[row]! > 1 || pricePlaces[row]! > PLACES_MAX || sizePlaces[row]! > PLACES_MAX) return false
  const [price, size] = [priceDigits[row]!, sizeDigits[row]!]
  if (!Number.isNaN(price + size)) {
    return (
      !texts.has(row) && Number.isSafeInteger(price) && price > 0 && Number.isSafeInteger(size) && size >= 0
    )
  }
  const [priceText, sizeText] = texts.get(row) ?? ['', '']
  return isPositiveDecimal(priceText) && DECIMAL_PATTERN.test(sizeText) && !sizeText.startsWith('-')
}

const published = {
  venue: 'binance',
  source: 'simulator',
  product: 'BTC-USDT',
  receivedAtMs: RECEIVED_AT_MS,
} as const

function brokenTrade(wire: Wire, { symbol, ...trade }: WireTrade): string[] {
  const text = encodeTrade({ ...trade, ...published, backfilled: false })
  return [
    ...named(isSymbol(symbol), 'symbol', symbol),
    ...named(Trade.safeParse(parsed(text)).success, 'trade', text),
    ...named(isTime(trade.exchangeTimeMs), 'time', trade.exchangeTimeMs),
    ...named(wire.trades?.ids === 'opaque' || isCount(Number(trade.id)), 'number of a trade', trade.id),
  ]
}

function brokenTicker({ symbol, ...ticker }: WireTicker): string[] {
  const text = encodeTicker({ ...ticker, ...published })
  return [
    ...named(isSymbol(symbol), 'symbol', symbol),
    ...named(Ticker.safeParse(parsed(text)).success, 'ticker', text),
    ...named(isTime(ticker.exchangeTimeMs), 'time', ticker.exchangeTimeMs),
  ]
}

function brokenRejection({ refusal, symbol, kind }: Rejected): string[] {
  const isAbout = symbol === undefined || isSymbol(symbol)
  const isKind = kind === undefined || FEED_KINDS.includes(kind)
  return [...brokenRefusal(refusal), ...named(isAbout && isKind, 'what was rejected', [symbol, kind])]
}

function brokenRefusal({ kind, path, message }: Refusal): string[] {
  return [
    ...named(REJECTION_KINDS.includes(kind), 'kind', kind),
    ...named(path.length <= PATH_CHARS_MAX && isOneLine(path), 'path', path.slice(0, 300)),
    ...named(isLine(message), 'message', message.slice(0, 300)),
  ]
}

function brokenTrades(wire: Wire, answer: { trades?: WireTrade[]; refusal?: Refusal }): string[] {
  if (answer.trades === undefined) return brokenRefusal(answer.refusal!)
  // They are not held against our clock before they are used.
  return answer.trades.flatMap((trade) =>
    brokenTrade(wire, { ...trade, exchangeTimeMs: sooner(trade.exchangeTimeMs) }),
  )
}

/** A listing is good for everything that is asked of the wire in its name. */
function brokenListings(wire: Wire, answer: { listings?: Listing[]; refusal?: Refusal }): string[] {
  if (answer.listings === undefined) return brokenRefusal(answer.refusal!)
  return answer.listings.flatMap(({ symbol, product, trading, unit }) => [
    ...named(isSymbol(symbol) && isOneLine(symbol), 'symbol', symbol),
    ...named(PRODUCT_PATTERN.test(product), 'product', product),
    ...named(typeof trading === 'boolean', 'trading', trading),
    ...named(unit === undefined || SIZE_UNIT_PATTERN.test(unit), 'unit', unit),
    ...named(
      addressesOf(wire, symbol).every((url) => URL.canParse(url)),
      'address',
      symbol,
    ),
    ...named(
      wire.kinds.every((kind) => wire.subscribe([{ kind, symbol }], 7).every(isJson)),
      'message',
      symbol,
    ),
  ])
}

function addressesOf({ books, trades, restUrl }: Wire, symbol: string): string[] {
  const missing = { fromId: 1, toId: 2 }
  return [
    books?.snapshot?.request(restUrl, symbol),
    trades?.backfill?.request(restUrl, symbol, missing),
  ].flatMap((request) => request?.url ?? [])
}

function brokenOpening(answer: { url?: string; pingMs?: number; refusal?: Refusal }): string[] {
  if (answer.url === undefined) return brokenRefusal(answer.refusal!)
  const { url, pingMs = 1 } = answer
  return [
    ...named(URL.canParse(url) && new URL(url).protocol === 'wss:', 'address', url),
    ...named(new URL(url).hostname.endsWith('.kucoin.com'), "a host that is not the venue's", url),
    ...named(Number.isInteger(pingMs) && pingMs > 0, 'ping', pingMs),
  ]
}

function brokenBook(answer: { book?: Parameters<typeof encodeBook>[0]; refusal?: Refusal }): string[] {
  if (answer.book === undefined) return brokenRefusal(answer.refusal!)
  const text = encodeBook(answer.book)
  return named(ProductBook.safeParse(parsed(text)).success, 'book', text.slice(0, 500))
}

function named(holds: boolean, what: string, value: unknown): string[] {
  return holds ? [] : [`${what}: ${JSON.stringify(value)}`.slice(0, 500)]
}

function isSymbol(symbol: string): boolean {
  return typeof symbol === 'string' && symbol.length >= 1 && symbol.length <= 64
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function isId(id: number | undefined): boolean {
  return id === undefined || Number.isSafeInteger(id)
}

/** They are looked up, never shown: whatever stands in them. */
function isChannels(channels: readonly string[] | undefined): boolean {
  return channels === undefined || channels.every((channel) => typeof channel === 'string')
}

function isTime(timeMs: number | null): boolean {
  if (timeMs === null) return true
  return timeMs >= TIME_MS_MIN && timeMs <= TIME_MS_MAX && timeMs - RECEIVED_AT_MS <= AHEAD_MS_MAX
}

function sooner(timeMs: number): number {
  return timeMs > TIME_MS_MAX ? timeMs : Math.min(timeMs, RECEIVED_AT_MS)
}

function isRaw(row: RawLevel): boolean {
  return isPositiveDecimal(row[0]) && DECIMAL_PATTERN.test(row[1])
}

/** It goes to logs, tables and chats. */
function isOneLine(text: string): boolean {
  return /^\P{C}*$/u.test(text)
}

function isLine(text: string): boolean {
  return text.length > 0 && text.length <= MESSAGE_CHARS_MAX && isOneLine(text)
}

function isJson(text: string): boolean {
  return parsed(text) !== undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
