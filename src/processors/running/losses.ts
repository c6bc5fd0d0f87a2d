import type { Mark } from '../../models/feed-records.ts'
import { type Claim, idOf, type Store } from '../../store/store.ts'
import type { Decoded } from './decode.ts'

/**
 * What lost records leave behind: for every run that watched the partition, a stretch from where market time had come to
 * the run's next mark in which we cannot vouch for its products. By run.
 */
export type Losses = Map<string, { readonly fromMs: number; readonly products: readonly string[] }>

/** The runs and products that had watched a partition whose records were lost. `progress`: how far each source had come. */
export async function lossesOf(
  store: Store,
  { topic, partition }: Claim,
  progress: ReadonlyMap<string, number>,
): Promise<Losses> {
  const watches = await store.db
    .selectFrom('watches')
    .select(['run', 'source', 'product'])
    .where('topic', '=', topic)
    .where('partition', '=', partition)
    .where('bye', '=', 0)
    .execute()
  const losses: Losses = new Map()
  for (const { run, source, product } of watches) {
    const fromMs = progress.get(source)
    if (fromMs === undefined) continue
    losses.set(run, { fromMs, products: [...(losses.get(run)?.products ?? []), product] })
  }
  return losses
}

/** The holes that a run's first mark after a loss closes; none where the run lost nothing. Each run is answered once. */
export function takeHoles(losses: Losses, mark: Mark, place: string): Decoded[] {
  const loss = losses.get(mark.run)
  losses.delete(mark.run)
  if (loss === undefined || loss.fromMs >= mark.upToMs) return []
  const { venue, source, run } = mark
  return loss.products.flatMap((product): Decoded[] => {
    const about = {
      venue,
      source,
      run,
      product,
      feed: idOf(venue, source, product),
      id: `lost:${place}:${product}`,
    }
    return [
      { type: 'hole', record: { type: 'hole-open', ...about, fromMs: loss.fromMs, reason: 'lost-log' } },
      { type: 'hole', record: { type: 'hole-close', ...about, toMs: mark.upToMs, backfilled: false } },
    ]
  })
}
