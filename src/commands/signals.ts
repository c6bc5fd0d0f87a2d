import type { Logger } from 'pino'

/** A drain that takes longer is stuck: the watchdog ends it, and what was not acknowledged is done again at the next start. */
const DRAIN_MS_MAX = 10_000

/** One Ctrl-C arrives twice where npm passes on what the terminal sent already; only what comes later is a second signal. */
const SAME_SIGNAL_MS = 400

const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

/**
 * Aborts the answered signal at the first SIGINT, SIGTERM or SIGHUP, and when a supervising parent goes away, however it
 * went. A second signal exits at once with 128 + its number.
 */
export function stopOnSignals(log: Logger, monotonicMs: () => number): AbortSignal {
  const controller = new AbortController()
  let firstAtMs: number | undefined

  function stop(reason: string): void {
    if (firstAtMs !== undefined) return
    firstAtMs = monotonicMs()
    log.debug({ reason }, 'stopping')
    setTimeout(() => {
      log.error(`did not stop within ${DRAIN_MS_MAX / 1_000} s: exiting`)
      process.exit(1)
    }, DRAIN_MS_MAX).unref()
    controller.abort(reason)
  }

  for (const [name, number] of Object.entries(SIGNAL_NUMBERS)) {
    process.on(name, () => {
      if (firstAtMs !== undefined && monotonicMs() - firstAtMs > SAME_SIGNAL_MS) process.exit(128 + number)
      stop(name)
    })
  }
  // Started by a supervisor: its end, even by kill -9, closes this channel.
  if (process.connected) process.on('disconnect', () => stop('the parent process is gone'))
  return controller.signal
}
