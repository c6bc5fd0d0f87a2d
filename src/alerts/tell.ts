import type { Logger } from 'pino'
import type { Alert, Sink } from './alert.ts'

/**
 * Tells one alert to every sink, each within `timeoutMs`. A sink that fails is logged and never stops another; the
 * promise never rejects, so that telling cannot change what is told about.
 */
export async function tellAll(
  sinks: readonly Sink[],
  alert: Alert,
  about: { timeoutMs: number; log: Logger },
): Promise<void> {
  await Promise.all(sinks.map((sink) => tellOne(sink, alert, about)))
}

async function tellOne(
  sink: Sink,
  alert: Alert,
  { timeoutMs, log }: { timeoutMs: number; log: Logger },
): Promise<void> {
  try {
    await sendWithin(sink, alert, timeoutMs)
  } catch (error) {
    log.error({ sink: sink.name, alert: alert.id, err: error }, `${sink.name} was not told`)
  }
}

/** Sends, but waits no longer than `timeoutMs`, even for a sink that does not heed its signal. */
export async function sendWithin(sink: Sink, alert: Alert, timeoutMs: number): Promise<void> {
  const ending = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const reason = new DOMException(`${sink.name}: no answer within ${timeoutMs} ms`, 'TimeoutError')
      ending.abort(reason)
      reject(reason)
    }, timeoutMs)
  })
  try {
    await Promise.race([sink.send(alert, { signal: ending.signal }), late])
  } finally {
    clearTimeout(timer)
  }
}
