/** Halvings of the search: 2^-60 of the first range is finer than a double tells apart. */
const HALVINGS = 60

/**
 * The t with P(-t < T < t) = `share` for Student's T of `degrees` (a whole number from 1): what a two-sided interval
 * multiplies its standard deviation with. Found by halving on the exact, finite sum for whole degrees.
 *
 * @example studentT(0.95, 2) = 4.302652729911275, since for two degrees P = t / sqrt(2 + t²), so t = 0.95 / sqrt((1 - 0.95²) / 2)
 */
export function studentT(share: number, degrees: number): number {
  let low = 0
  let high = Math.PI / 2
  for (let i = 0; i < HALVINGS; i++) {
    const angle = (low + high) / 2
    if (shareWithin(angle, degrees) < share) low = angle
    else high = angle
  }
  return Math.tan((low + high) / 2) * Math.sqrt(degrees)
}

/**
 * P(-t < T < t) for t = tan(angle) x sqrt(degrees).
 * Source: Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.3 (odd degrees) and 26.7.4 (even).
 */
function shareWithin(angle: number, degrees: number): number {
  const cosine = Math.cos(angle)
  const isOdd = degrees % 2 === 1
  // odd: cos + 2/3 cos³ + 2·4/(3·5) cos⁵ ... up to cos^(degrees - 2); even: 1 + 1/2 cos² + 1·3/(2·4) cos⁴ ...
  let term = isOdd ? cosine : 1
  let sum = degrees === 1 ? 0 : term
  for (let power = isOdd ? 3 : 2; power <= degrees - 2; power += 2) {
    term *= ((power - 1) / power) * cosine * cosine
    sum += term
  }
  return isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum
}
