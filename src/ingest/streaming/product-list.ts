import { EngineError } from '../../models/engine-error.ts'
import { isDerivative, matchesPattern } from '../../models/patterns.ts'
import { FEED_KINDS, type FeedKind } from '../../models/topics.ts'
import type { Listing, Wire } from '../venue.ts'

/** A wire as it is used: from these addresses, for these kinds. */
export type WireUse = {
  readonly wire: Wire
  readonly restUrl: string
  readonly socketUrl: string
  readonly kinds: readonly FeedKind[]
}

/** What is taken from one wire. */
export type Share = { readonly use: WireUse; readonly wanted: readonly Wanted[] }
export type Wanted = { readonly listing: Listing; readonly kinds: readonly FeedKind[] }

/** Patterns that a wire's list can have an answer to. */
export function patternsFor(wire: Wire, patterns: readonly string[]): string[] {
  return patterns.filter((pattern) => {
    const shape = isDerivative(pattern) ? 'derivatives' : 'spot'
    return wire.lists === 'both' || wire.lists === shape
  })
}

/**
 * Which wire each kind of each wanted product comes from: the first that carries the kind and lists the product. A pattern
 * with `*` finds what is traded now; a product that is named is taken whether it is or not.
 */
export function shareOut(
  lists: readonly { readonly use: WireUse; readonly listings: readonly Listing[] }[],
  patterns: readonly string[],
): { readonly shares: readonly Share[]; readonly unknown: readonly string[] } {
  const taken = new Set<string>()
  const found = new Set<string>()
  const shares = lists.map(({ use, listings }) => {
    const own = patternsFor(use.wire, patterns)
    const wanted = listings.flatMap((listing): Wanted[] => {
      const matching = own.filter((pattern) => isWanted(pattern, listing))
      for (const pattern of matching) found.add(pattern)
      if (matching.length === 0) return []
      const kinds = FEED_KINDS.filter(
        (kind) => use.kinds.includes(kind) && !taken.has(`${kind} ${listing.product}`),
      )
      for (const kind of kinds) taken.add(`${kind} ${listing.product}`)
      return kinds.length === 0 ? [] : [{ listing, kinds }]
    })
    return { use, wanted }
  })
  return { shares, unknown: patterns.filter((pattern) => !found.has(pattern)) }
}

function isWanted(pattern: string, listing: Listing): boolean {
  return matchesPattern(pattern, listing.product) && (listing.trading || !pattern.includes('*'))
}

/** Nothing that was asked for is to be had. */
export function nothingToWatch(venue: string, patterns: readonly string[]): EngineError {
  return new EngineError('venue-refused', `${venue} lists nothing that matches ${patterns.join(', ')}`, {
    hint: 'Check the products in VENUES against those the venue lists.',
  })
}
