import type { SourceId, VenueId } from '../models/scalars.ts'

const OWN_HOSTS: Record<VenueId, string> = { coinbase: 'api.exchange.coinbase.com' }

/** Who writes what comes from `baseUrl`: the venue, only over TLS from its own host; anything else is a simulator. */
export function sourceOf(venue: VenueId, baseUrl: string): SourceId {
  const { protocol, hostname } = new URL(baseUrl)
  return protocol === 'https:' && hostname === OWN_HOSTS[venue] ? venue : 'simulator'
}
