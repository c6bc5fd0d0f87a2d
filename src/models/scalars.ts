import { z } from 'zod'
import { DECIMAL_PATTERN } from './decimal.ts'

/** The small words every record is made of. */

/** Milliseconds since 1970, UTC. Before 2010 there was no market of ours to stamp anything, after 2100 no clock is right. */
export const TIME_MS_MIN = Date.UTC(2010, 0, 1)
export const TIME_MS_MAX = Date.UTC(2100, 0, 1)
export const TimeMs = z.int().min(TIME_MS_MIN).max(TIME_MS_MAX)

/** A decimal worth more than nothing, as the venue wrote it: exact text, never a float. */
export const PositiveDecimal = z
  .string()
  .regex(DECIMAL_PATTERN, 'expected a plain decimal of at most 20 digits and 18 places')
  .refine((text) => !text.startsWith('-') && /[1-9]/.test(text), 'expected a number above zero')

/** A decimal of either sign in plain notation. */
export const DecimalText = z.string().regex(DECIMAL_PATTERN)

/**
 * What is traded, BASE-QUOTE, true to the venue's quote (USD is not USDT). A derivative says what it is behind that:
 * `BTC-USD-PERP`, `BTC-USD-27JUN25`, `BTC-USD-24SEP21-8000-P`. Some venues list names that are not Latin.
 */
export const PRODUCT_PATTERN = /^[A-Z0-9\p{Lo}]{1,20}-[A-Z0-9\p{Lo}]{1,20}(?:-[A-Z0-9.]{1,20}){0,3}$/u
export const Product = z.string().regex(PRODUCT_PATTERN, 'expected BASE-QUOTE, such as BTC-USD')
export type Product = z.infer<typeof Product>

/** Where markets are. A venue is one file under src/ingest; the compiler asks for it when a name is added here. */
export const VENUES = ['coinbase', 'binance', 'kucoin', 'okx', 'deribit'] as const
export const VenueId = z.enum(VENUES)
export type VenueId = z.infer<typeof VenueId>

/** Who wrote a record: a venue's own name only if it came from the venue's own host; made data says what made it. */
export const SourceId = z.enum([...VENUES, 'mock', 'simulator'])
export type SourceId = z.infer<typeof SourceId>

/** One run of one producer, unique for ever; with `n` it names a record however often it was sent. */
export const RunId = z.string().min(1).max(120)

/**
 * What one unit of size stands for where it is not one BASE: `1 USD` (sizes are amounts of dollars), `0.01 BTC` (sizes are
 * contracts of that much). Absent on a record: sizes are in the product's base.
 */
export const SIZE_UNIT_PATTERN = /^\d{1,20}(?:\.\d{1,18})? [A-Z0-9]{1,20}$/
export const SizeUnit = z.string().regex(SIZE_UNIT_PATTERN, 'expected such as "0.01 BTC"')
export type SizeUnit = z.infer<typeof SizeUnit>
