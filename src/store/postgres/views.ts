import { type ViewDialect, viewsSql } from '../view-sql.ts'

/** The views in PostgreSQL's words. */
const POSTGRES: ViewDialect = {
  time: (ms) => `to_timestamp(${ms} / 1000.0)`,
  greater: (a, b) => `greatest(${a}, ${b})`,
  lesser: (a, b) => `least(${a}, ${b})`,
  members: (json) => `json_each_text(${json})`,
  elements: (json) => `json_array_elements(${json})`,
  objectOf: (key, value) =>
    `'{' || string_agg(to_json(${key})::text || ':' || ${value}, ',' ORDER BY ${key} COLLATE "C") || '}'`,
  widestFirst: (column) => `${column} DESC NULLS LAST`,
}

export const VIEWS = viewsSql(POSTGRES)

/** The tables of rows, and the view, that a view reads: it can be made where they are there. */
export function readsOf(select: string): string[] {
  return [...new Set(select.match(/\b(?:\w+_rows|watched_by_run)\b/g) ?? [])]
}
