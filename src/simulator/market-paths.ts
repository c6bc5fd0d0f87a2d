import type { ExchangeListing } from './exchange-listing.ts'
import type { MarketPaths } from './exchange-market.ts'
import { type PricePath, pricePath } from './price-path.ts'
import { keyOf } from './random.ts'

/** The paths of a seed: one for each currency, which all venues follow, and one for how each product differs from it. */
export function marketPaths(seed: number): { of(listing: ExchangeListing): MarketPaths } {
  const references = new Map<string, PricePath>()
  function referenceOf(base: string): PricePath {
    const known = references.get(base)
    if (known !== undefined) return known
    const path = pricePath(keyOf(`${seed}/${base}`), REFERENCE)
    references.set(base, path)
    return path
  }
  return {
    of: (listing) => ({
      reference: referenceOf(listing.base),
      basis: pricePath(keyOf(`${seed}/${listing.venue}/${listing.product}/basis`), BASIS),
    }),
  }
}

/** From a quarter of a second to six days; 50 % a year, what bitcoin does. Never beyond a sixth of its home price. */
const REFERENCE = { shortestMs: 250, lengths: 22, perRootSecond: 0.00009 }
/** From a second to half an hour; a basis point either way, and never more than six. */
const BASIS = { shortestMs: 1_000, lengths: 11, perRootSecond: 0.000005 }
