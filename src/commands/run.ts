import { resolve } from 'node:path'
import { type Config, loadConfig, readEnvironment } from '../config.ts'
import { EngineError } from '../models/engine-error.ts'
import type { Context } from './context.ts'
import { openLog } from './logging.ts'
import { stopOnSignals } from './signals.ts'

export const EXIT_FAILED = 1
export const EXIT_USAGE = 2
/** EX_CONFIG of sysexits.h. */
export const EXIT_CONFIG = 78

/**
 * Runs one verb as this process: settings, logs, clocks, signals; then exits with the answered code. What a verb throws is
 * said once, here: an EngineError as its message and hint, anything else with its stack.
 */
export async function run(part: string, verb: (context: Context) => Promise<number>): Promise<never> {
  endQuietlyWhenNobodyReads()
  let logLevel = 'info'
  try {
    const config = absolute(loadConfig(readEnvironment()))
    logLevel = config.logLevel
    process.exit(await verb(contextOf(part, config)))
  } catch (error) {
    process.stderr.write(failureText(error, logLevel))
    process.exit(exitCodeOf(error))
  }
}

/** The data folder by its whole path: should the working folder be removed, what is relative to it means nothing any more. */
function absolute(config: Config): Config {
  return { ...config, dataDir: resolve(config.dataDir) }
}

function contextOf(part: string, config: Config): Context {
  const human = process.stderr.isTTY
  const log = openLog({ level: config.logLevel, part, human, color: human && config.noColor === undefined })
  const monotonicMs = () => performance.now()
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (error: unknown) => {
      log.fatal({ err: error }, 'uncaught error')
      process.exit(EXIT_FAILED)
    })
  }
  return {
    config,
    log,
    nowMs: () => Date.now(),
    monotonicMs,
    random: () => Math.random(),
    stop: stopOnSignals(log, monotonicMs),
    out: (text) => process.stdout.write(text),
  }
}

/** `tidebook insights | head` closes standard output early: that is an end, not a failure. */
function endQuietlyWhenNobodyReads(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  process.stderr.on('error', () => {})
}

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof EngineError)) return EXIT_FAILED
  return error.code === 'bad-config' ? EXIT_CONFIG : error.code === 'usage' ? EXIT_USAGE : EXIT_FAILED
}

/** What a person reads of a failure: of a broken promise its message and the way out, of a bug its stack. */
export function failureText(error: unknown, logLevel: string): string {
  if (!(error instanceof EngineError)) return `${error instanceof Error ? error.stack : String(error)}\n`
  const hint = error.hint === undefined ? '' : `  hint: ${error.hint}\n`
  const wordy = logLevel === 'debug' || logLevel === 'trace'
  return `${error.message}\n${hint}${wordy ? `${error.stack}\n` : ''}`
}
