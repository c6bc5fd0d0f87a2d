import { z } from 'zod'
import { DECIMAL_PATTERN, isPositiveDecimal } from '../../models/decimal.ts'
import { TIME_MS_MIN } from '../../models/scalars.ts'
import { parseIsoTime } from '../../models/time.ts'
import { onOneLine } from '../reading/reading.ts'
import { type BookDelta, type BookSnapshot, NO_NUMBER } from '../venue.ts'

/** What everything of Coinbase's is made of. */

/** The venue's own spelling of a product. It stands in addresses, in our messages and in logs. */
export const ProductId = z
  .string()
  .min(1)
  .max(64)
  .regex(/^\P{C}*$/u, 'expected a name')

/** The size of a level: 0 removes it. */
export const Size = z.string().refine(isSize, 'expected a plain decimal not below zero')

export function isSize(text: string): boolean {
  return isPositiveDecimal(text) || (text.startsWith('0') && DECIMAL_PATTERN.test(text))
}

/** A time as the venue writes it. Where it has none it writes one long past: see `timeMsOf`. */
export const Time = z.string().refine(isTime, 'expected an ISO 8601 time in UTC')

export function isTime(text: string): boolean {
  return parseIsoTime(text) !== undefined
}

/**
 * Milliseconds of a `Time`; null for none, and for the year 1 (`0001-01-01T00:00:00Z`, of single changes) and 1970 (of
 * snapshots), which stand for none.
 */
export function timeMsOf(text: string | undefined): number | null {
  const timeMs = text === undefined ? undefined : parseIsoTime(text)
  return timeMs === undefined || timeMs < TIME_MS_MIN ? null : timeMs
}

/** `{"type":"error","message":"Failed to subscribe","reason":"X-USD is not a valid product"}`, on both sockets. */
export const VenueError = z.object({
  type: z.literal('error'),
  message: z.string(),
  reason: z.string().optional(),
})
export type VenueError = z.infer<typeof VenueError>

/** The venue's no, in its own words. */
export function textOf({ message, reason }: VenueError): string {
  return onOneLine(reason === undefined ? message : `${message}: ${reason}`)
}

/** The rows of one book in a frame, and its time. */
export type Staged = { readonly from: number; readonly to: number; readonly exchangeTimeMs: number | null }

/** Books never have numbers of their own, on neither socket. */
export function deltaOf(symbol: string, { from, to, exchangeTimeMs }: Staged): BookDelta {
  const none = NO_NUMBER
  return { type: 'delta', symbol, from, to, first: none, last: none, previous: none, exchangeTimeMs }
}

export function snapshotOf(symbol: string, { from, to, exchangeTimeMs }: Staged): BookSnapshot {
  return { type: 'snapshot', symbol, from, to, last: NO_NUMBER, exchangeTimeMs, whole: true }
}
