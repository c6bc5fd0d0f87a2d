import type { InsightResult } from '../models/insight.ts'
import { isoTime } from '../models/time.ts'

const HEADER = 'insight,venue,source,product,computedAt,from,to,field,value'

/**
 * One line a value, so that unlike insights share one table: `field` is the way to it, `windows[0].highestBid`. Lines end
 * in a line feed; cells are quoted as RFC 4180 says. A text that a spreadsheet would run as a formula gets a leading '.
 */
export function renderCsv(results: readonly InsightResult[]): string {
  return `${[HEADER, ...results.flatMap(linesOf)].join('\n')}\n`
}

function linesOf(one: InsightResult): string[] {
  const times = [one.computedAtMs, one.fromMs, one.toMs].map((timeMs) =>
    timeMs === null ? '' : isoTime(timeMs),
  )
  const about = [one.insight, one.venue, one.source, one.product, ...times]
  return valuesOf(one.result, '').map((pair) => [...about, ...pair].map(csvCell).join(','))
}

type Json = InsightResult['result'][string]

function valuesOf(value: Json, path: string): [path: string, value: string][] {
  if (value === null) return [[path, '']]
  if (typeof value !== 'object') return [[path, String(value)]]
  const inner: [string, Json][] = Array.isArray(value)
    ? value.map((item, i) => [`${path}[${i}]`, item])
    : Object.entries(value).map(([name, item]) => [path === '' ? name : `${path}.${name}`, item])
  return inner.flatMap(([way, item]) => valuesOf(item, way))
}

const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i

/** A cell, quoted where it must be; a text that a spreadsheet would run as a formula gets a leading '. */
export function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !NUMBER.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
