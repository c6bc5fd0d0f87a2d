import { type Table, table } from '../store/table.ts'
import type { Processor, Stamped } from './processor.ts'

/**
 * When news of a feed was last seen, by the market's clock and by ours: whether its trades and tickers still come. The two
 * are each the latest there was, be it of two records. What the news said is not kept.
 */
export type SeenRow = {
  readonly feed: number
  readonly timeMs: number
  readonly receivedAtMs: number
}

export const tradesSeen: Processor<'trade', SeenRow> = {
  name: 'trades-seen',
  reads: 'trade',
  per: { kind: 'feed' },
  table: seenTable('trades_seen'),
  merge: withNews,
}

export const tickersSeen: Processor<'ticker', SeenRow> = {
  name: 'tickers-seen',
  reads: 'ticker',
  per: { kind: 'feed' },
  table: seenTable('tickers_seen'),
  merge: withNews,
}

function seenTable(name: string): Table<SeenRow> {
  return table<SeenRow>(name, ['feed'], { feed: 'integer', timeMs: 'integer', receivedAtMs: 'integer' })
}

function withNews(row: SeenRow | undefined, { feed, timeMs, receivedAtMs }: Stamped): SeenRow {
  if (row === undefined) return { feed, timeMs, receivedAtMs }
  if (timeMs <= row.timeMs && receivedAtMs <= row.receivedAtMs) return row
  return {
    feed,
    timeMs: Math.max(row.timeMs, timeMs),
    receivedAtMs: Math.max(row.receivedAtMs, receivedAtMs),
  }
}
