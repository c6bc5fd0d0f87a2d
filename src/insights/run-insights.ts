import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import type { InsightResult } from '../models/insight.ts'
import { SECOND_MS } from '../models/time.ts'
import type { Views } from '../store/views.ts'
import { bestPrices } from './best-prices.ts'
import { consolidated } from './consolidated.ts'
import type { Insight, InsightAbout, InsightAnswer } from './insight.ts'
import { maxSpread } from './max-spread.ts'
import { midPriceForecast } from './mid-price-forecast.ts'
import { topOfBook } from './top-of-book.ts'
import { within } from './within.ts'

/** Every insight there is, in the order of the report. */
export const allInsights: readonly Insight[] = [
  topOfBook,
  consolidated,
  bestPrices,
  maxSpread,
  midPriceForecast,
]

/** An insight that has not answered by then hangs: a tenth of the usual five minutes between two runs. */
export const INSIGHT_MS_MAX = 30 * SECOND_MS

/** A log line tells the first answers, a report all of them: the products of a demo fit. */
const SENTENCES_MAX = 4

/** What became of one insight: its answers, or why there are none. */
export type Outcome = { readonly insight: Insight } & (
  | { readonly answers: readonly InsightAnswer[] }
  | { readonly failure: Error }
)

/**
 * Asks all of `insights` at the same time. Never rejects: one that fails or hangs is told in its outcome and in the log,
 * and the others go on.
 */
export function runInsights(
  insights: readonly Insight[],
  db: Kysely<Views>,
  about: InsightAbout,
  how: { readonly log: Logger; readonly msMax?: number },
): Promise<Outcome[]> {
  return Promise.all(insights.map((insight) => runOne(insight, db, about, how)))
}

async function runOne(
  insight: Insight,
  db: Kysely<Views>,
  about: InsightAbout,
  how: { readonly log: Logger; readonly msMax?: number },
): Promise<Outcome> {
  const { log, msMax = INSIGHT_MS_MAX } = how
  log.info(`Running analysis: ${insight.name}`)
  try {
    const answers = await within(msMax, insight.answer(db, about))
    log.info(`Analysis ${insight.name} produced the result: ${told(answers)}`)
    log.info(`Analysis ${insight.name} completed`)
    return { insight, answers }
  } catch (error) {
    const failure = error instanceof Error ? error : new Error(String(error))
    log.error({ err: failure }, `Analysis ${insight.name} failed: ${failure.message}`)
    return { insight, failure }
  }
}

function told(answers: readonly InsightAnswer[]): string {
  if (answers.length === 0) return 'no data yet'
  const sentences = answers.slice(0, SENTENCES_MAX).map(({ sentence }) => sentence)
  const more = answers.length - sentences.length
  return [...sentences, ...(more > 0 ? [`and ${more} more`] : [])].join(' | ')
}

/** The answers as records of the `insights` topic. `slotMs`: the moment they were asked for. */
export function resultsOf(
  outcomes: readonly Outcome[],
  about: { readonly slotMs: number; readonly computedAtMs: number },
): InsightResult[] {
  return outcomes.flatMap((outcome) =>
    'failure' in outcome
      ? []
      : outcome.answers.map(({ venue, source, product, fromMs, toMs, result }) => ({
          type: 'insight' as const,
          insight: outcome.insight.name,
          venue,
          source,
          product,
          ...about,
          fromMs,
          toMs,
          result,
        })),
  )
}
