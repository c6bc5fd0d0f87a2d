import type { VenueId } from '../models/scalars.ts'
import { binance } from './binance.ts'
import { coinbase } from './coinbase.ts'
import { deribit } from './deribit.ts'
import { kucoin } from './kucoin.ts'
import { okx } from './okx.ts'
import type { Venue } from './venue.ts'

/** Every venue there is; forgetting one is a compile error. */
export const venues = { coinbase, binance, kucoin, okx, deribit } satisfies Record<VenueId, Venue>
