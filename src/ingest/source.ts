import type { SourceId } from '../models/scalars.ts'
import type { Venue } from './venue.ts'

/** Who writes what comes from `url`: the venue, only over TLS from a host of its own; anything else is a simulator. */
export function sourceOf(venue: Venue, url: string): SourceId {
  const { protocol, hostname } = new URL(url)
  const isOwn = (protocol === 'https:' || protocol === 'wss:') && venue.hosts.includes(hostname)
  return isOwn ? venue.id : 'simulator'
}
