import { describe, expect, test } from 'vitest'
import type { VenueId } from '../../src/models/scalars.ts'
import { FEED_KINDS } from '../../src/models/topics.ts'
import { NOON_MS, openStreamRig } from './stream-rig.ts'
import { eachProduct, expectTrueBooks, expectTrueTape, expectWholeHoles } from './stream-truth.ts'

const PRODUCTS: Partial<Record<VenueId, string[]>> = {
  coinbase: ['BTC-USD', 'ETH-USD'],
  binance: ['BTC-USDT', 'ETH-USDT', 'BTC-USDT-PERP'],
  kucoin: ['BTC-USDT', 'ETH-USDT'],
  okx: ['BTC-USDT', 'BTC-USD-PERP'],
  deribit: ['BTC-USD-PERP', 'BTC-USDC'],
}

describe.each(Object.keys(PRODUCTS) as VenueId[])('%s, simulated, on a made clock', (venue) => {
  const products = { [venue]: PRODUCTS[venue]! }

  test('a minute without trouble is a minute without holes: books are the venue’s own, every trade is there once', async () => {
    const rig = openStreamRig({ seed: 1, products })
    await rig.timers.advanceBy(60_000)
    await expectTrueBooks(rig, products)
    for (const [of, product] of eachProduct(products)) {
      for (const kind of FEED_KINDS) expect(rig.holes(of, kind, product), `${kind} ${product}`).toEqual([])
      expect(expectTrueTape(rig, of, product, NOON_MS + 60_000)).toBeGreaterThan(10)
    }
    const { [venue]: outcome } = await rig.stop()
    const { received, ...became } = outcome!.ledger
    expect(Object.values(became).reduce((a, b) => a + b, 0)).toBe(received)
    expect(became).toMatchObject({ rejected: 0, dropped: 0 })
  })

  test('a connection that is cut is one hole of every line it carried, and nobody has to help', async () => {
    const rig = openStreamRig({ seed: 2, products })
    await rig.timers.advanceBy(30_000)
    rig.simulator.fault({ venue, fault: 'cut' })
    await rig.timers.advanceBy(60_000)
    await expectTrueBooks(rig, products)
    expectWholeHoles(rig, products)
    for (const [of, product] of eachProduct(products)) {
      for (const kind of FEED_KINDS) {
        const holes = rig.holes(of, kind, product)
        expect(
          holes.map(({ causes }) => causes[0]),
          `${kind} ${product}`,
        ).toEqual(['disconnected'])
        expect(holes[0]!.toMs! - holes[0]!.fromMs, `${kind} ${product}`).toBeLessThan(5_000)
      }
      expectTrueTape(rig, of, product, NOON_MS + 90_000)
    }
    await rig.stop()
  })
})
