import { z } from 'zod'
import { DecimalText, PositiveDecimal, Product, SizeUnit, SourceId, TimeMs, VenueId } from './scalars.ts'
import { encodeUnit, stampedHead } from './stamped.ts'

/** A size that may be nothing: a day without trades, an empty side. */
const Amount = DecimalText.refine((text) => !text.startsWith('-'), 'expected a number not below zero')

/**
 * What a venue says of a product in short, as it travels on `tickers.<venue>`. `last` is a traded price. What a venue does
 * not say is null; whatever stands under `day` is of its last 24 hours.
 */
export const Ticker = z.object({
  type: z.literal('ticker'),
  venue: VenueId,
  source: SourceId,
  product: Product,
  exchangeTimeMs: TimeMs.nullable(),
  receivedAtMs: TimeMs,
  sequence: z.int().nonnegative().nullable(),
  last: PositiveDecimal.nullable(),
  lastSize: Amount.nullable(),
  bid: PositiveDecimal.nullable(),
  bidSize: Amount.nullable(),
  ask: PositiveDecimal.nullable(),
  askSize: Amount.nullable(),
  day: z
    .object({
      open: PositiveDecimal.nullable(),
      high: PositiveDecimal.nullable(),
      low: PositiveDecimal.nullable(),
      /** In the product's base, or in `unit` where there is one. */
      volume: Amount.nullable(),
      /** In the product's quote. */
      quoteVolume: Amount.nullable(),
    })
    .nullable(),
  unit: SizeUnit.optional(),
})
export type Ticker = z.infer<typeof Ticker>

/** The JSON text of a ticker, in the one order of fields that readers pass over fast: whose it is and when, then the rest. */
export function encodeTicker(ticker: Ticker): string {
  const { type, venue, source, product, receivedAtMs, unit } = ticker
  return tickerText(stampedHead(type, venue, source, product), ticker, { receivedAtMs, unit })
}

/** What a venue says in a ticker. */
export type TickerNews = Omit<Ticker, 'type' | 'venue' | 'source' | 'product' | 'receivedAtMs' | 'unit'>

/** The same for whoever keeps the head of a feed (`stampedHead`) and has many tickers of it. */
export function tickerText(
  head: string,
  news: TickerNews,
  { receivedAtMs, unit }: Pick<Ticker, 'receivedAtMs' | 'unit'>,
): string {
  return (
    `${head}${news.exchangeTimeMs},"receivedAtMs":${receivedAtMs},"sequence":${news.sequence}` +
    `,"last":${orNull(news.last)},"lastSize":${orNull(news.lastSize)}` +
    `,"bid":${orNull(news.bid)},"bidSize":${orNull(news.bidSize)}` +
    `,"ask":${orNull(news.ask)},"askSize":${orNull(news.askSize)}` +
    `,"day":${dayText(news.day)}${encodeUnit(unit)}}`
  )
}

function dayText(day: Ticker['day']): string {
  if (day === null) return 'null'
  return (
    `{"open":${orNull(day.open)},"high":${orNull(day.high)},"low":${orNull(day.low)}` +
    `,"volume":${orNull(day.volume)},"quoteVolume":${orNull(day.quoteVolume)}}`
  )
}

function orNull(decimal: string | null): string {
  return decimal === null ? 'null' : `"${decimal}"`
}
