import { z } from 'zod'
import { decimalOf, formatDecimal, isPositiveDecimal, multiply } from '../../models/decimal.ts'
import type { Refusal } from '../../models/rejection.ts'
import { SIZE_UNIT_PATTERN } from '../../models/scalars.ts'
import { futureFault, onOneLine, readJson, rejected, schemaFault, wrongShape } from '../reading/reading.ts'
import { addRows, Count, productOf, Rows, VenueSymbol, WireTimeMs } from '../reading/wire-words.ts'
import type { BookSnapshot, FrameAbout, Listing, Rejected, TradeRules, Wire, WireTrade } from '../venue.ts'
import { tradeOf } from './frames.ts'

/** What OKX answers over HTTP. Every answer is `{"code":"0","msg":"","data":[...]}`, every no has another code. */

export function parseListing(body: Uint8Array): ReturnType<Wire['parseListing']> {
  const answer = answerOf(body)
  if ('refusal' in answer) return answer
  return { listings: answer.rows.flatMap((row) => listingOf(row) ?? []) }
}

function listingOf(row: unknown): Listing | undefined {
  const { data: instrument } = Instrument.safeParse(row)
  if (instrument === undefined) return undefined
  const product = productName(instrument)
  if (product === undefined) return undefined
  const common = { symbol: instrument.instId, product, trading: instrument.state === 'live' }
  if (instrument.instType === 'SPOT') return common
  const unit = contractOf(instrument)
  return unit === undefined ? undefined : { ...common, unit }
}

/** `BTC-USDT` of spot, `BTC-USDT-PERP` of `BTC-USDT-SWAP`, `BTC-USD-27MAY22` of `BTC-USD-220527`, `BTC-USD-UM-PERP` of `BTC-USD_UM-SWAP`. */
function productName({ instType, instId, baseCcy = '', quoteCcy = '' }: Instrument): string | undefined {
  if (instType === 'SPOT') return productOf(baseCcy, quoteCcy)
  const [base = '', quote = '', last = '', more] = instId.split('-')
  const term = instType === 'SWAP' ? (last === 'SWAP' ? 'PERP' : undefined) : termOf(last)
  return term === undefined || more !== undefined ? undefined : productOf(base, ...quote.split('_'), term)
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']

/** `3JUN22` of `220603` */
function termOf(text: string): string | undefined {
  const [, year, month, day] = /^(\d\d)(\d\d)(\d\d)$/.exec(text) ?? []
  const name = MONTHS[Number(month) - 1]
  return name && `${Number(day)}${name}${year}`
}

/** What one contract stands for, such as `0.01 BTC` or `100 USD`; without that its sizes say nothing. */
function contractOf({ ctVal = '', ctMult, ctValCcy = '' }: Instrument): string | undefined {
  const multiple = ctMult === undefined || ctMult === '' ? '1' : ctMult
  if (!isPositiveDecimal(ctVal) || !isPositiveDecimal(multiple)) return undefined
  const unit = `${formatDecimal(multiply(decimalOf(ctVal), decimalOf(multiple)))} ${ctValCcy}`
  return SIZE_UNIT_PATTERN.test(unit) ? unit : undefined
}

/** The best 400 levels a side. */
export function parseSnapshot(
  body: Uint8Array,
  { levels, receivedAtMs, symbol }: FrameAbout & { readonly symbol: string },
): BookSnapshot | Rejected {
  levels.reset()
  const refuse = (refusal: Refusal) => {
    levels.reset()
    return rejected(refusal, { symbol, kind: 'books' })
  }
  const answer = answerOf(body)
  if ('refusal' in answer) return refuse(answer.refusal)
  const { data: book, error } = Snapshot.safeParse(answer.rows[0])
  if (error !== undefined) return refuse(schemaFault(error, ['data', 0]))
  const fault =
    addRows(levels, 'ask', book.asks, ['data', 0, 'asks']) ??
    addRows(levels, 'bid', book.bids, ['data', 0, 'bids']) ??
    futureFault(book.ts, receivedAtMs, ['data', 0, 'ts'])
  if (fault !== undefined) return refuse(fault)
  const range = { from: 0, to: levels.length }
  return { type: 'snapshot', symbol, last: book.seqId, exchangeTimeMs: book.ts, whole: false, ...range }
}

/** A page of single fills, the latest first. */
export function parseTrades(
  body: Uint8Array,
  symbol: string,
): ReturnType<NonNullable<TradeRules['backfill']>['parse']> {
  const answer = answerOf(body)
  if ('refusal' in answer) return answer
  const trades: WireTrade[] = []
  for (const [i, row] of answer.rows.entries()) {
    const trade = tradeOf(row, symbol)
    if ('error' in trade) return { refusal: schemaFault(trade.error, ['data', i]) }
    trades.push(trade)
  }
  return { trades: trades.reverse() }
}

function answerOf(body: Uint8Array): { readonly rows: readonly unknown[] } | { readonly refusal: Refusal } {
  const read = readJson(body)
  if ('refusal' in read) return read
  const { data, error } = Answer.safeParse(read.json)
  if (error !== undefined) return { refusal: schemaFault(error) }
  if (data.code === '0' && data.data !== undefined) return { rows: data.data }
  return {
    refusal: wrongShape(['code'], onOneLine(`the venue says ${data.code}: ${data.msg || 'nothing more'}`)),
  }
}

// The wire: https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments, .../#order-book-trading-market-data-get-order-book
// and .../#order-book-trading-market-data-get-trades-history

const Answer = z.object({
  code: z.string(),
  msg: z.string().optional(),
  data: z.array(z.unknown()).optional(),
})

/** Of derivatives the currencies are empty texts, of spot the contract's fields. */
const Instrument = z.object({
  instType: z.enum(['SPOT', 'SWAP', 'FUTURES']),
  instId: VenueSymbol,
  baseCcy: z.string().optional(),
  quoteCcy: z.string().optional(),
  ctVal: z.string().optional(),
  ctMult: z.string().optional(),
  ctValCcy: z.string().optional(),
  state: z.string(),
})
type Instrument = z.infer<typeof Instrument>

const Snapshot = z.object({ asks: Rows, bids: Rows, ts: WireTimeMs, seqId: Count })
