import type { Logger } from 'pino'
import type { Config } from '../config.ts'

/** What a command is handed: the only place where clocks, chance, signals and standard output come from. */
export type Context = {
  readonly config: Config
  readonly log: Logger
  /** Milliseconds since 1970, for stamping. */
  readonly nowMs: () => number
  /** Milliseconds of a clock that never jumps, for waiting and measuring. */
  readonly monotonicMs: () => number
  /** A number in [0, 1), for jitter and run ids. */
  readonly random: () => number
  /** Aborted by SIGINT and SIGTERM: stop intake, flush, commit, close. */
  readonly stop: AbortSignal
  /** Data for standard output; logs go to standard error through `log`. */
  readonly out: (text: string) => void
}
