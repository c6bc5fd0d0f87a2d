import { aligned } from '../config-text.ts'
import { csvCell } from '../insights/render-csv.ts'

export const ROW_FORMATS = ['table', 'json', 'ndjson', 'csv'] as const
export type RowFormat = (typeof ROW_FORMATS)[number]

type Row = Readonly<Record<string, string | number | null>>

/** A column of the table and of the CSV: CSV and JSON have the value, the table what `cell` makes of it for people. */
export type Column<Of extends Row> = {
  readonly head: string
  readonly field: keyof Of & string
  cell?(row: Of): string
}

/** Rows as they were asked for: `table` for people, the others for programs. Ends in a line feed, or is empty. */
export function rowsText<Of extends Row>(
  rows: readonly Of[],
  columns: readonly Column<Of>[],
  format: RowFormat,
): string {
  return { table: tableText, json: jsonText, ndjson: ndjsonText, csv: csvText }[format](rows, columns)
}

function tableText<Of extends Row>(rows: readonly Of[], columns: readonly Column<Of>[]): string {
  const cells = rows.map((row) => columns.map(({ field, cell }) => cell?.(row) ?? String(row[field] ?? '-')))
  return `${aligned([columns.map(({ head }) => head), ...cells]).join('\n')}\n`
}

function jsonText(rows: readonly Row[]): string {
  return `${JSON.stringify(rows)}\n`
}

function ndjsonText(rows: readonly Row[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}

function csvText<Of extends Row>(rows: readonly Of[], columns: readonly Column<Of>[]): string {
  const lines = rows.map((row) => columns.map(({ field }) => csvCell(String(row[field] ?? ''))))
  return [columns.map(({ field }) => field), ...lines].map((line) => `${line.join(',')}\n`).join('')
}
