import { z } from 'zod'
import { Product, RunId, SourceId, TimeMs, VenueId } from './scalars.ts'

/**
 * What producers say about their own watching. These records travel in the topic of the kind they concern, among the
 * data, so that every reader meets them in order.
 */
const about = { venue: VenueId, source: SourceId, run: RunId }

/** "I now watch this product": watched time begins. */
export const Up = z.object({ type: z.literal('up'), ...about, product: Product, atMs: TimeMs })
export type Up = z.infer<typeof Up>

/** "I have watched this partition up to here", once a second; `bye` when the producer leaves in order. */
export const Mark = z.object({ type: z.literal('mark'), ...about, upToMs: TimeMs, bye: z.boolean() })
export type Mark = z.infer<typeof Mark>

export const HOLE_REASONS = [
  'unreachable',
  'bad-answer',
  'unknown-product',
  'stale',
  'lost-log',
  'spool-full', // it was received, and there was nowhere to put it
] as const

/** A stretch of time in which we cannot vouch for a product's feed: opened when trouble is noticed, closed after. */
export const HoleOpen = z.object({
  type: z.literal('hole-open'),
  ...about,
  product: Product,
  id: z.string().min(1).max(200),
  fromMs: TimeMs,
  reason: z.enum(HOLE_REASONS),
})
export type HoleOpen = z.infer<typeof HoleOpen>

export const HoleClose = z.object({
  type: z.literal('hole-close'),
  ...about,
  product: Product,
  id: z.string().min(1).max(200),
  toMs: TimeMs,
  backfilled: z.boolean(),
})
export type HoleClose = z.infer<typeof HoleClose>

export const FeedRecord = z.discriminatedUnion('type', [Up, Mark, HoleOpen, HoleClose])
export type FeedRecord = z.infer<typeof FeedRecord>
