import type { InsightSource, InsightVenue } from '../models/insight.ts'
import { isoTime } from '../models/time.ts'
import type { InsightAbout, InsightAnswer, TextColumn, TextRow, TextTable } from './insight.ts'
import type { Outcome } from './run-insights.ts'

const BOLD = '\u001b[1m'
const DIM = '\u001b[2m'
const YELLOW = '\u001b[33m'
const RED = '\u001b[31m'
const PLAIN = '\u001b[0m'

type Paint = (style: string, text: string) => string

export type TextReport = {
  readonly about: InsightAbout
  readonly outcomes: readonly Outcome[]
  /** How many records the tables are behind the log. */
  readonly lagRecords: number
  readonly colour: boolean
}

/**
 * The report for people: a section a venue and source, never mixed, in it the insights as tables; behind them what compares venues. Times are UTC, with their
 * day where it is not today's.
 */
export function renderText({ about, outcomes, lagRecords, colour }: TextReport): string {
  const paint: Paint = (style, text) => (colour && text !== '' ? `${style}${text}${PLAIN}` : text)
  const lines = [
    paint(BOLD, `Tidebook insights at ${isoTime(about.nowMs).slice(0, 19).replace('T', ' ')} UTC`),
  ]
  if (lagRecords > 0) {
    lines.push(
      paint(YELLOW, `The tables are ${lagRecords} records behind the log; the report shows what they hold.`),
    )
  }
  const answered = outcomes.flatMap((outcome) => ('answers' in outcome ? outcome.answers : []))
  for (const [heading, belongs] of sectionsOf(answered)) {
    lines.push('', paint(BOLD, heading))
    for (const outcome of outcomes) {
      if ('answers' in outcome) lines.push(...tablesOf(outcome, belongs, paint))
    }
  }
  for (const outcome of outcomes) {
    if ('failure' in outcome)
      lines.push('', paint(RED, `${outcome.insight.name} failed: ${outcome.failure.message}`))
  }
  if (answered.length === 0 && outcomes.every((outcome) => 'answers' in outcome))
    lines.push('', ...noData(about))
  return `${lines.join('\n')}\n`
}

/** One heading a venue and source, with what belongs under it. */
function sectionsOf(answers: readonly InsightAnswer[]): Map<string, (answer: InsightAnswer) => boolean> {
  return new Map(
    answers.map(({ venue, source }) => [
      headingOf(venue, source),
      (answer: InsightAnswer) => answer.venue === venue && answer.source === source,
    ]),
  )
}

function headingOf(venue: InsightVenue, source: InsightSource): string {
  const name = venue === 'all' ? 'all venues' : venue
  const isLive = source === venue || source === 'live'
  return isLive ? `${name}, live` : `${name}, source ${source}: made data, not the market`
}

function noData(about: InsightAbout): string[] {
  const asked = [about.venue, about.source, about.product].filter((name) => name !== undefined).join(', ')
  return [
    `No data yet${asked === '' ? '' : ` for ${asked}`}: run \`npm run generate-mock -- --history 30m --exit\` for a made market,`,
    'or `npm run ingest` for the live one, then ask again.',
  ]
}

function tablesOf(
  { insight, answers }: Extract<Outcome, { answers: readonly InsightAnswer[] }>,
  belongs: (answer: InsightAnswer) => boolean,
  paint: Paint,
): string[] {
  return insight.tables.flatMap((table, i) => {
    const rows = answers.filter(belongs).flatMap((answer) => answer.rows[i] ?? [])
    if (rows.length === 0) return []
    if (table.columns.length > 0) return ['', ...tableLines(table, rows, paint)]
    return ['', ...rows.map(([text]) => `  ${paint(BOLD, table.title)}  ${text}`)]
  })
}

function tableLines(table: TextTable, rows: readonly TextRow[], paint: Paint): string[] {
  const notes = table.columns.length - 1
  // A product's name stands once, above its rows.
  const shown = rows.map((row, i) => (row[0] === rows[i - 1]?.[0] ? ['', ...row.slice(1)] : row))
  const cellsOf = (column: number) => shown.map((row) => row[column] ?? '')
  const cells = table.columns.map((column, i) => alignedColumn(column, cellsOf(i)))
  const line = (cellOf: (column: string[]) => string) => `    ${cells.map(cellOf).join('  ').trimEnd()}`
  const body = rows.map((_, i) => {
    const [text, note] = [line((column) => column[i + 1]!), rows[i]![notes] ?? '']
    return note === '' ? text : text.slice(0, -note.length) + paint(YELLOW, note)
  })
  return [
    `  ${paint(BOLD, table.title)}  ${paint(DIM, table.says)}`,
    paint(
      DIM,
      line((column) => column[0]!),
    ),
    ...body,
  ]
}

/** The title and the cells, all of one width. */
function alignedColumn([title, align]: TextColumn, values: readonly string[]): string[] {
  const lined = align === 'point' ? onPoint(values) : values
  const width = Math.max(title.length, ...lined.map((value) => value.length))
  return [title, ...lined].map((text) => (align === 'left' ? text.padEnd(width) : text.padStart(width)))
}

/** Numbers filled up behind, so that their decimal points stand below each other when they end at the same place. */
function onPoint(values: readonly string[]): string[] {
  const behind = (text: string) => (text.includes('.') ? text.length - text.indexOf('.') : 0)
  const most = Math.max(...values.map(behind))
  return values.map((text) => text + ' '.repeat(most - behind(text)))
}
