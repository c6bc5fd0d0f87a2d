import type { InsightResult, InsightSource, InsightVenue } from '../models/insight.ts'
import { table } from '../store/table.ts'
import type { Processor } from './processor.ts'

/** The kept answer of one insight about one feed for one slot: of several, the one that was worked out first. */
export type InsightRow = {
  readonly insight: string
  readonly venue: InsightVenue
  readonly source: InsightSource
  readonly product: string
  readonly slotMs: number
  readonly computedAtMs: number
  readonly fromMs: number | null
  readonly toMs: number | null
  readonly result: InsightResult['result']
}

export const insights: Processor<'insight', InsightRow> = {
  name: 'insights',
  reads: 'insight',
  per: { kind: 'key', of: (r) => [r.insight, r.venue, r.source, r.product, r.slotMs] },
  table: table<InsightRow>('insights', ['insight', 'venue', 'source', 'product', 'slotMs'], {
    insight: 'text',
    venue: 'text',
    source: 'text',
    product: 'text',
    slotMs: 'integer',
    computedAtMs: 'integer',
    fromMs: 'integer?',
    toMs: 'integer?',
    result: 'json',
  }),
  merge(row, record) {
    const { insight, venue, source, product, slotMs, computedAtMs, fromMs, toMs, result } = record
    const next = { insight, venue, source, product, slotMs, computedAtMs, fromMs, toMs, result }
    return row === undefined || isEarlier(next, row) ? next : row
  },
}

/** Worked out at the same moment, the smaller JSON decides, so that every arrival order agrees. */
function isEarlier(a: InsightRow, b: InsightRow): boolean {
  if (a.computedAtMs !== b.computedAtMs) return a.computedAtMs < b.computedAtMs
  return valueText(a) < valueText(b)
}

function valueText(row: InsightRow): string {
  return JSON.stringify([row.result, row.fromMs, row.toMs])
}
