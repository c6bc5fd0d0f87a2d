import { expect } from 'vitest'
import type { VenueId } from '../../src/models/scalars.ts'
import { FEED_KINDS } from '../../src/models/topics.ts'
import type { FaultName } from '../../src/simulator/exchange-faults.ts'
import { NOON_MS, openStreamRig, type StreamRig, seeded } from './stream-rig.ts'
import {
  eachProduct,
  expectTrueBooks,
  expectTrueTape,
  expectWholeHoles,
  type Stretch,
  wrongBooks,
} from './stream-truth.ts'

/** Everything that can go wrong between five venues and us, by chance of a seed, while everything streams. */

const PRODUCTS: Partial<Record<VenueId, readonly string[]>> = {
  coinbase: ['BTC-USD', 'ETH-USD'],
  binance: ['BTC-USDT', 'ETH-USDT', 'BTC-USDT-PERP'],
  kucoin: ['BTC-USDT', 'ETH-USDT'],
  okx: ['BTC-USDT', 'BTC-USD-PERP'],
  deribit: ['BTC-USD-PERP', 'BTC-USDC'],
}

const FAULTS: readonly FaultName[] = [
  'drop',
  'duplicate',
  'reorder',
  'garbage',
  'truncated',
  'oversized',
  'crossed',
  'cut',
  'closing',
  'stall',
  'half-open',
  'down',
  '429',
  '418',
  '451',
  'late-snapshot',
  'future-clock',
  'expired-token',
]
/** What ends every connection of a venue for as long as it lasts, so that all of its lines are in a hole. */
const OUTAGES: readonly FaultName[] = ['cut', 'down']

export type SwarmFault = {
  readonly atMs: number
  readonly venue: VenueId
  readonly fault: FaultName
  readonly forMs: number
  readonly product?: string
}

const EVERY_MS = 6_000
const FAULT_MS_MAX = 4_000

/** Faults for a stretch of market time, one about every six seconds, each of up to four seconds. */
export function swarmOf(seed: number, lastsMs: number): SwarmFault[] {
  const random = seeded(seed)
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!
  const faults: SwarmFault[] = []
  for (let atMs = 10_000; atMs < lastsMs; atMs += EVERY_MS * (0.5 + random())) {
    const venue = pick(Object.keys(PRODUCTS) as VenueId[])
    const product = random() < 0.5 ? { product: pick(PRODUCTS[venue]!) } : {}
    faults.push({
      atMs: Math.round(atMs),
      venue,
      fault: pick(FAULTS),
      forMs: Math.round(random() * FAULT_MS_MAX),
      ...product,
    })
  }
  return faults
}

export type SwarmFigures = {
  readonly faults: number
  readonly holes: number
  readonly trades: number
  readonly backfilled: number
  readonly recoveryMs: readonly number[]
}

/** After `QUIET_MS` without a fault everything must be as if nothing had ever been. */
const QUIET_MS = 90_000

/** Plays a swarm and holds what was published against the truth. */
export async function playSwarm(seed: number, lastsMs: number): Promise<SwarmFigures> {
  const rig = openStreamRig({ seed, products: PRODUCTS })
  const faults = swarmOf(seed, lastsMs)
  for (const { atMs, venue, fault, forMs, product } of faults) {
    await rig.timers.advanceTo(NOON_MS + atMs)
    rig.simulator.fault({ venue, fault, product, forMs, share: 0.2 })
  }
  await rig.timers.advanceTo(NOON_MS + lastsMs + QUIET_MS)
  const endMs = NOON_MS + lastsMs + QUIET_MS
  await expectTrueBooks(rig, PRODUCTS)
  expectWholeHoles(rig, PRODUCTS)
  let trades = 0
  for (const [venue, product] of eachProduct(PRODUCTS)) {
    trades += expectTrueTape(rig, venue, product, endMs, unprovable(venue, faults))
  }
  const wrong = [...(await wrongBooks(rig))]
  // What carries no numbers is found out later, and so may have been published wrong: it says so of itself.
  expect(
    wrong.filter(([name]) => !name.startsWith('coinbase')),
    'books that no venue ever had',
  ).toEqual([])
  const figures = {
    faults: faults.length,
    trades,
    ...holesOf(rig),
    recoveryMs: recoveries(rig, faults),
    wrong,
  }
  const outcomes = await rig.stop()
  for (const { failure, ledger } of Object.values(outcomes)) {
    expect(failure).toBeUndefined()
    const { received, ...became } = ledger
    expect(Object.values(became).reduce((a, b) => a + b, 0)).toBe(received)
  }
  return figures
}

/** KuCoin's trades carry no numbers of their own: one that is dropped on the way is gone without a trace. */
function unprovable(of: VenueId, faults: readonly SwarmFault[]): Stretch[] {
  return faults
    .filter(({ venue, fault }) => venue === of && venue === 'kucoin' && fault === 'drop')
    .map(({ atMs, forMs }) => ({ fromMs: NOON_MS + atMs, toMs: NOON_MS + atMs + forMs }))
}

function holesOf(rig: StreamRig): { holes: number; backfilled: number } {
  const holes = eachProduct(PRODUCTS).flatMap(([venue, product]) =>
    FEED_KINDS.flatMap((kind) => rig.holes(venue, kind, product)),
  )
  return { holes: holes.length, backfilled: holes.filter(({ backfilled }) => backfilled).length }
}

/** Who has been told to stay away comes back after a minute at most, not after seconds. */
const STAY_AWAY: readonly FaultName[] = ['429', '418', '451']
const AWAY_MS = 70_000
/** The last frame before a cut may still be under way. */
const ON_ITS_WAY_MS = 100

/** How long after the venue was there again each line of it was good again: each outage is one hole of each line. */
function recoveries(rig: StreamRig, faults: readonly SwarmFault[]): number[] {
  return faults
    .filter(({ fault, product }) => OUTAGES.includes(fault) && product === undefined)
    .filter(
      (outage) =>
        !faults.some(
          ({ venue, fault, atMs }) =>
            venue === outage.venue && STAY_AWAY.includes(fault) && Math.abs(atMs - outage.atMs) < AWAY_MS,
        ),
    )
    .flatMap(({ atMs, venue, fault, forMs }) => {
      const startMs = NOON_MS + atMs
      const backMs = startMs + (fault === 'down' ? forMs : 0)
      return PRODUCTS[venue]!.map((product) => {
        const holes = rig
          .holes(venue, 'books', product)
          .filter(({ fromMs, toMs }) => fromMs <= startMs + ON_ITS_WAY_MS && toMs! >= startMs)
        expect(holes, `${fault} of ${venue} at ${atMs}: ${product}`).toHaveLength(1)
        return Math.max(0, holes[0]!.toMs! - backMs)
      })
    })
    .sort((a, b) => a - b)
}
