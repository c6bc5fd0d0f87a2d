import { once } from 'node:events'
import { schedule as cronSchedule, setLogger } from 'node-cron'
import type { Logger } from 'pino'
import { allInsights } from '../insights/run-insights.ts'
import { within } from '../insights/within.ts'
import { isoTime, MINUTE_MS, SECOND_MS } from '../models/time.ts'
import type { Context } from './context.ts'
import { answerInsights } from './insights.ts'

/** A run that has not ended by then hangs; the next one is due five minutes after it began, unless set otherwise. */
const RUN_MS_MAX = 4 * MINUTE_MS

/** At the end, a run that is under way is waited for so long; its slot is answered by another scheduler, or not at all. */
const DRAIN_MS_MAX = 5 * SECOND_MS

/**
 * Runs every insight by the clock of INSIGHTS_CRON, in UTC, until stopped. A run's answers are kept under its scheduled
 * moment, so that two schedulers make one row of it. A run that fails or hangs is told and the next one comes anyway; one
 * that is still at work is not overlapped; one that was slept through is told as missed.
 */
export async function schedule(context: Context): Promise<number> {
  const { config, log, stop } = context
  setLogger(cronLogger(log))
  let running: Promise<void> = Promise.resolve()
  const tick = ({ date }: { readonly date: Date }): Promise<void> => {
    running = runSlot(context, date.getTime())
    return running
  }
  const task = cronSchedule(config.insightsCron, tick, { timezone: 'UTC', noOverlap: true, name: 'insights' })
  task.on('execution:missed', ({ date }) => log.warn(`missed the run of ${isoTime(date.getTime())}`))
  log.info(`insights run by "${config.insightsCron}" (UTC), next at ${nextRun(task.getNextRun())}`)
  if (!stop.aborted) await once(stop, 'abort')
  await task.destroy()
  await within(DRAIN_MS_MAX, running).catch(() => log.warn('a run was under way and was not waited for'))
  return 0
}

/** Never rejects: what went wrong with one run must not end the schedule. */
async function runSlot(context: Context, slotMs: number): Promise<void> {
  const { log, monotonicMs } = context
  const slot = isoTime(slotMs)
  const beganMs = monotonicMs()
  try {
    const work = answerInsights(context, allInsights, {}, { slotMs })
    const { results, outcomes } = await within(RUN_MS_MAX, work)
    const failed = outcomes.filter((outcome) => 'failure' in outcome).length
    const about = { slot, results: results.length, failed, tookMs: Math.round(monotonicMs() - beganMs) }
    if (failed === 0) log.info(about, 'insights answered')
    else log.error(about, 'insights answered, but for those that failed')
  } catch (error) {
    log.error({ err: error, slot }, 'the run failed')
  }
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
