import { type Logger, pino } from 'pino'

/** A real logger whose lines are kept, exactly as they would be written. */
export function recordingLog(): { log: Logger; lines: string[]; entries(): Record<string, unknown>[] } {
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
  return { log, lines, entries: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}
