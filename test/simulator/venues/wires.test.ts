import { describe, expect, test } from 'vitest'
import type { Listing, Wire } from '../../../src/ingest/venue.ts'
import { venues } from '../../../src/ingest/venues.ts'
import { VENUES, type VenueId } from '../../../src/models/scalars.ts'
import { virtualTimers } from '../../../src/models/virtual-timers.ts'
import { openSimulator, type SimulatorOptions } from '../../../src/simulator/sim.ts'
import { simTransport } from '../../../src/simulator/sim-transport.ts'
import { listed, listener, plain, sideOf, subscriptionsTo } from '../listener.ts'

const BEGIN_MS = Date.UTC(2026, 10, 20, 12)

const wires = VENUES.flatMap((venue) => venues[venue].wires.map((wire) => ({ venue, name: wire.name, wire })))

describe.each(wires)('$venue $name, read by the file of the venue', ({ venue, wire }) => {
  test('lists the products by their own names, all of them traded', async () => {
    const { simulator, about, timers } = opened(venue, wire)
    const listings = await within(timers, listed(about))
    const isDerivative = (product: string) => product.split('-').length > 2
    const expected = simulator
      .products(venue)
      .filter((product) => wire.lists === 'both' || isDerivative(product) === (wire.lists === 'derivatives'))
    expect(listings.filter(({ trading }) => trading).map(({ product }) => product)).toEqual(
      expect.arrayContaining(expected),
    )
  })

  test('makes the very book, trades and tickers the venue has', async () => {
    const { simulator, about, timers } = opened(venue, wire)
    const listings = (await within(timers, listed(about))).slice(0, 3)
    const symbols = listings.map(({ symbol }) => symbol)
    const heard = listener({ ...about, subscriptions: subscriptionsTo(symbols, wire.kinds) })
    await within(timers, heard.open())
    await timers.advanceBy(30_000)
    expect(heard.of('rejected')).toEqual([])
    // A refusal of a whole message means what is left of it after those that were accepted by name.
    const named = heard.of('accepted').flatMap(({ channels }) => channels ?? [])
    const wished = subscriptionsTo(symbols, wire.kinds).map((subscription) => wire.channel(subscription))
    if (named.length > 0) expect(named).toEqual(expect.arrayContaining(wished))
    else expect(heard.of('refused')).toEqual([])
    expect(heard.ends).toEqual([])
    for (const { symbol, product } of listings) {
      if (wire.kinds.includes('books')) {
        const book = heard.books.get(symbol)!
        const truth = simulator.books(venue, product, Number.POSITIVE_INFINITY)
        expect(book.gaps).toBe(0)
        for (const side of ['bids', 'asks'] as const) {
          const known = sideOf(book[side], side)
          expect(known.length).toBeGreaterThan(15)
          expect(known.slice(0, 50)).toEqual(truth[side].slice(0, 50).map((level) => level.map(plain)))
        }
      }
      if (wire.kinds.includes('trades')) {
        const trades = heard.of('trade').filter((trade) => trade.symbol === symbol)
        const tape = simulator.tape(venue, product, trades[0]!.exchangeTimeMs, simulator.nowMs() - 2_000)
        const told = trades.slice(0, tape.length).map(({ price, size, side, exchangeTimeMs }) => ({
          price: plain(price),
          size: plain(size),
          taker: side,
          timeMs: exchangeTimeMs,
        }))
        expect(tape.length).toBeGreaterThan(30)
        expect(told).toEqual(
          tape.map(({ price, size, taker, timeMs }) => ({
            price: plain(price),
            size: plain(size),
            taker,
            timeMs,
          })),
        )
      }
      if (wire.kinds.includes('tickers')) {
        const tickers = heard.of('ticker').filter((ticker) => ticker.symbol === symbol)
        expect(tickers.length).toBeGreaterThan(15)
      }
    }
    simulator.close()
  })
})

/** Of books whose numbers prove that nothing is missing. */
const proven = wires.filter(({ wire }) => wire.books?.continuity === 'proven' && wire.name !== 'advanced')

describe.each(proven)('$venue $name: what goes wrong with a frame', ({ venue, wire }) => {
  test.each([
    ['drop', true],
    ['duplicate', false],
    ['reorder', true],
  ] as const)('%s shows in the numbers: %s', async (fault, isGap) => {
    const { simulator, about, timers } = opened(venue, wire)
    const [{ symbol, product }] = (await within(timers, listed(about))) as [Listing, ...Listing[]]
    const heard = listener({ ...about, subscriptions: subscriptionsTo([symbol], ['books']) })
    await within(timers, heard.open())
    await timers.advanceBy(5_000)
    simulator.fault({ venue, product, fault, kind: 'books' })
    await timers.advanceBy(5_000)
    expect(heard.books.get(symbol)!.gaps > 0).toBe(isGap)
    if (!isGap) {
      const truth = simulator.books(venue, product, 20).bids.map((level) => level.map(plain))
      expect(sideOf(heard.books.get(symbol)!.bids, 'bids').slice(0, 20)).toEqual(truth)
    }
    simulator.close()
  })
})

test('OKX: checksums, where they are sent, are right, and a wrong one is told from them', async () => {
  const wire = venues.okx.wires[0]!
  const { simulator, about, timers } = opened('okx', wire, { checksums: true })
  const checksum = wire.books!.openChecksum!()
  const answers: boolean[] = []
  const subscriptions = subscriptionsTo(['BTC-USDT'], ['books'])
  const heard = listener({
    ...about,
    subscriptions,
    onBook: (event, levels) => answers.push(checksum.holds(event, levels)),
  })
  await within(timers, heard.open())
  await timers.advanceBy(10_000)
  expect(answers.length).toBeGreaterThan(95)
  expect(new Set(answers)).toEqual(new Set([true]))
  simulator.fault({ venue: 'okx', fault: 'wrong-checksum' })
  await timers.advanceBy(1_000)
  expect(answers.filter((holds) => !holds)).toHaveLength(1)
})

test('OKX: numbers that begin anew after maintenance still follow each other', async () => {
  const { simulator, about, timers } = opened('okx', venues.okx.wires[0]!)
  const heard = listener({ ...about, subscriptions: subscriptionsTo(['BTC-USDT'], ['books']) })
  await within(timers, heard.open())
  await timers.advanceBy(2_000)
  const before = heard.books.get('BTC-USDT')!.last
  simulator.fault({ venue: 'okx', fault: 'renumber' })
  await timers.advanceBy(2_000)
  const { last, gaps, bids } = heard.books.get('BTC-USDT')!
  expect(last).toBeLessThan(before)
  expect(gaps).toBe(0)
  const truth = simulator.books('okx', 'BTC-USDT', 20).bids.map((level) => level.map(plain))
  expect(sideOf(bids, 'bids').slice(0, 20)).toEqual(truth)
})

function opened(venue: VenueId, wire: Wire, options: Partial<SimulatorOptions> = {}) {
  const timers = virtualTimers(BEGIN_MS)
  const simulator = openSimulator({ seed: 7, timers, ...options })
  const transport = simTransport(simulator, timers)
  return { simulator, timers, about: { venue, wire, transport, base: 'simulator', nowMs: timers.nowMs } }
}

/** The clock goes on until it is done. */
async function within<Value>(
  timers: ReturnType<typeof virtualTimers>,
  wanted: Promise<Value>,
): Promise<Value> {
  let isDone = false
  const done = wanted.finally(() => {
    isDone = true
  })
  done.catch(() => {})
  while (!isDone) await timers.advanceBy(100)
  return done
}
