import { expect } from 'vitest'
import { add, decimalOf, formatDecimal } from '../../src/models/decimal.ts'
import type { ProductBook } from '../../src/models/product-book.ts'
import type { VenueId } from '../../src/models/scalars.ts'
import { FEED_KINDS } from '../../src/models/topics.ts'
import type { Trade } from '../../src/models/trade.ts'
import type { SimBook, SimTrade } from '../../src/simulator/sim.ts'
import { NOON_MS, type StreamRig } from './stream-rig.ts'

/** What was published, held against what the simulated venue knows to be true. */

type Names = Partial<Record<VenueId, readonly string[]>>

export function eachProduct(products: Names): [VenueId, string][] {
  return Object.entries(products).flatMap(([venue, names]) =>
    names.map((name): [VenueId, string] => [venue as VenueId, name]),
  )
}

/** How long published books may trail what the venue has published: latency, linger, one interval. */
const TRAIL_MS_MAX = 1_000
const LOOK_MS = 7

/** Every product's last published book is the venue's own within a second: it is asked until it was seen to be. */
export async function expectTrueBooks(rig: StreamRig, products: Names): Promise<void> {
  const wrong = new Map(eachProduct(products).map((pair) => [pair.join(' '), pair]))
  const published = new Map<string, ProductBook>()
  let read = 0
  for (let waitedMs = 0; wrong.size > 0 && waitedMs < TRAIL_MS_MAX; waitedMs += LOOK_MS) {
    await rig.timers.advanceBy(LOOK_MS)
    for (; read < rig.published.length; read++) {
      const { value } = rig.published[read]!
      if (!value.startsWith('{"type":"book"')) continue
      const book = JSON.parse(value) as ProductBook
      published.set(`${book.venue} ${book.product}`, book)
    }
    for (const [name, [venue, product]] of wrong) {
      const book = published.get(name)
      if (book !== undefined && isTruth(book, rig.simulator.books(venue, product, LEVELS))) wrong.delete(name)
    }
  }
  expect([...wrong.keys()]).toEqual([])
}

/**
 * How many of the published books the venue never had. A twin of the venues is looked at in the millisecond each book is
 * stamped with, and in those beside it: two changes may stand a millisecond apart.
 */
export async function wrongBooks(rig: StreamRig): Promise<Map<string, number>> {
  const { timers, simulator } = rig.twin()
  const unseen = new Set<ProductBook>()
  const due = new Map<number, ProductBook[]>()
  for (const { value } of rig.published) {
    if (!value.startsWith('{"type":"book"')) continue
    const book = JSON.parse(value) as ProductBook
    unseen.add(book)
    const timeMs = book.exchangeTimeMs ?? book.receivedAtMs
    const earlyMs = book.exchangeTimeMs === null ? UNDATED_MS : BESIDE_MS
    for (let atMs = timeMs - earlyMs; atMs <= timeMs + BESIDE_MS; atMs++)
      due.set(atMs, [...(due.get(atMs) ?? []), book])
  }
  for (const atMs of [...due.keys()].sort((a, b) => a - b)) {
    await timers.advanceTo(atMs)
    for (const book of due.get(atMs)!) {
      if (unseen.has(book) && isTruth(book, simulator.books(book.venue, book.product, LEVELS)))
        unseen.delete(book)
    }
  }
  simulator.close()
  const wrong = new Map<string, number>()
  for (const { venue, product } of unseen) {
    const name = `${venue} ${product}`
    wrong.set(name, (wrong.get(name) ?? 0) + 1)
  }
  return wrong
}

const BESIDE_MS = 2
/** Books without a time of the venue are stamped when they came. */
const UNDATED_MS = 30

const LEVELS = 20

function levelsText(levels: readonly (readonly [string, string, ...unknown[]])[]): string {
  return levels.map(([price, size]) => `${plain(price)} ${plain(size)}`).join('|')
}

function isTruth(book: ProductBook, truth: Pick<SimBook, 'bids' | 'asks'>): boolean {
  return levelsText(book.bids) === levelsText(truth.bids) && levelsText(book.asks) === levelsText(truth.asks)
}

function plain(text: string): string {
  return formatDecimal(decimalOf(text))
}

/**
 * Every trade that happened since the line was up was published once, but for those within holes that were not back-filled
 * and those of `unprovable` stretches, in which something was lost that no number shows; answers how many were expected.
 */
export function expectTrueTape(
  rig: StreamRig,
  venue: VenueId,
  product: string,
  untilMs: number,
  unprovable: readonly Stretch[] = [],
): number {
  const news = rig.records(venue, 'trades', product)
  const up = news.find((record) => record.type === 'up')!
  const trades = news.filter((record): record is Trade => record.type === 'trade')
  const ids = trades.map(({ id }) => id)
  expect(new Set(ids).size, `${venue} ${product}: a trade was published twice`).toBe(ids.length)
  const holes = rig.holes(venue, 'trades', product).filter(({ backfilled }) => !backfilled)
  const torn: Stretch[] = [...holes, ...unprovable]
  const expected = rig.simulator
    .tape(venue, product, up.type === 'up' ? up.atMs + SETTLING_MS : NOON_MS, untilMs - SETTLING_MS)
    .filter(
      ({ timeMs }) =>
        !torn.some(
          ({ fromMs, toMs = Infinity }) => timeMs >= fromMs - SETTLING_MS && timeMs <= toMs + SETTLING_MS,
        ),
    )
  const published = soldAt(
    trades.map(({ exchangeTimeMs: timeMs, side: taker, ...trade }) => ({ timeMs, taker, ...trade })),
  )
  const missing = [...soldAt(expected)].filter(([at, size]) => published.get(at) !== size)
  expect(missing, `${venue} ${product}: trades are missing`).toEqual([])
  return expected.length
}

export type Stretch = { readonly fromMs: number; readonly toMs: number | undefined }

/** A trade is under way for some milliseconds at either end of a stretch. */
const SETTLING_MS = 500

/**
 * How much was sold to whom, at which price and when: what is asked for again after a hole may be single fills of a trade that
 * the stream would have told of as one.
 */
function soldAt(
  trades: readonly Pick<SimTrade, 'timeMs' | 'price' | 'size' | 'taker'>[],
): Map<string, string> {
  const sold = new Map<string, string>()
  for (const { timeMs, price, size, taker } of trades) {
    const at = `${timeMs} ${plain(price)} ${taker}`
    sold.set(at, formatDecimal(add(decimalOf(sold.get(at) ?? '0'), decimalOf(size))))
  }
  return sold
}

/** Holes of a line follow each other, each ends after it began, and none is open. */
export function expectWholeHoles(rig: StreamRig, products: Names): void {
  for (const [venue, product] of eachProduct(products)) {
    for (const kind of FEED_KINDS) {
      let untilMs = 0
      for (const { id, fromMs, toMs } of rig.holes(venue, kind, product)) {
        expect(toMs, `${id} is open`).toBeDefined()
        expect(fromMs, `${id} begins within the one before`).toBeGreaterThanOrEqual(untilMs)
        expect(toMs, id).toBeGreaterThanOrEqual(fromMs)
        untilMs = toMs!
      }
    }
  }
}
