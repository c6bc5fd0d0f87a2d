/**
 * Patterns of product names, as `VENUES` takes them: a name, or one with `*` for any characters. A pattern with fewer than two
 * dashes speaks of spot products (`BTC-USD`, `*-USDT`, `*USDT`), one with more of derivatives (`BTC-USD-PERP`, `*-PERP`
 * does not: `*-*-PERP`).
 */
const CHARACTERS = 'A-Z0-9\\p{Lo}'
export const PATTERN = new RegExp(`^[${CHARACTERS}*]{1,20}(?:-[${CHARACTERS}.*]{1,20}){0,4}$`, 'u')

/** Whether the name, or the pattern, of a product is that of a derivative. */
export function isDerivative(name: string): boolean {
  return name.split('-').length > 2
}

export function matchesPattern(pattern: string, product: string): boolean {
  const [first, ...others] = pattern.split('*') as [string, ...string[]]
  const last = others.pop()
  if (last === undefined) return pattern === product
  if (isDerivative(pattern) !== isDerivative(product) || !product.startsWith(first)) return false
  // The first place that fits is the best one: whatever comes after has the most room left.
  let at = first.length
  for (const part of others) {
    const place = product.indexOf(part, at)
    if (place === -1) return false
    at = place + part.length
  }
  return product.length - at >= last.length && product.endsWith(last)
}
