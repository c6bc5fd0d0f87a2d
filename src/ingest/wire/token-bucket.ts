/** How fast requests may leave: so many a second in the long run, at most `burst` at one moment. */
export type Rate = { readonly perSecond: number; readonly burst: number }

/** Tokens left at a moment. Below zero: places already promised to those who wait. */
export type Bucket = { readonly tokens: number; readonly atMs: number }

export function fullBucket(rate: Rate, nowMs: number): Bucket {
  return { tokens: rate.burst, atMs: nowMs }
}

/**
 * Takes one token, or `weight` of them. `waitMs` is how long the taker must wait before it acts: places are given in the
 * order of asking. Times are of a clock that never jumps.
 */
export function takeToken(
  bucket: Bucket,
  nowMs: number,
  rate: Rate,
  weight = 1,
): { readonly bucket: Bucket; readonly waitMs: number } {
  const refilled = bucket.tokens + ((nowMs - bucket.atMs) * rate.perSecond) / 1_000
  const tokens = Math.min(rate.burst, refilled) - weight
  const waitMs = tokens >= 0 ? 0 : Math.ceil((-tokens * 1_000) / rate.perSecond)
  return { bucket: { tokens, atMs: nowMs }, waitMs }
}
