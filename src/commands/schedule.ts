import { once } from 'node:events'
import { schedule as cronSchedule, setLogger } from 'node-cron'
import type { Logger } from 'pino'
import { readEnvironment } from '../config.ts'
import { isoTime, MINUTE_MS, SECOND_MS } from '../models/time.ts'
import type { Context } from './context.ts'
import { type RunOptions, scheduledRun } from './scheduled-run.ts'
import { terminal } from './start.ts'

/** A run that has not ended by then hangs; the next one is due five minutes after it began, unless set otherwise. */
const RUN_MS_MAX = 4 * MINUTE_MS

/** At the end, a run that is under way is waited for so long; its slot is answered by another scheduler, or not at all. */
const DRAIN_MS_MAX = 5 * SECOND_MS

export type ScheduleOptions = Partial<Pick<RunOptions, 'runMsMax' | 'drainMsMax' | 'human' | 'say' | 'bin'>>

/**
 * Runs every insight by the clock of INSIGHTS_CRON, in UTC, until stopped. A run's answers are kept under its scheduled
 * moment, so that two schedulers make one row of it. A run that fails is told, one that hangs is killed, and the next one
 * comes anyway; one that is still at work is not overlapped; one that was slept through is told as missed.
 */
export async function schedule(context: Context, options: ScheduleOptions = {}): Promise<number> {
  const { config, log, stop } = context
  setLogger(cronLogger(log))
  const runOptions: RunOptions = {
    env: { ...readEnvironment(), DATA_DIR: config.dataDir },
    log,
    stop,
    ...terminal(context),
    runMsMax: RUN_MS_MAX,
    drainMsMax: DRAIN_MS_MAX,
    ...options,
  }
  let running: Promise<void> = Promise.resolve()
  const tick = ({ date }: { readonly date: Date }): Promise<void> => {
    running = scheduledRun(date.getTime(), runOptions)
    return running
  }
  const task = cronSchedule(config.insightsCron, tick, { timezone: 'UTC', noOverlap: true, name: 'insights' })
  task.on('execution:missed', ({ date }) => log.warn(`missed the run of ${isoTime(date.getTime())}`))
  log.info(`insights run by "${config.insightsCron}" (UTC), next at ${nextRun(task.getNextRun())}`)
  if (!stop.aborted) await once(stop, 'abort')
  await task.destroy()
  await running
  return 0
}

function nextRun(next: Date | null): string {
  return next === null ? 'no time' : isoTime(next.getTime())
}

/** node-cron's own words, where ours are. */
function cronLogger(log: Logger) {
  const say = (level: 'error' | 'debug') => (message: string | Error, error?: Error) =>
    log[level]({ err: error ?? (message instanceof Error ? message : undefined) }, String(message))
  return {
    info: (message: string) => log.info(message),
    warn: (message: string) => log.warn(message),
    error: say('error'),
    debug: say('debug'),
  }
}
