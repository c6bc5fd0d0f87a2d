/**
 * Exact decimals. A decimal is `units / 10^scale`; `units` is a number while it is a safe integer (nearly always:
 * prices and sizes have at most 15 digits) and a bigint beyond. Nothing here ever rounds except `divide`, which says so.
 *
 * Bounds: what comes from outside has at most 20 digits before the point and 18 after it (`DECIMAL_PATTERN`).
 * Values are compared by what they are worth: 64930 equals 64930.00.
 */
export type Decimal = { readonly units: number | bigint; readonly scale: number }

/** Digits before and after the point that we accept from anybody. */
export const INTEGER_DIGITS_MAX = 20
export const PLACES_MAX = 18
/** Places of a quotient; the last one is rounded half to even. */
export const DIVISION_PLACES = 12

/** Plain notation: no sign but a leading minus, no exponent, no leading zeros, digits on both sides of a point. */
export const DECIMAL_PATTERN = /^-?(?:0|[1-9]\d{0,19})(?:\.\d{1,18})?$/

export const ZERO: Decimal = { units: 0, scale: 0 }

const POWERS = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent)

/** The decimal written in `text`, or undefined where it is not one within our bounds. */
export function parseDecimal(text: string): Decimal | undefined {
  return DECIMAL_PATTERN.test(text) ? decimalOf(text) : undefined
}

/**
 * Whether `text` is a decimal above zero: what `DECIMAL_PATTERN` and `isPositive` say together, at a tenth of their cost,
 * for the tens of thousands of levels of a venue's body.
 */
export function isPositiveDecimal(text: string): boolean {
  const { length } = text
  if (length > INTEGER_DIGITS_MAX + 1 + PLACES_MAX) return false
  let i = 0
  let anyDigit = 0
  for (; i < length; i++) {
    const digit = text.charCodeAt(i) ^ 48
    if (digit > 9) break
    anyDigit |= digit
  }
  const whole = i
  if (whole === 0 || whole > INTEGER_DIGITS_MAX || (whole > 1 && text.charCodeAt(0) === 48)) return false
  if (whole === length) return anyDigit !== 0
  if (text.charCodeAt(i++) !== 46) return false
  for (; i < length; i++) {
    const digit = text.charCodeAt(i) ^ 48
    if (digit > 9) return false
    anyDigit |= digit
  }
  const places = length - whole - 1
  return places > 0 && places <= PLACES_MAX && anyDigit !== 0
}

/** `compare` of two texts that `isPositiveDecimal` accepts, digit by digit: exact at any length, and makes nothing. */
export function compareTexts(a: string, b: string): number {
  const longer = wholeDigits(a) - wholeDigits(b)
  if (longer !== 0) return longer
  const length = Math.max(a.length, b.length)
  // With points in one place texts stand in the order of their values, unless zeros at the end make one longer.
  const padded = a.length !== b.length && (a.length < b.length ? b : a).charCodeAt(length - 1) === 48
  if (!padded) return a < b ? -1 : a > b ? 1 : 0
  for (let i = 0; i < length; i++) {
    const difference = digitAt(a, i) - digitAt(b, i)
    if (difference !== 0) return difference
  }
  return 0
}

function wholeDigits(text: string): number {
  const point = text.indexOf('.')
  return point === -1 ? text.length : point
}

/** Past the end, and at the point, which both texts have at the same place or not at all, stands a zero. */
function digitAt(text: string, i: number): number {
  const digit = i < text.length ? text.charCodeAt(i) - 48 : 0
  return digit === -2 ? 0 : digit
}

/** The decimal written in `text`, which is known to match `DECIMAL_PATTERN` (a row of ours, a literal). */
export function decimalOf(text: string): Decimal {
  const point = text.indexOf('.')
  const scale = point === -1 ? 0 : text.length - point - 1
  const digits = point === -1 ? text : text.slice(0, point) + text.slice(point + 1)
  return digits.length <= 15 ? { units: Number(digits), scale } : normal(BigInt(digits), scale)
}

