import { z } from 'zod'
import type { Refusal } from '../../models/rejection.ts'
import { PRODUCT_PATTERN, TimeMs } from '../../models/scalars.ts'
import type { Levels } from '../levels.ts'
import { futureFault, readJson, rejected, schemaFault } from '../reading/reading.ts'
import { Rows, VenueSymbol } from '../reading/wire-words.ts'
import type { BookRules, BookSnapshot, Listing, TradeRules, Wire, WireTrade } from '../venue.ts'
import { aggTrade, PlainAggTrade, rowFault } from './frames.ts'
import { type DepthForm, scanSnapshot } from './scan.ts'

/** What Binance answers when it is asked: books, trades that were missed, lists of products. */

type Snapshots = NonNullable<BookRules['snapshot']>
type Backfill = NonNullable<TradeRules['backfill']>

/**
 * A book that was asked for. A side with as many levels as may be asked for (`depths`) is full, and nobody says what lies
 * behind its last row; a book with no full side is all there is.
 */
export function parseDepth(form: DepthForm, depths: readonly number[]): Snapshots['parse'] {
  return (body, about) => {
    const { levels, symbol } = about
    const book = scanSnapshot(body, levels, form) ?? readDepth(body, form, levels)
    if ('refusal' in book) return rejected(book.refusal, { symbol, kind: 'books' })
    const timeMs = book.exchangeTimeMs
    const fault = timeMs === null ? undefined : futureFault(timeMs, about.receivedAtMs, ['E'])
    if (fault === undefined) {
      const whole = sidesOf(book, levels).every((rows) => !depths.includes(rows))
      return { ...book, symbol, whole }
    }
    levels.cutBack(book.from)
    return rejected(fault, { symbol, kind: 'books' })
  }
}

type ReadBook = Omit<BookSnapshot, 'symbol' | 'whole'>

function readDepth(
  body: Uint8Array,
  form: DepthForm,
  levels: Levels,
): ReadBook | { readonly refusal: Refusal } {
  const read = readJson(body)
  if ('refusal' in read) return read
  const book = (form === 'futures' ? FuturesDepth : Depth).safeParse(read.json)
  if (!book.success) return { refusal: schemaFault(book.error) }
  const from = levels.length
  const refusal =
    rowFault(levels, 'bid', book.data.bids, ['bids']) ?? rowFault(levels, 'ask', book.data.asks, ['asks'])
  if (refusal === undefined) {
    const { lastUpdateId: last, E: exchangeTimeMs } = book.data
    return { type: 'snapshot', last, exchangeTimeMs, from, to: levels.length }
  }
  levels.cutBack(from)
  return { refusal }
}

function sidesOf({ from, to }: ReadBook, { isBid }: Levels): [bids: number, asks: number] {
  let bids = 0
  for (let row = from; row < to; row++) bids += isBid[row]!
  return [bids, to - from - bids]
}

export const parseAggTrades: Backfill['parse'] = (body, symbol) => {
  const read = readJson(body)
  if ('refusal' in read) return read
  const page = Rows.safeParse(read.json)
  if (!page.success) return { refusal: schemaFault(page.error) }
  const trades: WireTrade[] = []
  for (const [i, row] of page.data.entries()) {
    if (TakenBack.safeParse(row).success) continue
    const trade = PlainAggTrade.safeParse(row)
    if (!trade.success) return { refusal: schemaFault(trade.error, [i]) }
    trades.push(aggTrade(trade.data, symbol))
  }
  return { trades }
}

/** The list of spot products. */
export const parseSpotListing: Wire['parseListing'] = (body) =>
  listingsOf(body, SpotRow, ({ baseAsset, quoteAsset }) => `${baseAsset}-${quoteAsset}`)

/** The list of futures: those without an end, and `BTCUSDT_250627`, which ends on June 27. */
export const parseFuturesListing: Wire['parseListing'] = (body) =>
  listingsOf(body, FuturesRow, ({ symbol, contractType, baseAsset, quoteAsset }) => {
    const end = contractType.endsWith('PERPETUAL') ? 'PERP' : lastDay(symbol)
    return `${baseAsset}-${quoteAsset}-${end}`
  })

/** A row that cannot be read, or whose product has no name of ours, is left out. */
function listingsOf<Row extends { readonly symbol: string; readonly status: string }>(
  body: Uint8Array,
  schema: z.ZodType<Row>,
  nameOf: (row: Row) => string,
): ReturnType<Wire['parseListing']> {
  const read = readJson(body)
  if ('refusal' in read) return read
  const info = ExchangeInfo.safeParse(read.json)
  if (!info.success) return { refusal: schemaFault(info.error) }
  const listings = info.data.symbols.flatMap((item): Listing[] => {
    const row = schema.safeParse(item)
    if (!row.success) return []
    const product = nameOf(row.data)
    const { symbol, status } = row.data
    return PRODUCT_PATTERN.test(product) ? [{ symbol, product, trading: status === 'TRADING' }] : []
  })
  return { listings }
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']

/** `27JUN25` of `BTCUSDT_250627`; nothing where a name has no such end. */
function lastDay(symbol: string): string {
  const [, year, month, day] = /_(\d{2})(\d{2})(\d{2})$/.exec(symbol) ?? []
  const name = MONTHS[Number(month) - 1]
  return name === undefined ? '' : `${Number(day)}${name}${year}`
}

// The wire: https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md and, for futures,
// https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api.

const depth = { lastUpdateId: z.int().nonnegative(), bids: Rows, asks: Rows }
const Depth = z.object(depth).transform((book) => ({ ...book, E: null }))
/** `E` is when it was sent, `T` when the book changed. */
const FuturesDepth = z.object({ ...depth, E: TimeMs, T: z.int().nonnegative() })

/** Now and then an id has been taken back: price and size are then 0, and it stands for no fills. */
const TakenBack = z.object({ a: z.int().nonnegative(), f: z.literal(-1), l: z.literal(-1) })

const ExchangeInfo = z.object({ symbols: Rows })
const SpotRow = z.object({
  symbol: VenueSymbol,
  status: z.string(),
  baseAsset: z.string(),
  quoteAsset: z.string(),
})
const FuturesRow = SpotRow.extend({ contractType: z.string() })
