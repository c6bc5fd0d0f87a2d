import type { InsightResult } from '../models/insight.ts'
import { isoTime } from '../models/time.ts'

/** One JSON array: what was asked, about what, when, from which stretch of time, and the answer. */
export function renderJson(results: readonly InsightResult[]): string {
  return `${JSON.stringify(results.map(reportOf), null, 2)}\n`
}

function reportOf({ insight, venue, source, product, computedAtMs, fromMs, toMs, result }: InsightResult) {
  return {
    insight,
    venue,
    source,
    product,
    computedAt: isoTime(computedAtMs),
    from: fromMs === null ? null : isoTime(fromMs),
    to: toMs === null ? null : isoTime(toMs),
    result,
  }
}
