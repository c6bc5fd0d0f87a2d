import type { OutgoingRecord } from '../src/broker/broker.ts'
import { encodeBook, encodeLevels, type Level } from '../src/models/product-book.ts'

/**
 * Plausible 20-level books, every one another text: of each product one a second, or `aSecond`. `first`: so many were made
 * before, and market time goes on after them.
 */
export function* bookRecords(
  products: number,
  records: number,
  batch: number,
  { aSecond = 1, first = 0 }: { aSecond?: number; first?: number } = {},
): Generator<OutgoingRecord[]> {
  const startMs = Date.UTC(2026, 0, 1)
  const names = Array.from({ length: products }, (_, i) => `P${i}-USD`)
  const roundMs = 1_000 / aSecond
  for (let from = first; from < first + records; from += batch) {
    yield Array.from({ length: Math.min(batch, first + records - from) }, (_, i) => {
      const n = from + i
      const timeMs =
        startMs + Math.floor(n / products) * roundMs + Math.floor(((n % products) * roundMs) / products)
      return recordOf(names[n % products]!, priceOf(n % products), n, timeMs)
    })
  }
}

/** Every product has a price of its own, from dollars to tens of thousands. */
function priceOf(product: number): number {
  return 500 + ((product * 2_654_435_761) % 9_000_000)
}

function recordOf(product: string, baseCents: number, n: number, timeMs: number): OutgoingRecord {
  const cents = baseCents + 100 + ((n * 7919) % Math.ceil(baseCents / 1_000))
  const value = encodeBook({
    type: 'book',
    venue: 'coinbase',
    source: 'simulator',
    product,
    sequence: 100_000_000 + n,
    exchangeTimeMs: timeMs,
    receivedAtMs: timeMs + 40,
    state: 'ok',
    bids: encodeLevels(side(cents, -1, n)),
    asks: encodeLevels(side(cents + 1 + (n % 5), 1, n)),
    bidLevels: 18_376,
    askLevels: 27_017,
    since: null,
  })
  return { topic: 'books.coinbase', partition: 0, key: product, run: 'bench', n: n + 1, value }
}

function side(cents: number, step: 1 | -1, salt: number): Level[] {
  return Array.from({ length: 20 }, (_, i): Level => {
    const price = ((cents + step * i * (1 + (salt % 3))) / 100).toFixed(2)
    const size = (0.01 + ((salt * 31 + i * 977) % 99_999_999) / 1e8).toFixed(8)
    return [price, size, 1 + ((salt + i) % 9)]
  })
}
