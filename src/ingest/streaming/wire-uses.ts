import type { SourceId } from '../../models/scalars.ts'
import type { FeedKind } from '../../models/topics.ts'
import { sourceOf } from '../source.ts'
import type { Venue, Wire } from '../venue.ts'
import type { WireUse } from './product-list.ts'

/** How Coinbase's books are had: polled, or from one of its two wires. Exactly one feeds the topic. */
export type CoinbaseBooks = 'rest' | 'level2_batch' | 'advanced'
const COINBASE_WIRES: Record<CoinbaseBooks, string | undefined> = {
  rest: undefined,
  level2_batch: 'exchange',
  advanced: 'advanced',
}

export type UsesAbout = {
  readonly kinds: readonly FeedKind[]
  readonly coinbaseBooks: CoinbaseBooks
  /** Where all venues are simulated; undefined: each is asked at its own home. */
  readonly simulatorUrl: string | undefined
}

/** Which of a venue's wires are used, from where and for what. */
export function usesOf(venue: Venue, about: UsesAbout): WireUse[] {
  return venue.wires.flatMap((wire) => {
    const kinds = about.kinds.filter((kind) => wire.kinds.includes(kind) && carries(venue, wire, kind, about))
    return kinds.length === 0 ? [] : [{ wire, kinds, ...addressesOf(venue, wire, about.simulatorUrl) }]
  })
}

function carries(venue: Venue, wire: Wire, kind: FeedKind, { coinbaseBooks }: UsesAbout): boolean {
  return venue.id !== 'coinbase' || kind !== 'books' || COINBASE_WIRES[coinbaseBooks] === wire.name
}

/** Below a simulator every wire has an address of its own, for sockets and requests. */
export function addressesOf(
  venue: Venue,
  wire: Wire,
  simulatorUrl: string | undefined,
): { restUrl: string; socketUrl: string } {
  if (simulatorUrl === undefined) return { restUrl: wire.restUrl, socketUrl: wire.socketUrl }
  const restUrl = `${simulatorUrl.replace(/\/$/, '')}/${venue.id}/${wire.name}`
  return { restUrl, socketUrl: restUrl.replace(/^http/, 'ws') }
}

/** Who writes what comes over these wires: the venue, where every one of them is at home. */
export function sourceOfUses(venue: Venue, uses: readonly WireUse[]): SourceId {
  const sources = uses.flatMap(({ restUrl, socketUrl }) => [
    sourceOf(venue, restUrl),
    sourceOf(venue, socketUrl),
  ])
  return sources.every((source) => source === venue.id) ? venue.id : 'simulator'
}
