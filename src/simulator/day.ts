import { DAY_MS, MINUTE_MS } from '../models/time.ts'
import type { ExchangeMarket } from './exchange-market.ts'

/** The last 24 hours of a product, in units. */
export type Day = {
  readonly openUnits: number
  readonly highUnits: number
  readonly lowUnits: number
  readonly volumeUnits: number
  /** In units of the price. */
  readonly quoteVolumeUnits: number
}

/**
 * What tickers say of a day. Open is the mid of a day ago; high and low are those of `LOOKS` moments since, looked at anew
 * every ten minutes, and of the last price; volumes are what the trades of a day come to on average.
 */
export function dayOf(market: ExchangeMarket, nowMs: number, lastUnits: number): Day {
  const { openUnits, highUnits, lowUnits } = rangeOf(market, Math.floor(nowMs / RANGE_MS))
  const { sizePlaces } = market.listing
  const volumeUnits = market.dayVolumeUnits
  return {
    openUnits,
    highUnits: Math.max(highUnits, lastUnits),
    lowUnits: Math.min(lowUnits, lastUnits),
    volumeUnits,
    quoteVolumeUnits: Math.round((volumeUnits / 10 ** sizePlaces) * openUnits),
  }
}

type Range = { readonly slot: number } & Pick<Day, 'openUnits' | 'highUnits' | 'lowUnits'>

const ranges = new WeakMap<ExchangeMarket, Range>()

function rangeOf(market: ExchangeMarket, slot: number): Range {
  const known = ranges.get(market)
  if (known?.slot === slot) return known
  const { tickUnits } = market.listing
  const fromMs = slot * RANGE_MS - DAY_MS
  const mids = Array.from({ length: LOOKS }, (_, look) => {
    const mid = market.midAt(fromMs + (look * DAY_MS) / LOOKS)
    return Math.round(mid / tickUnits) * tickUnits
  })
  const range = { slot, openUnits: mids[0]!, highUnits: Math.max(...mids), lowUnits: Math.min(...mids) }
  ranges.set(market, range)
  return range
}

const RANGE_MS = 10 * MINUTE_MS
const LOOKS = 48
