import type { Broker } from '../broker/broker.ts'
import { openPublisher } from '../broker/publisher.ts'
import type { Insight, InsightAbout } from '../insights/insight.ts'
import { renderCsv } from '../insights/render-csv.ts'
import { renderJson } from '../insights/render-json.ts'
import { renderText } from '../insights/render-text.ts'
import { allInsights, type Outcome, resultsOf, runInsights } from '../insights/run-insights.ts'
import { EngineError } from '../models/engine-error.ts'
import type { InsightResult } from '../models/insight.ts'
import { INSIGHTS_TOPIC } from '../models/topics.ts'
import { bringTablesUpToDate } from './catch-up.ts'
import type { Context } from './context.ts'

/** Results published in one batch: a few megabytes. */
const PUBLISH_RESULTS_MAX = 1_000

export type InsightsOptions = {
  readonly insight?: string | undefined
  readonly product?: string | undefined
  readonly venue?: string | undefined
  readonly source?: string | undefined
  readonly format: 'text' | 'json' | 'csv'
}

/**
 * One report, from what the log holds now. Exit 1 where an insight failed; the others are reported all the same. Nothing
 * captured yet is no failure: the report says how to get data.
 */
export async function insights(context: Context, options: InsightsOptions): Promise<number> {
  const chosen = chosenInsights(options.insight)
  const { outcomes } = await answerInsights(context, chosen, options, {
    show: (answered) => context.out(rendered(answered, options.format, context)),
  })
  return outcomes.some((outcome) => 'failure' in outcome) ? 1 : 0
}

export type Answered = {
  readonly about: InsightAbout
  readonly outcomes: readonly Outcome[]
  readonly results: readonly InsightResult[]
  readonly lagRecords: number
}

/**
 * Brings the tables up to date, asks the insights, shows and then publishes what they answered. `slotMs` is the moment the
 * answers are kept under: the same for everybody who answers the same scheduled run, else the moment itself.
 */
export async function answerInsights(
  context: Context,
  chosen: readonly Insight[],
  asked: Pick<InsightsOptions, 'product' | 'venue' | 'source'>,
  how: { readonly slotMs?: number; readonly show?: (answered: Answered) => void },
): Promise<Answered> {
  const { config, log } = context
  const { lagRecords, db, broker, close } = await bringTablesUpToDate(context)
  try {
    if (lagRecords > 0)
      log.warn({ lagRecords }, 'the tables are behind the log; the report shows what they hold')
    const nowMs = context.nowMs()
    const { product, venue, source } = asked
    const { windowsMs, forecastLookbackMs, forecastHorizonMs } = config
    const about = { nowMs, product, venue, source, windowsMs, forecastLookbackMs, forecastHorizonMs }
    const outcomes = await runInsights(chosen, db, about, { log })
    const results = resultsOf(outcomes, { slotMs: how.slotMs ?? nowMs, computedAtMs: nowMs })
    const answered = { about, outcomes, results, lagRecords }
    how.show?.(answered)
    await publish(context, broker, results)
    return answered
  } finally {
    await close()
  }
}

function chosenInsights(name: string | undefined): readonly Insight[] {
  if (name === undefined) return allInsights
  const chosen = allInsights.filter((insight) => insight.name === name)
  if (chosen.length > 0) return chosen
  const names = allInsights.map((insight) => insight.name).join(', ')
  throw new EngineError('usage', `there is no insight "${name}"`, { hint: `there are ${names}` })
}

async function publish(context: Context, broker: Broker, results: readonly InsightResult[]): Promise<void> {
  const { nowMs, random } = context
  const run = `insights-${nowMs().toString(36)}-${Math.floor(random() * 2 ** 40).toString(36)}`
  const publisher = await openPublisher(broker, run)
  const drafts = results.map((result) => ({
    topic: INSIGHTS_TOPIC,
    key: result.insight,
    value: JSON.stringify(result),
  }))
  for (let i = 0; i < drafts.length; i += PUBLISH_RESULTS_MAX) {
    await publisher.send(drafts.slice(i, i + PUBLISH_RESULTS_MAX))
  }
}

function rendered(answered: Answered, format: InsightsOptions['format'], { config }: Context): string {
  if (format === 'json') return renderJson(answered.results)
  if (format === 'csv') return renderCsv(answered.results)
  return renderText({ ...answered, colour: process.stdout.isTTY && config.noColor === undefined })
}
