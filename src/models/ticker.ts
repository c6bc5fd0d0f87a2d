import { z } from 'zod'
import { DecimalText, PositiveDecimal, Product, SizeUnit, SourceId, TimeMs, VenueId } from './scalars.ts'
import { stampedHead } from './stamped.ts'

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
  const { type, venue, source, product, exchangeTimeMs, receivedAtMs, ...rest } = ticker
  const head = `${stampedHead(type, venue, source, product)}${exchangeTimeMs},"receivedAtMs":${receivedAtMs}`
  return `${head},${JSON.stringify(rest).slice(1)}`
}
