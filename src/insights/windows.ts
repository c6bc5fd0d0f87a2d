import type { SourceId, VenueId } from '../models/scalars.ts'
import { windowStart } from '../models/time.ts'
import { feedName, type KnownFeed } from './feeds.ts'
import type { Feed } from './insight.ts'

/** So many windows of each length are told, the newest last: half an hour and the one under way, at five minutes. */
export const WINDOWS_TOLD = 7

/** Names in one query: far below what any database takes. */
const PRODUCTS_MAX = 1_000

/** Feeds whose latest windows begin at the same time. */
export type WindowGroup = {
  readonly venue: VenueId
  readonly source: SourceId
  readonly products: readonly string[]
  readonly windowMs: number
  /** The start of the oldest window that is told. */
  readonly fromMs: number
}

/**
 * The feeds in groups that can be asked for together: the views work coverage out once a query, which is dear, so a query
 * a feed would take seconds at a thousand feeds. Each feed's windows end at its own latest book, however long ago that is.
 */
export function windowGroups(feeds: readonly KnownFeed[], windowsMs: readonly number[]): WindowGroup[] {
  const groups = new Map<string, WindowGroup & { products: string[] }>()
  for (const windowMs of windowsMs) {
    for (const { venue, source, product, lastMs } of feeds) {
      const fromMs = windowStart(lastMs, windowMs) - (WINDOWS_TOLD - 1) * windowMs
      const name = `${venue} ${source} ${windowMs} ${fromMs}`
      const group = groups.get(name)
      if (group === undefined) groups.set(name, { venue, source, products: [product], windowMs, fromMs })
      else group.products.push(product)
    }
  }
  return [...groups.values()].flatMap(chunked)
}

function chunked(group: WindowGroup): WindowGroup[] {
  const { products } = group
  const count = Math.ceil(products.length / PRODUCTS_MAX)
  return Array.from({ length: count }, (_, i) => ({
    ...group,
    products: products.slice(i * PRODUCTS_MAX, (i + 1) * PRODUCTS_MAX),
  }))
}

/** Rows by feed, each feed's in the order they came. */
export function byFeed<Row extends Feed>(rows: readonly Row[]): Map<string, Row[]> {
  const rowsOf = new Map<string, Row[]>()
  for (const row of rows) {
    const name = feedName(row)
    const known = rowsOf.get(name)
    if (known === undefined) rowsOf.set(name, [row])
    else known.push(row)
  }
  return rowsOf
}
