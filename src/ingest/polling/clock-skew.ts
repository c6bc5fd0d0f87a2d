/**
 * How far a venue's clock stands from ours: the venue's stamp of a body minus the middle of the request that brought it.
 * One answer says little (the way out and back are not equally long, and a venue may stamp when the book last moved), so it
 * is the median of the last hundred.
 */
export type ClockSkew = {
  /** Differences in milliseconds, the oldest first. */
  readonly samplesMs: readonly number[]
  /** The skew was beyond `SKEW_MS_MAX` once: whoever is to be told has been. */
  readonly isTold: boolean
}

/** Some minutes of one product: enough for a steady median, few enough to follow a clock that is set right. */
export const SAMPLES_MAX = 100
/** Fewer answers than this are no reason to warn anybody. */
export const SAMPLES_MIN = 10
/** Windows are complete two seconds after their end; a clock further off than that makes them wrong. */
export const SKEW_MS_MAX = 2_000

export const NO_SKEW: ClockSkew = { samplesMs: [], isTold: false }

/** One more answer. `warn` is true once in the life of a run: when the median first stands beyond `SKEW_MS_MAX`. */
export function withAnswer(
  skew: ClockSkew,
  answer: { readonly exchangeTimeMs: number; readonly askedAtMs: number; readonly receivedAtMs: number },
): { readonly skew: ClockSkew; readonly warn: boolean } {
  const { exchangeTimeMs, askedAtMs, receivedAtMs } = answer
  const sampleMs = exchangeTimeMs - (askedAtMs + receivedAtMs) / 2
  const samplesMs = [...skew.samplesMs.slice(1 - SAMPLES_MAX), sampleMs]
  const medianMs = skewMs({ samplesMs })
  const isBeyond = samplesMs.length >= SAMPLES_MIN && medianMs !== null && Math.abs(medianMs) > SKEW_MS_MAX
  return { skew: { samplesMs, isTold: skew.isTold || isBeyond }, warn: isBeyond && !skew.isTold }
}

/** Milliseconds the venue's clock is ahead of ours (behind: below zero), rounded; null before the first answer. */
export function skewMs({ samplesMs }: Pick<ClockSkew, 'samplesMs'>): number | null {
  if (samplesMs.length === 0) return null
  const sorted = [...samplesMs].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const medianMs = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return Math.round(medianMs) + 0
}

/** `2.5 s ahead of ours`, `310.0 s behind ours` */
export function skewText(ms: number): string {
  return `${(Math.abs(ms) / 1_000).toFixed(1)} s ${ms < 0 ? 'behind' : 'ahead of'} ours`
}
