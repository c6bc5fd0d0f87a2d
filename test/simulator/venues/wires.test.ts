import { describe, expect, test } from 'vitest'
import { venues } from '../../../src/ingest/venues.ts'
import { VENUES } from '../../../src/models/scalars.ts'
import { virtualTimers } from '../../../src/models/virtual-timers.ts'
import { openSimulator } from '../../../src/simulator/sim.ts'
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

function opened(venue: (typeof VENUES)[number], wire: (typeof wires)[number]['wire']) {
  const timers = virtualTimers(BEGIN_MS)
  const simulator = openSimulator({ seed: 7, timers })
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
