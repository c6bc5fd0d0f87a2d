import type { ExchangeListing } from './exchange-listing.ts'
import type { MarketPaths } from './exchange-market.ts'
import { type PathShape, type PricePath, pathsOf } from './price-path.ts'
import { keyOf } from './random.ts'

/** The paths of a seed: one for each currency, which all venues follow, and one for how each product differs from it. */
export function marketPaths(seed: number): { of(listing: ExchangeListing): MarketPaths } {
  const references = new Map<string, PricePath>()
  function referenceOf(base: string): PricePath {
    const known = references.get(base)
    if (known !== undefined) return known
    const path = referencePath(keyOf(`${seed}/${base}`))
    references.set(base, path)
    return path
  }
  return {
    of: (listing) => ({
      reference: referenceOf(listing.base),
      basis: basisPath(keyOf(`${seed}/${listing.venue}/${listing.product}/basis`)),
    }),
  }
}

/** From a quarter of a second to six days; 50 % a year, what bitcoin does. Never beyond a sixth of its home price. */
const REFERENCE: PathShape = { shortestMs: 250, lengths: 22, perRootSecond: 0.00009 }
/** From a second to half an hour; a basis point either way, and never more than six. */
const BASIS: PathShape = { shortestMs: 1_000, lengths: 11, perRootSecond: 0.000005 }

const referencePath = pathsOf(REFERENCE)
const basisPath = pathsOf(BASIS)
