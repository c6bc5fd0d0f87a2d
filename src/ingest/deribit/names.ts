import { z } from 'zod'
import { PRODUCT_PATTERN } from '../../models/scalars.ts'
import { readJson, schemaFault } from '../reading/reading.ts'
import { Rows, VenueSymbol } from '../reading/wire-words.ts'
import type { Listing, Wire } from '../venue.ts'

/**
 * What Deribit calls things, and what we do:
 *
 * | the venue's                 | ours                          | sizes in |
 * |-----------------------------|-------------------------------|----------|
 * | `BTC_USDC`                  | `BTC-USDC`                    | BTC      |
 * | `BTC_USDC-PERPETUAL`        | `BTC-USDC-PERP`               | BTC      |
 * | `BTC-PERPETUAL`             | `BTC-USD-PERP`                | dollars  |
 * | `BTC-24SEP21`               | `BTC-USD-24SEP21`             | dollars  |
 * | `BTC-24SEP21-8000-P`        | `BTC-USD-24SEP21-8000-P`      | BTC      |
 * | `XRP_USDC-30JUN23-0d625-C`  | `XRP-USDC-30JUN23-0.625-C`    | XRP      |
 */
export function productOf(symbol: string): string | undefined {
  const [pair, ...rest] = symbol.split('-')
  const [base, quote = 'USD', ...more] = pair!.split('_')
  if (more.length > 0) return undefined
  const parts = rest.map((part) => (part === 'PERPETUAL' ? 'PERP' : part.replace(/^(\d+)d(\d+)$/, '$1.$2')))
  const product = [base, quote, ...parts].join('-')
  return PRODUCT_PATTERN.test(product) ? product : undefined
}

/** Whether it is a future settled in its base, the sizes of which are amounts of dollars. */
export function isInverse(symbol: string): boolean {
  return /^[^-_]+-(?:PERPETUAL|\d{1,2}[A-Z]{3}\d{2})$/.test(symbol)
}

/** Combinations of several instruments, whose prices may be below zero, are left out. */
export const parseInstruments: Wire['parseListing'] = (body) => {
  const read = readJson(body)
  if ('refusal' in read) return read
  const answer = Instruments.safeParse(read.json)
  if (!answer.success) return { refusal: schemaFault(answer.error) }
  return { listings: answer.data.result.flatMap(listingOf) }
}

function listingOf(row: unknown): Listing[] {
  const read = Instrument.safeParse(row)
  const product = read.success ? productOf(read.data.instrument_name) : undefined
  if (!read.success || product === undefined) return []
  const { instrument_name: symbol, is_active: trading, kind, instrument_type, quote_currency } = read.data
  const isReversed = instrument_type === undefined ? quote_currency === 'USD' : instrument_type === 'reversed'
  const listing = { symbol, product, trading }
  return [kind === 'future' && isReversed ? { ...listing, unit: '1 USD' } : listing]
}

// The wire: https://docs.deribit.com/api-reference/market-data/public-get_instruments

const Instruments = z.object({ result: Rows })
const Instrument = z.object({
  instrument_name: VenueSymbol,
  kind: z.enum(['future', 'option', 'spot']),
  is_active: z.boolean(),
  quote_currency: z.string(),
  /** `linear` or `reversed`; it was not always there. */
  instrument_type: z.string().optional(),
})
