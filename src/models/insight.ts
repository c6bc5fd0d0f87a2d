import { z } from 'zod'
import { SourceId, TimeMs, VenueId } from './scalars.ts'

/**
 * One answer of one insight about one feed. `slot` is the scheduled moment it belongs to (the moment itself where a
 * person asked), so that two schedulers answering the same slot make one row.
 */
export const InsightResult = z.object({
  type: z.literal('insight'),
  insight: z.string().min(1).max(100),
  venue: VenueId,
  source: SourceId,
  product: z.string(),
  slotMs: TimeMs,
  computedAtMs: TimeMs,
  fromMs: TimeMs.nullable(),
  toMs: TimeMs.nullable(),
  /** Decimals as strings; statistics as numbers. */
  result: z.record(z.string(), z.json()),
})
export type InsightResult = z.infer<typeof InsightResult>
