import { z } from 'zod'
import { SourceId, TimeMs, VENUES } from './scalars.ts'

/** The venue an answer is about; `all` where it compares venues. */
export const InsightVenue = z.enum([...VENUES, 'all'])
export type InsightVenue = z.infer<typeof InsightVenue>

/** What an answer is made from; `live` where that is several venues' own words. Never of both made and live data. */
export const InsightSource = SourceId.or(z.literal('live'))
export type InsightSource = z.infer<typeof InsightSource>

/**
 * One answer of one insight about one feed, or about several that it compares. `slot` is the scheduled moment it belongs to (the moment itself where a
 * person asked), so that two schedulers answering the same slot make one row.
 */
export const InsightResult = z.object({
  type: z.literal('insight'),
  insight: z.string().min(1).max(100),
  venue: InsightVenue,
  source: InsightSource,
  product: z.string(),
  slotMs: TimeMs,
  computedAtMs: TimeMs,
  fromMs: TimeMs.nullable(),
  toMs: TimeMs.nullable(),
  /** Decimals as strings; statistics as numbers. */
  result: z.record(z.string(), z.json()),
})
export type InsightResult = z.infer<typeof InsightResult>
