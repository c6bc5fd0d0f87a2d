import { type Logger, pino } from 'pino'

/**
 * Logs go to standard error: one JSON line each where a program reads them, a compact line where a person does. The
 * descriptor is written synchronously, so that nothing is lost when the process exits. A reader that went away is no
 * reason to fail.
 */
export function openLog(about: { level: string; part: string; human: boolean; color: boolean }): Logger {
  const destination = pino.destination({ dest: 2, sync: true })
  destination.on('error', () => {})
  const stream = about.human
    ? { write: (line: string) => destination.write(`${humanLine(line, about.color)}\n`) }
    : destination
  return pino(
    { level: about.level, base: { part: about.part }, timestamp: pino.stdTimeFunctions.isoTime },
    stream,
  )
}

const LEVEL_NAMES: Record<number, string> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
}
const RED = '\u001b[31m'
const YELLOW = '\u001b[33m'
const PLAIN = '\u001b[0m'

/**
 * `14:35:00 info  process       caught up  records=7200` of a log line of ours, texts of several lines below it; any
 * other line as it is.
 */
export function humanLine(line: string, color: boolean): string {
  const entry = parseEntry(line)
  if (entry === undefined) return line.trimEnd()
  const { level, time, part, msg, err, ...fields } = entry
  const name = LEVEL_NAMES[level as number] ?? String(level)
  const [long, short] = [
    Object.values(fields).filter(isLong),
    Object.entries(fields).filter(([, value]) => !isLong(value)),
  ]
  const text = [
    `${String(time).slice(11, 19)} ${name.padEnd(5)} ${oneLine(String(part)).padEnd(PART_WIDTH)} ${oneLine(String(msg ?? ''))}`,
    ...short.map(([key, value]) => `${oneLine(key)}=${shown(value)}`),
  ].join('  ')
  const tint = (level as number) >= 50 ? RED : (level as number) >= 40 ? YELLOW : ''
  const tinted = color && tint !== '' ? `${tint}${text}${PLAIN}` : text
  return tinted + [...long, stackOf(err)].map(below).join('')
}

function isLong(value: unknown): value is string {
  return typeof value === 'string' && value.includes('\n')
}

function below(text: string | undefined): string {
  if (text === undefined) return ''
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `\n    ${withoutControls(line).trimEnd()}`)
    .join('')
}

/** As wide as the longest name of a part that runs beside others, `generate-mock`. */
export const PART_WIDTH = 13

function parseEntry(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{"level":')) return undefined
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}

function stackOf(err: unknown): string | undefined {
  return typeof err === 'object' && err !== null && 'stack' in err ? String(err.stack) : undefined
}

function shown(value: unknown): string {
  const text = oneLine(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
  return /[\s"]/.test(text) && typeof value === 'string' ? JSON.stringify(text) : text
}

/** What a venue or a person put into a log must not move a terminal's cursor, paint it, or look like lines of ours. */
function oneLine(text: string): string {
  return withoutControls(text).trim()
}

function withoutControls(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ')
}
