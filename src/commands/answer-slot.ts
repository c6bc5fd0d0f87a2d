import { allInsights } from '../insights/run-insights.ts'
import { EngineError } from '../models/engine-error.ts'
import { parseIsoTime } from '../models/time.ts'
import type { Context } from './context.ts'
import { answerInsights } from './insights.ts'

/**
 * One run of the schedule: every insight's answer, kept under the scheduled moment `slot` and shown to nobody. What went
 * wrong is in the log; the exit code is then 1.
 */
export async function answerSlot(context: Context, slot: string): Promise<number> {
  const { log, monotonicMs } = context
  const slotMs = parseIsoTime(slot)
  if (slotMs === undefined) {
    throw new EngineError('usage', `answer-slot got "${slot}", expected an ISO 8601 time in UTC`)
  }
  const beganMs = monotonicMs()
  try {
    const { results, outcomes } = await answerInsights(context, allInsights, {}, { slotMs })
    const failed = outcomes.filter((outcome) => 'failure' in outcome).length
    const about = { slot, results: results.length, failed, tookMs: Math.round(monotonicMs() - beganMs) }
    if (failed === 0) log.info(about, 'insights answered')
    else log.error(about, 'insights answered, but for those that failed')
    return failed === 0 ? 0 : 1
  } catch (error) {
    log.error({ err: error, slot }, 'the run failed')
    return 1
  }
}
