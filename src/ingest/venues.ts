import type { VenueId } from '../models/scalars.ts'
import { coinbase } from './coinbase.ts'
import type { Venue } from './venue.ts'

/** Every venue there is; forgetting one is a compile error. */
export const venues = { coinbase } satisfies Record<VenueId, Venue>
