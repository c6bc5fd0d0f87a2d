import type { Rate } from '../wire/token-bucket.ts'

/** How often each of `products` can be asked for: every `pollMs`, or as often as the rate allows. */
export function effectivePollMs(products: number, pollMs: number, rate: Rate): number {
  return Math.max(pollMs, Math.ceil((products * 1_000) / rate.perSecond))
}

/** First polls lie evenly over one interval, so that products do not stand in each other's way. */
export function firstPollMs(index: number, products: number, intervalMs: number): number {
  return (index * intervalMs) / products
}

/** The next moment of the product's own grid. Polls that a slow one has outlasted are left out, not made up for. */
export function nextPollMs(dueMs: number, nowMs: number, intervalMs: number): number {
  const missed = Math.max(0, Math.floor((nowMs - dueMs) / intervalMs))
  return dueMs + (missed + 1) * intervalMs
}
