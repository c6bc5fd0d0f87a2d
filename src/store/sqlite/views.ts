import { type ViewDialect, viewsSql } from '../view-sql.ts'

/** The views in SQLite's words. Its decimals are canonical text above zero: they stand in the order of their whole digits, then as text. */
const SQLITE: ViewDialect = {
  time: (ms) => `strftime('%Y-%m-%dT%H:%M:%fZ', ${ms} / 1000.0, 'unixepoch')`,
  greater: (a, b) => `max(${a}, ${b})`,
  lesser: (a, b) => `min(${a}, ${b})`,
  members: (json) => `json_each(${json})`,
  elements: (json) => `json_each(${json})`,
  objectOf: (key, value) => `json_group_object(${key}, ${value})`,
  widestFirst: (column) => `instr(${column} || '.', '.') DESC NULLS LAST, ${column} DESC`,
}

export const VIEWS = viewsSql(SQLITE)
