/**
 * Whole units to the texts that venues write: `units / 10^places`. Units are not negative and below 2^53, places at
 * most 15.
 */

/** All places written: 185 with 4 places is `0.0185`. */
export function padded(units: number, places: number): string {
  if (places === 0) return String(units)
  const one = ONES[places]!
  const whole = Math.floor(units / one)
  return `${whole}.${String(units - whole * one + one).slice(1)}`
}

/** No zeros at the end, and no point without something behind it: 18500 with 4 places is `1.85`. */
export function stripped(units: number, places: number): string {
  const one = ONES[places]!
  const whole = Math.floor(units / one)
  const rest = units - whole * one
  if (rest === 0) return String(whole)
  const digits = String(rest + one)
  let end = places + 1
  while (digits.charCodeAt(end - 1) === ZERO) end--
  return `${whole}.${digits.slice(1, end)}`
}

/** A JSON number as Erlang writes floats: `37240.5`, `20.0`, `2.0e3`; whichever is shorter, plain or with an exponent. */
export function erlangFloat(units: number, places: number): string {
  const text = stripped(units, places)
  const hasPoint = text.includes('.')
  if (hasPoint && text.charCodeAt(0) !== ZERO) return text
  const plain = hasPoint ? text : `${text}.0`
  const digits = text.replace('.', '').replace(/^0+/, '').replace(/0+$/, '')
  if (digits === '') return '0.0'
  const point = hasPoint ? text.indexOf('.') : text.length
  const firstDigit = text.search(/[1-9]/)
  const exponent = firstDigit < point ? point - firstDigit - 1 : point - firstDigit
  const scientific = `${digits[0]}.${digits.slice(1) || '0'}e${exponent}`
  return scientific.length < plain.length ? scientific : plain
}

const ONES = Array.from({ length: 16 }, (_, places) => 10 ** places)
const ZERO = 48

/** `2026-11-20T14:35:00.123456Z`: microseconds since 1970 as the venues stamp. */
export function isoMicros(timeMs: number, micros: number): string {
  return `${isoMillis(timeMs)}${String(micros + 1_000).slice(1)}Z`
}

/** `2026-11-20T14:35:00.123`, without a zone behind it. */
export function isoMillis(timeMs: number): string {
  const second = Math.floor(timeMs / 1_000)
  if (second !== lastSecond) {
    lastSecond = second
    lastSecondText = new Date(second * 1_000).toISOString().slice(0, 20)
  }
  return `${lastSecondText}${String(timeMs - second * 1_000 + 1_000).slice(1)}`
}

// Thousands of stamps fall into the same second, and its text costs more than all the rest of them.
let lastSecond = Number.NaN
let lastSecondText = ''
