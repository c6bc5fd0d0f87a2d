import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compare, formatDecimal } from '../../src/models/decimal.ts'
import type { Since } from '../../src/models/product-book.ts'
import { bestPrices } from '../../src/processors/best-prices.ts'
import { maxSpread } from '../../src/processors/max-spread.ts'
import type { BookTop } from '../../src/processors/processor.ts'
import { sinceTopOf } from '../../src/processors/running/decode.ts'
import { book, merged, START_MS, written } from './play.ts'

/**
 * A book that stands for several updates says in `since` what they did. Whoever reads only such books must find the extremes
 * of every update, whatever the updates were and however many of them went into one book.
 */

const FIVE_MINUTES_MS = 300_000
const key = [7, FIVE_MINUTES_MS, START_MS]

/** Updates of one product in the order they happened, few prices, so that ties are common; some cross or lock the book. */
const anyUpdates: fc.Arbitrary<BookTop[]> = fc
  .array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 2 }),
      bid: fc.integer({ min: 98, max: 101 }),
      ask: fc.integer({ min: 101, max: 104 }),
      size: fc.constantFrom('1', '2.5'),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((updates) => {
    let at = START_MS
    return updates.map(({ afterMs, bid, ask, size }, i) => {
      at += afterMs
      return book({ at, bid: `${bid}.5`, ask: `${ask}`, bidSize: size, sequence: i + 1, n: i + 1 })
    })
  })
  .map((updates) => updates.filter(({ state }) => state === 'ok'))
  .filter((updates) => updates.length > 0)

/** The last of each stretch, with what all of the stretch did. */
function conflated(updates: readonly BookTop[], cuts: readonly boolean[]): BookTop[] {
  const books: BookTop[] = []
  let stretch: BookTop[] = []
  updates.forEach((update, i) => {
    stretch.push(update)
    if (i < updates.length - 1 && !cuts[i % cuts.length]) return
    books.push({ ...update, since: sinceTopOf(sinceOf(stretch)) })
    stretch = []
  })
  return books
}

function sinceOf(stretch: readonly BookTop[]): Since {
  const first = (better: (a: BookTop, b: BookTop) => number) =>
    stretch.reduce((best, update) => (better(update, best) > 0 ? update : best))
  const bid = first((a, b) => compare(a.bid, b.bid))
  const ask = first((a, b) => compare(b.ask, a.ask))
  const spread = first(
    (a, b) => compare(a.spread, b.spread) || (a.timeMs === b.timeMs ? compare(b.mid, a.mid) : 0),
  )
  return {
    updates: stretch.length,
    bidMax: formatDecimal(bid.bid),
    bidMaxAtMs: bid.timeMs,
    askMin: formatDecimal(ask.ask),
    askMinAtMs: ask.timeMs,
    spreadMax: formatDecimal(spread.spread),
    spreadMaxBid: formatDecimal(spread.bid),
    spreadMaxAtMs: spread.timeMs,
  }
}

const anyCuts = fc.array(fc.boolean(), { minLength: 1, maxLength: 30 })

/** The columns of a row that speak of extremes and of the end, not of how many books there were. */
const EXTREMES: Record<string, readonly string[]> = {
  'best-prices': ['highest_bid', 'highest_bid_at_ms', 'lowest_ask', 'lowest_ask_at_ms', 'last_mid'],
  'max-spread': ['max_spread', 'max_spread_at_ms', 'max_spread_mid', 'max_spread_bps'],
}

describe.each([bestPrices([FIVE_MINUTES_MS]), maxSpread([FIVE_MINUTES_MS])])('$name', (processor) => {
  const extremesOf = (books: readonly BookTop[]) => {
    const row = written(processor as never, merged(processor as never, key, books as never))!
    return Object.fromEntries(EXTREMES[processor.name]!.map((name) => [name, row[name]]))
  }

  test('finds in fewer books the extremes of every update, and the first moment of each', () => {
    fc.assert(
      fc.property(anyUpdates, anyCuts, (updates, cuts) => {
        expect(extremesOf(conflated(updates, cuts))).toEqual(extremesOf(updates))
      }),
      { numRuns: 500 },
    )
  })

  test('counts a book that stands for many updates as one', () => {
    const updates = [1, 2, 3].map((n) => book({ at: START_MS + n, bid: '99', ask: '101', n, sequence: n }))
    const row = merged(processor as never, key, conflated(updates, [false]) as never)
    expect(written(processor as never, row)).toMatchObject({ books: 1 })
  })
})
