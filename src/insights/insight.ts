import type { Kysely } from 'kysely'
import type { InsightResult, InsightSource, InsightVenue } from '../models/insight.ts'
import type { SourceId, VenueId } from '../models/scalars.ts'
import type { Views } from '../store/views.ts'

/** Venue, source and product: what most answers are about. Answers of unlike sources are never put together. */
export type Feed = { readonly venue: VenueId; readonly source: SourceId; readonly product: string }

/** What is asked, and as of when. A name that is not given is not asked for. */
export type InsightAbout = {
  readonly nowMs: number
  readonly venue?: string | undefined
  readonly source?: string | undefined
  readonly product?: string | undefined
  readonly windowsMs: readonly number[]
  readonly forecastLookbackMs: number
  readonly forecastHorizonMs: number
}

/** An answer about one feed, or about those it compares, from what lies between `fromMs` and `toMs`. */
export type InsightAnswer = {
  readonly venue: InsightVenue
  readonly source: InsightSource
  readonly product: string
  readonly fromMs: number | null
  readonly toMs: number | null
  /** What programs read: decimals as strings, statistics as numbers, times as ISO text. */
  readonly result: InsightResult['result']
  /** What a log line says: the value and its time. */
  readonly sentence: string
  /** What people read: rows for each of the insight's text tables, in their order. */
  readonly rows: readonly (readonly TextRow[])[]
}

/** A cell a column. The last column, of notes, holds what needs a second look. */
export type TextRow = readonly string[]

/** `point` lines numbers up by their decimal point. */
export type TextColumn = readonly [title: string, align: 'left' | 'right' | 'point']

export type TextTable = {
  readonly title: string
  /** Said once below the title: units, what the columns mean. */
  readonly says: string
  /** None: each row is one line of text behind the title. */
  readonly columns: readonly TextColumn[]
}

/** A question asked of the store, now or on a schedule. It reads the views only, and no clock. */
export type Insight = {
  readonly name: string
  readonly tables: readonly TextTable[]
  /** One answer a feed that there is anything to say about, in the order of `feedsOf`; or one a comparison. */
  answer(db: Kysely<Views>, about: InsightAbout): Promise<InsightAnswer[]>
}
