import { type Listing, listingOf, type MadeTick, type Market, tickAt } from './made-market.ts'

/** The ticks of a market received after one moment and up to another, in the order of their times. */
export type Timeline = (afterMs: number, upToMs: number) => MadeTick[]

/** All products of a market in one line, from a slot on. Keeps the last slot it was asked for: live, it is asked often. */
export function timelineOf(market: Market, firstSlot: number): Timeline {
  const listings = market.products.map((product) => listingOf(market.seed, product))
  let kept: { slot: number; ticks: MadeTick[] } | undefined

  function ticksOf(slot: number): MadeTick[] {
    if (kept?.slot !== slot) kept = { slot, ticks: ticksInOrder(market, listings, slot) }
    return kept.ticks
  }

  return (afterMs, upToMs) => {
    const ticks: MadeTick[] = []
    const lastSlot = Math.floor(upToMs / market.intervalMs)
    for (let slot = Math.max(firstSlot, Math.floor(afterMs / market.intervalMs)); slot <= lastSlot; slot++) {
      for (const tick of ticksOf(slot)) {
        if (tick.receivedAtMs > afterMs && tick.receivedAtMs <= upToMs) ticks.push(tick)
      }
    }
    return ticks
  }
}

function ticksInOrder(market: Market, listings: readonly Listing[], slot: number): MadeTick[] {
  const ticks = listings.map((listing) => tickAt(market, listing, slot))
  return ticks.sort((a, b) => a.exchangeTimeMs - b.exchangeTimeMs)
}

const BATCH_TICKS = 1_000 // a publish of 2 MB: long enough to make one fsync cheap, short enough to stop within
const LIVE_STEP_MS = 100 // live ticks wait at most so long for company
const MARK_MS = 1_000 // a live market says once a second that it is watched, ticks or none

/**
 * Up to where the next publish goes. The past is cut at fixed moments of market time, whoever makes it and whenever, so
 * that a killed and continued history is cut like one never killed. Live, a publish waits for the next tick, at most a second.
 */
export function batchEnd(
  market: Market,
  timeline: Timeline,
  { upToMs, endMs, nowMs }: { upToMs: number; endMs: number; nowMs: number },
): number {
  const batchMs = batchLength(market)
  const cutMs = (Math.floor(upToMs / batchMs) + 1) * batchMs
  const historyEndMs = Math.min(cutMs, endMs)
  if (historyEndMs <= nowMs) return historyEndMs
  const secondMs = Math.floor(nowMs / MARK_MS) * MARK_MS
  if (secondMs > upToMs + MARK_MS) return secondMs
  return Math.min(liveEnd(timeline, upToMs), endMs)
}

function liveEnd(timeline: Timeline, upToMs: number): number {
  const markMs = (Math.floor(upToMs / MARK_MS) + 1) * MARK_MS
  const next = timeline(upToMs, markMs)[0]
  return next === undefined ? markMs : Math.ceil(next.receivedAtMs / LIVE_STEP_MS) * LIVE_STEP_MS
}

/** Whole slots while a thousand ticks hold one; a share of a slot where there are more products than that. */
function batchLength({ intervalMs, products }: Market): number {
  const slots = BATCH_TICKS / products.length
  return slots >= 1 ? Math.floor(slots) * intervalMs : Math.max(1, Math.floor(slots * intervalMs))
}