/** The one text form of a value: no exponent, no trailing zeros, no minus zero. What rows and reports hold. */
export function formatDecimal(value: Decimal): string {
  const negative = value.units < 0
  let digits = String(negative ? -value.units : value.units)
  if (value.scale === 0) return negative ? `-${digits}` : digits
  if (digits.length <= value.scale) digits = digits.padStart(value.scale + 1, '0')
  const whole = digits.length - value.scale
  let end = digits.length
  while (end > whole && digits.charCodeAt(end - 1) === 48) end--
  const text =
    end === whole ? digits.slice(0, whole) : `${digits.slice(0, whole)}.${digits.slice(whole, end)}`
  return negative && text !== '0' ? `-${text}` : text
}

/** Negative, zero or positive as `a` is worth less than, as much as, or more than `b`. */
export function compare(a: Decimal, b: Decimal): number {
  const left = a.units
  const right = b.units
  if (a.scale === b.scale) return left < right ? -1 : left > right ? 1 : 0
  const scale = Math.max(a.scale, b.scale)
  const x = unitsAt(a, scale)
  const y = unitsAt(b, scale)
  return x < y ? -1 : x > y ? 1 : 0
}

export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale)
  const x = unitsAt(a, scale)
  const y = unitsAt(b, scale)
  if (typeof x === 'number' && typeof y === 'number') {
    const sum = x + y
    if (Number.isSafeInteger(sum)) return { units: sum, scale }
  }
  return normal(BigInt(x) + BigInt(y), scale)
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  return add(a, { units: -b.units, scale: b.scale })
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  const scale = a.scale + b.scale
  if (typeof a.units === 'number' && typeof b.units === 'number') {
    const product = a.units * b.units
    if (Number.isSafeInteger(product)) return { units: product, scale }
  }
  return normal(BigInt(a.units) * BigInt(b.units), scale)
}

/** Half of a value, exactly: a mid price has one place more than its bid and ask, never a rounded one. */
export function half(a: Decimal): Decimal {
  if (typeof a.units === 'number') {
    if (a.units % 2 === 0) return { units: a.units / 2, scale: a.scale }
    const units = a.units * 5
    if (Number.isSafeInteger(units)) return { units, scale: a.scale + 1 }
  }
  return normal(BigInt(a.units) * 5n, a.scale + 1)
}

/** `a / b` to twelve places, half to even. Throws a RangeError where `b` is zero. */
export function divide(a: Decimal, b: Decimal): Decimal {
  const shift = DIVISION_PLACES + b.scale - a.scale
  let dividend = BigInt(a.units)
  let divisor = BigInt(b.units)
  if (shift >= 0) dividend *= 10n ** BigInt(shift)
  else divisor *= 10n ** BigInt(-shift)
  return normal(roundHalfEven(dividend, divisor), DIVISION_PLACES)
}

/** For statistics only: the nearest double. */
export function toNumber(value: Decimal): number {
  return value.scale === 0 ? Number(value.units) : Number(formatDecimal(value))
}

export function isPositive(value: Decimal): boolean {
  return value.units > 0
}

function unitsAt(value: Decimal, scale: number): number | bigint {
  const shift = scale - value.scale
  if (shift === 0) return value.units
  if (typeof value.units === 'number' && shift < POWERS.length) {
    const units = value.units * POWERS[shift]!
    if (Number.isSafeInteger(units)) return units
  }
  return BigInt(value.units) * 10n ** BigInt(shift)
}

function normal(units: bigint, scale: number): Decimal {
  const safe = units <= 9_007_199_254_740_991n && units >= -9_007_199_254_740_991n
  return { units: safe ? Number(units) : units, scale }
}

function roundHalfEven(dividend: bigint, divisor: bigint): bigint {
  if (divisor < 0n) return roundHalfEven(-dividend, -divisor)
  const quotient = dividend / divisor
  const rest = dividend % divisor
  const twice = (rest < 0n ? -rest : rest) * 2n
  const away = twice > divisor || (twice === divisor && quotient % 2n !== 0n)
  if (!away) return quotient
  return dividend < 0n ? quotient - 1n : quotient + 1n
}
