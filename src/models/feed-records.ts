import { z } from 'zod'
import { Product, RunId, SourceId, TimeMs, VenueId } from './scalars.ts'

/**
 * What producers say about their own watching. These records travel in the topic of the kind they concern, among the
 * data, so that every reader meets them in order.
 */
const about = { venue: VenueId, source: SourceId, run: RunId }

/**
 * "I now watch this product": watched time begins. `continuity` says whether a loss would show: `proven` where the venue
 * numbers what it sends, `unproven` where it does not, or where we only ask now and then.
 */
export const Up = z.object({
  type: z.literal('up'),
  ...about,
  product: Product,
  atMs: TimeMs,
  continuity: z.enum(['proven', 'unproven']).optional(),
})
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
  'disconnected', // the connection was cut, by whomever
  'sequence-gap', // the venue's own numbers show that something is missing
  'check-failed', // crossed, a wrong checksum, another best price than the venue's ticker says
  'lost-trades', // trade ids that never came
  'beyond-range', // the book's top came to where we know no levels
] as const
export const HoleReason = z.enum(HOLE_REASONS)
export type HoleReason = z.infer<typeof HoleReason>

/** So many causes are named of one hole; what else joins it is of a kind that stands there already. */
const CAUSES_MAX = HOLE_REASONS.length

/** A stretch of time in which we cannot vouch for a product's feed: opened when trouble is noticed, closed after. */
export const HoleOpen = z.object({
  type: z.literal('hole-open'),
  ...about,
  product: Product,
  id: z.string().min(1).max(200),
  fromMs: TimeMs,
  reason: HoleReason,
})
export type HoleOpen = z.infer<typeof HoleOpen>

export const HoleClose = z.object({
  type: z.literal('hole-close'),
  ...about,
  product: Product,
  id: z.string().min(1).max(200),
  toMs: TimeMs,
  /** Whether what was missed was had from the venue afterwards, all of it. */
  backfilled: z.boolean(),
  /** Everything that went wrong while it was open, the reason it was opened for first. */
  causes: z.array(HoleReason).max(CAUSES_MAX).optional(),
})
export type HoleClose = z.infer<typeof HoleClose>

export const FeedRecord = z.discriminatedUnion('type', [Up, Mark, HoleOpen, HoleClose])
export type FeedRecord = z.infer<typeof FeedRecord>
