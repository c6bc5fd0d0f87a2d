import { describe, expect, test } from 'vitest'
import { coinbase } from '../../src/ingest/coinbase.ts'
import { coinbaseBody } from '../../src/simulator/coinbase-bodies.ts'
import { type Fault, faultOf, faults, spoiled } from '../../src/simulator/faults.ts'
import { bookAt, isFaulty, listingOf, type Market, tickAt } from '../../src/simulator/made-market.ts'

const MARKET: Market = {
  seed: 1,
  products: ['BTC-USD'],
  intervalMs: 5_000,
  levels: 5,
  faultShare: 0.05,
  crossedShare: 0,
}
const FIRST_SLOT = Date.UTC(2026, 10, 20) / 5_000

const EXPECTED: Record<Fault, [kind: string, path: string]> = {
  'truncated-json': ['malformed-json', ''],
  'zero-price': ['wrong-shape', 'asks[0][0]'],
  'negative-size': ['wrong-shape', 'bids[0][1]'],
  'missing-side': ['wrong-shape', 'asks'],
  'wrong-types': ['wrong-shape', 'bids[0][1]'],
  'future-time': ['future-time', 'time'],
}

describe('each fault is refused for what it is, whatever the book', () => {
  test.each(Object.entries(EXPECTED))('%s', (fault, [kind, path]) => {
    for (const levels of [1, 5, 50]) {
      const refusal = refusalOf(levels, (body, tick) => faults[fault as Fault](body, tick))
      expect(refusal).toMatchObject({ kind, path })
    }
  })
})

test('the fault of a tick is its own and all kinds come about equally often', () => {
  const counts = new Map<Fault, number>()
  for (let slot = 0; slot < 6_000; slot++) {
    const fault = faultOf(tickOf(slot))
    counts.set(fault, (counts.get(fault) ?? 0) + 1)
  }
  expect([...counts.keys()].sort()).toEqual(Object.keys(faults).sort())
  for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150)
})

test('as many ticks are faulty as asked, and each is refused', () => {
  const faulty = Array.from({ length: 10_000 }, (_, slot) => tickOf(slot)).filter((tick) =>
    isFaulty(MARKET, tick),
  )
  expect(Math.abs(faulty.length - 500)).toBeLessThan(100)
  expect(refusalOf(5, spoiled)).toBeDefined()
})

function tickOf(slot: number) {
  return tickAt(MARKET, listingOf(1, 'BTC-USD'), FIRST_SLOT + slot)
}

function refusalOf(levels: number, spoil: typeof spoiled) {
  const tick = tickOf(0)
  const book = bookAt({ ...MARKET, levels }, tick, { centreTicks: tick.listing.homeTicks, sequence: 1 })
  const { receivedAtMs } = tick
  const about = { source: 'mock', product: 'BTC-USD', receivedAtMs, levelsMax: 20 } as const
  const answer = coinbase.parseBook(Buffer.from(spoil(coinbaseBody(tick, book), tick)), about)
  return 'refusal' in answer ? answer.refusal : undefined
}
