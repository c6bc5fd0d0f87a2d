import { validate as isCron } from 'node-cron'
import { z } from 'zod'
import { PATTERN } from './models/patterns.ts'
import { VENUES, type VenueId } from './models/scalars.ts'
import { DAY_MS, parseDuration, SECOND_MS } from './models/time.ts'

/** What the text of a setting may say, and the value it stands for: one schema from text to value each. */

/** More windows than this on every book would cost more than anybody reads. */
export const WINDOWS_MAX = 8

export const anyText = z.string().min(1)

export function wholeNumber(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.int().min(min).max(max))
}

/** `500ms`, `30s`, `15m`, `1h`, `7d`, as milliseconds. */
export function duration(minMs: number, maxMs: number) {
  return z.string().transform(parseDuration).pipe(z.int().min(minMs).max(maxMs))
}

/** `500MB`, `10GB`, `2GiB`, or bare bytes. */
export function byteCount(min: number, max: number) {
  return z.string().transform(parseBytes).pipe(z.int().min(min).max(max))
}

const UNITS_BYTES: Record<string, number> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
}

function parseBytes(text: string): number | undefined {
  const parts = /^(\d{1,15}) ?([KMGT]?i?B)?$/i.exec(text)
  return parts === null ? undefined : Number(parts[1]) * UNITS_BYTES[(parts[2] ?? 'B').toUpperCase()]!
}

/**
 * `5m` or `1m,5m,1h`: lengths of UTC-aligned windows. Each divides a day, so that every day begins with a new window, and is of
 * whole seconds: a book stands for all changes of a second.
 */
export const windowLengths = z
  .string()
  .transform((text) => text.split(',').map((part) => parseDuration(part.trim())))
  .pipe(
    z
      .array(
        z
          .int()
          .min(SECOND_MS)
          .max(DAY_MS)
          .multipleOf(SECOND_MS)
          .refine((lengthMs) => DAY_MS % lengthMs === 0),
      )
      .min(1)
      .max(WINDOWS_MAX)
      .refine(allDifferent),
  )

/** pino's names in any case, and the names that Python's logging has for two of them. */
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
const OTHER_LEVEL_NAMES: Record<string, string> = { warning: 'warn', critical: 'fatal' }
export const logLevel = z
  .string()
  .transform((text) => OTHER_LEVEL_NAMES[text.toLowerCase()] ?? text.toLowerCase())
  .pipe(z.enum(LEVELS))

/** Five fields, or six with seconds first. */
export const cron = z.string().refine(isCron)

export function oneOf<Name extends string>(...names: readonly Name[]) {
  return z.string().toLowerCase().pipe(z.enum(names))
}

export const yesOrNo = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['true', 'false']))
  .transform((text) => text === 'true')

/** `localhost:19092`, `[::1]:9092`, or several with commas between. */
export const hostPorts = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .pipe(z.array(z.string().regex(/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/)).refine(allDifferent))

export const postgresUrl = z.url({ protocol: /^postgres(?:ql)?$/ })

/** An http or https address, without the slash at its end. */
export const httpUrl = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ''))

/** Where a venue answers. Its address stands in logs and reports, so it must hold no secret. */
export const venueUrl = httpUrl.refine((url) => {
  const { username, password, search, hash } = new URL(url)
  return username + password + search + hash === ''
})

export const smtpUrl = z.url({ protocol: /^smtps?$/ })

/** One mail address, or several with commas between; no line breaks, which would let a header be forged. */
export const mailAddresses = z.string().regex(/^[^@\s,]+@[^@\s,]+(?: ?, ?[^@\s,]+@[^@\s,]+)*$/)
export const mailAddress = z.string().regex(/^(?:[^@<>\r\n]* )?<?[^@\s<>,]+@[^@\s<>,]+>?$/)

/** What is taken from one venue: names of products, or patterns of them. */
export type VenueWish = { readonly venue: VenueId; readonly patterns: readonly string[] }

/** `venue:PRODUCT,PRODUCT;venue:*-USDT`, each venue once. */
export const venueWishes = z
  .string()
  .transform((text) => text.split(';').map(parseVenue))
  .pipe(
    z
      .array(
        z.object({
          venue: z.enum(VENUES),
          patterns: z.array(z.string().regex(PATTERN)).min(1).refine(allDifferent),
        }),
      )
      .min(1)
      .refine((wishes) => allDifferent(wishes.map(({ venue }) => venue))),
  )

function parseVenue(text: string): { venue: string; patterns: string[] } {
  const [venue = '', patterns = ''] = text.split(':', 2)
  return { venue: venue.trim(), patterns: patterns.split(',').map((pattern) => pattern.trim()) }
}

/** Some of these names, with commas between, none twice. */
export function someOf<const Name extends string>(...names: readonly Name[]) {
  return z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim().toLowerCase()))
    .pipe(z.array(z.enum(names)).min(1).refine(allDifferent))
}

function allDifferent(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length
}
