import { expect } from 'vitest'
import { decimalOf, formatDecimal } from '../../src/models/decimal.ts'
import type { ProductBook } from '../../src/models/product-book.ts'
import type { VenueId } from '../../src/models/scalars.ts'
import { FEED_KINDS } from '../../src/models/topics.ts'
import type { Trade } from '../../src/models/trade.ts'
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
      if (isSame(published.get(name), rig, venue, product)) wrong.delete(name)
    }
  }
  expect([...wrong.keys()]).toEqual([])
}

/** Keeps every book a simulated venue has had, as far as it is asked often enough: at least once between two changes. */
export function openWitness(rig: StreamRig, products: Names) {
  const seen = new Map(eachProduct(products).map((pair) => [pair.join(' '), new Set<string>()]))
  return {
    look(): void {
      for (const [venue, product] of eachProduct(products)) {
        const { bids, asks } = rig.simulator.books(venue, product, LEVELS)
        seen.get(`${venue} ${product}`)!.add(`${levelsText(bids)} / ${levelsText(asks)}`)
      }
    },
    /** Published books that the venue never had, by venue and product. */
    wrong(): Map<string, { books: number; wrong: number }> {
      const figures = new Map<string, { books: number; wrong: number }>()
      for (const { value } of rig.published) {
        if (!value.startsWith('{"type":"book"')) continue
        const { venue, product, bids, asks } = JSON.parse(value) as ProductBook
        const name = `${venue} ${product}`
        const figure = figures.get(name) ?? { books: 0, wrong: 0 }
        figures.set(name, figure)
        figure.books++
        if (!seen.get(name)!.has(`${levelsText(bids)} / ${levelsText(asks)}`)) figure.wrong++
      }
      return figures
    },
  }
}

const LEVELS = 20

function levelsText(levels: readonly (readonly [string, string, ...unknown[]])[]): string {
  return levels.map(([price, size]) => `${plain(price)} ${plain(size)}`).join('|')
}

function isSame(book: ProductBook | undefined, rig: StreamRig, venue: VenueId, product: string): boolean {
  if (book === undefined) return false
  const truth = rig.simulator.books(venue, product, LEVELS)
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
  const published = new Set(
    trades.map(
      ({ exchangeTimeMs, price, size, side }) => `${exchangeTimeMs} ${plain(price)} ${plain(size)} ${side}`,
    ),
  )
  const missing = expected.filter(
    ({ timeMs, price, size, taker }) =>
      ![...near(timeMs, price, size, taker)].some((text) => published.has(text)),
  )
  expect(missing, `${venue} ${product}: trades are missing`).toEqual([])
  return expected.length
}

export type Stretch = { readonly fromMs: number; readonly toMs: number | undefined }

/** A trade is under way for some milliseconds at either end of a stretch. */
const SETTLING_MS = 500

function* near(timeMs: number, price: string, size: string, taker: string): Generator<string> {
  yield `${timeMs} ${plain(price)} ${plain(size)} ${taker}`
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
