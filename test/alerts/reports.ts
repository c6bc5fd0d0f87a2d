import type { DigestReport } from '../../src/alerts/digest-text.ts'

type Item = DigestReport['items'][number]

export const START_MS = Date.UTC(2026, 10, 20, 14, 35)

/** The digest that closes at `lastOrdinal`: one rejection a second, all alike but for what `change` makes of them. */
export function report(
  lastOrdinal: number,
  change: (ordinal: number) => Partial<Item> = () => ({}),
  count = 10,
): DigestReport {
  const firstOrdinal = lastOrdinal - count + 1
  const items = Array.from({ length: count }, (_, i): Item => {
    const ordinal = firstOrdinal + i
    return {
      id: `ingest-1-${ordinal}`,
      kind: 'wrong-shape',
      path: `bids[${i}][0]`,
      message: 'expected a number above zero',
      venue: 'coinbase',
      source: 'simulator',
      product: 'BTC-USD',
      receivedAtMs: START_MS + ordinal * 1_000,
      ...change(ordinal),
    }
  })
  return { firstOrdinal, lastOrdinal, items }
}
