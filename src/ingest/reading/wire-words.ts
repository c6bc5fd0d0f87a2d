import { z } from 'zod'
import { isPositiveDecimal } from '../../models/decimal.ts'
import type { Refusal } from '../../models/rejection.ts'
import { PRODUCT_PATTERN, TIME_MS_MAX, TIME_MS_MIN } from '../../models/scalars.ts'
import type { Levels } from '../levels.ts'
import { plainDecimal, wrongShape } from './reading.ts'

/** What KuCoin and OKX have in common: numbers as texts or as JSON numbers, `""` and `0` where there is nothing. */

/** The longest spelling of a product that is read. */
export const SYMBOL_CHARS_MAX = 64
/** It stands in addresses, in our messages and in logs: nothing that cannot be seen is part of a name. */
export const VenueSymbol = z
  .string()
  .min(1)
  .max(SYMBOL_CHARS_MAX)
  .regex(/^\P{C}*$/u, 'expected a name')

const NO_COUNT = 'expected a whole number not below zero'

/** A number of the venue's own counting, as a number or as its digits. */
export const Count = z
  .union(
    [
      z.int(),
      z
        .string()
        .regex(/^(?:0|[1-9]\d{0,15})$/)
        .transform(Number),
    ],
    NO_COUNT,
  )
  .refine((count) => Number.isSafeInteger(count) && count >= 0, NO_COUNT)

/** Milliseconds since 1970, as a number or as its digits. */
export const WireTimeMs = Count.refine(isTimeMs, 'expected milliseconds between 2010 and 2100')

export function isTimeMs(timeMs: number): boolean {
  return timeMs >= TIME_MS_MIN && timeMs <= TIME_MS_MAX
}

const Written = z.union([z.string(), z.number()])

/** A price or a size of something that happened: above zero, exact. */
export const AboveZero = Written.transform((value, context) => {
  const text = plainDecimal(value)
  if (text !== undefined && isPositiveDecimal(text)) return text
  context.addIssue({ code: 'custom', message: 'expected a plain decimal above zero' })
  return z.NEVER
})

/** A price, or null for the `""`, `0` or null that stands for none. */
export const PriceOrNone = amount((text) => (isPositiveDecimal(text) ? text : null))

/** A size, zero among them, or null for `""` or null. */
export const AmountOrNone = amount((text) => text)

function amount(read: (text: string) => string | null) {
  return Written.nullish().transform((value, context): string | null => {
    if (value === null || value === undefined || value === '') return null
    const text = plainDecimal(value)
    if (text !== undefined && !text.startsWith('-')) return read(text)
    context.addIssue({ code: 'custom', message: 'expected a plain decimal not below zero' })
    return z.NEVER
  })
}

export const TakerSide = z.enum(['buy', 'sell'])

/** Levels as `addRows` reads them. */
export const Rows = z.array(z.unknown())

/**
 * Adds rows such as ["64930.57","0.5","7"]: price, size, and what else the venue says of a level. Answers what is wrong with
 * the first that is none; rows that `isNothing` says are none at all are left out.
 */
export function addRows(
  levels: Levels,
  side: 'bid' | 'ask',
  rows: readonly unknown[],
  path: readonly PropertyKey[],
  isNothing: (price: string, size: string) => boolean = () => false,
): Refusal | undefined {
  for (let i = 0; i < rows.length; i++) {
    const [price, size] = Array.isArray(rows[i]) ? (rows[i] as unknown[]) : []
    if (typeof price !== 'string' || typeof size !== 'string') return badRow([...path, i])
    if (!isNothing(price, size) && !levels.add(side, price, size)) return badRow([...path, i])
  }
  return undefined
}

function badRow(path: readonly PropertyKey[]): Refusal {
  return wrongShape(path, 'expected a price above zero and a size not below zero, as plain decimals')
}

/** BASE-QUOTE and what comes behind it, where a product may be called that. */
export function productOf(...parts: readonly string[]): string | undefined {
  const product = parts.join('-').toUpperCase()
  return PRODUCT_PATTERN.test(product) ? product : undefined
}
