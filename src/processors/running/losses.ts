import type { LogRecord, TopicPartition } from '../../broker/broker.ts'
import type { Mark } from '../../models/feed-records.ts'
import { idOf, type Store } from '../../store/store.ts'
import type { Decoded } from './decode.ts'
import type { Partition } from './partition.ts'

/**
 * What lost records leave behind: for every run that watched the partition, a stretch from where market time had come to
 * the run's next mark in which we cannot vouch for its products. By run.
 */
export type Losses = Map<string, { readonly fromMs: number; readonly products: readonly string[] }>

/**
 * Where the first of `records` lies further on than their reader stands, retention has run past it: said, and a hole of
 * every run that had watched. The reader itself counts the records as lost.
 */
export async function noteGap(
  partition: Partition,
  records: readonly LogRecord[],
  { store, log }: { store: Store; log: { warn(about: object, text: string): void } },
): Promise<void> {
  const { all, name, tp } = partition
  const lost = (records[0]?.offset ?? 0) - all.state.position
  if (lost <= 0) return
  log.warn({ partition: name, lost }, `${lost} records of ${name} were gone before they were read`)
  all.lose(await lossesOf(store, tp, all.progressNow()))
}

/** The runs and products that had watched a partition whose records were lost. `progress`: how far each source had come. */
export async function lossesOf(
  store: Store,
  { topic, partition }: TopicPartition,
  progress: ReadonlyMap<string, number>,
): Promise<Losses> {
  const watches = await store.db
    .selectFrom('watches')
    .select(['run', 'source', 'product'])
    .where('topic', '=', topic)
    .where('partition', '=', partition)
    .where('bye', '=', 0)
    .orderBy('run')
    .orderBy('product')
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
