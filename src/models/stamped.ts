import type { SourceId, VenueId } from './scalars.ts'

/**
 * What every trade, or every ticker, of one feed begins with: venue, source and product, up to the value of
 * `exchangeTimeMs`; `"receivedAtMs"` comes next. So a reader knows whose it is and when without reading on.
 */
export function stampedHead(
  type: 'trade' | 'ticker',
  venue: VenueId,
  source: SourceId,
  product: string,
): string {
  return `{"type":"${type}","venue":"${venue}","source":"${source}","product":"${product}","exchangeTimeMs":`
}

/** How records end that may have a unit of their sizes. */
export function encodeUnit(unit: string | undefined): string {
  return unit === undefined ? '' : `,"unit":"${unit}"`
}
