import { VENUES, type VenueId } from '../models/scalars.ts'
import type { SimRequest } from './exchange.ts'

const ADDRESS = new RegExp(`^(.*?)/(${VENUES.join('|')})/([\\w-]+)(/.*)?$`)

/** Whom an address means: `/binance/spot/api/v3/depth?symbol=BTCUSDT` behind whatever base. Undefined: nobody. */
export function placeOf(method: string, text: string): { venue: VenueId; request: SimRequest } | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const parts = ADDRESS.exec(url.pathname)
  if (parts === null) return undefined
  const [, before, venue, wire, path] = parts as unknown as [
    string,
    string,
    VenueId,
    string,
    string | undefined,
  ]
  const origin = `${url.protocol}//${url.host}${before}`
  return { venue, request: { method, wire, path: path ?? '', query: url.searchParams, origin } }
}
