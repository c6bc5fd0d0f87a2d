import type { Logger } from 'pino'
import type { Sink } from './alert.ts'
import { oneLine } from './plain-text.ts'

/** Alerts as log lines: always on, and the only sink that gets every digest by itself. */
export function logSink(log: Logger): Sink {
  return {
    name: 'log',
    paceMs: 0,
    send: async (alert) => {
      const about = { alert: alert.id, severity: alert.severity, text: alert.text }
      const title = oneLine(alert.title)
      if (alert.severity === 'info') log.info(about, title)
      else if (alert.severity === 'warning') log.warn(about, title)
      else log.error(about, title)
    },
  }
}
