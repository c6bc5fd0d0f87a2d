import type { Kysely } from 'kysely'
import type { Views } from '../store/views.ts'
import type { Feed, InsightAbout } from './insight.ts'

/** A feed and the time of its latest book. */
export type KnownFeed = Feed & { readonly lastMs: number }

/** Every feed that ever had a book and that is asked about, by source, venue and product. */
export async function feedsOf(db: Kysely<Views>, about: InsightAbout): Promise<KnownFeed[]> {
  let query = db.selectFrom('top_of_book').select(['venue', 'source', 'product', 'time_ms as lastMs'])
  if (about.product !== undefined) query = query.where('product', '=', about.product)
  const feeds = await query.orderBy('source').orderBy('venue').orderBy('product').execute()
  return feeds.filter((feed) => isAskedAbout(feed, about))
}

export function isAskedAbout({ venue, source, product }: Feed, about: InsightAbout): boolean {
  return (
    (about.venue ?? venue) === venue &&
    (about.source ?? source) === source &&
    (about.product ?? product) === product
  )
}

/** One text a feed, for maps. */
export function feedName({ venue, source, product }: Feed): string {
  return `${venue} ${source} ${product}`
}
