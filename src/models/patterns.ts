/**
 * Patterns of product names, as `VENUES` takes them: a name, or one with `*` for any characters. A pattern with fewer than two
 * dashes speaks of spot products (`BTC-USD`, `*-USDT`, `*USDT`), one with more of derivatives (`BTC-USD-PERP`, `*-PERP`
 * does not: `*-*-PERP`).
 */
const CHARACTERS = '\\p{Lu}\\p{Lo}\\p{Nd}'
export const PATTERN = new RegExp(`^[${CHARACTERS}*]{1,20}(?:-[${CHARACTERS}.*]{1,20}){0,4}$`, 'u')

/** Whether the name, or the pattern, of a product is that of a derivative. */
export function isDerivative(name: string): boolean {
  return name.split('-').length > 2
}

export function matchesPattern(pattern: string, product: string): boolean {
  if (!pattern.includes('*')) return pattern === product
  if (isDerivative(pattern) !== isDerivative(product)) return false
  const parts = pattern.split('*').map((part) => part.replace(/[.]/g, '\\.'))
  return new RegExp(`^${parts.join('.*')}$`, 'su').test(product)
}
