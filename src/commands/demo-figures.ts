import type { Kysely } from 'kysely'
import type { Broker } from '../broker/broker.ts'
import type { Config } from '../config.ts'
import { isoTime } from '../models/time.ts'
import { booksTopic } from '../models/topics.ts'
import type { Views } from '../store/views.ts'
import type { Context } from './context.ts'
import { openTables } from './open-tables.ts'
import { lagStatus } from './status-report.ts'

/** What the demo's status line says, once a second. */
export type Figures = {
  readonly nowMs: number
  readonly books: number
  readonly lagRecords: number
  readonly top: { readonly product: string; readonly bid: string; readonly ask: string } | undefined
  readonly rejections: number
  readonly digests: number
}

const SOURCE = 'simulator'
/** Whose prices the status line shows. */
const PRODUCT = 'BTC-USD'

/** Up to where an earlier run has made the market; 0 where there was none. */
export async function madeUpToMs(config: Config): Promise<number> {
  return withTables(config, 0, async (db) => {
    const row = await db
      .selectFrom('progress')
      .select(({ fn }) => fn.max<number | null>('progress_ms').as('progress_ms'))
      .where('source', '=', SOURCE)
      .executeTakeFirst()
    return row?.progress_ms ?? 0
  })
}

/** Whether the tables hold the made market up to `startedAtMs`: then history is in, and the parts are at work. */
export async function historyIsIn(config: Config, startedAtMs: number): Promise<boolean> {
  return withTables(config, false, async (db) => {
    const row = await db
      .selectFrom('progress')
      .select(({ fn }) => fn.min<number | null>('progress_ms').as('progress_ms'))
      .where('topic', '=', booksTopic('coinbase'))
      .where('source', '=', SOURCE)
      .executeTakeFirst()
    return (row?.progress_ms ?? 0) >= startedAtMs
  })
}

export async function demoFigures(context: Context, broker: Broker): Promise<Figures> {
  return withTables(context.config, emptyFigures(context.nowMs()), async (db) => {
    const [books, top, rejections, digests, lags] = await Promise.all([
      db
        .selectFrom('max_spread_all_time')
        .select(({ fn }) => fn.sum<number | null>('books').as('count'))
        .where('window_ms', '=', context.config.windowsMs[0]!)
        .where('source', '=', SOURCE)
        .executeTakeFirst(),
      db
        .selectFrom('top_of_book')
        .select(['product', 'bid', 'ask'])
        .where('venue', '=', 'coinbase')
        .where('product', '=', PRODUCT)
        .where('source', '=', SOURCE)
        .executeTakeFirst(),
      countOf(db, 'rejections'),
      countOf(db, 'rejection_digests'),
      lagStatus(db, broker),
    ])
    const lagRecords = lags.reduce((sum, lag) => sum + lag.lagRecords, 0)
    return { nowMs: context.nowMs(), books: Number(books?.count ?? 0), lagRecords, top, rejections, digests }
  })
}

function emptyFigures(nowMs: number): Figures {
  return { nowMs, books: 0, lagRecords: 0, top: undefined, rejections: 0, digests: 0 }
}

async function countOf(db: Kysely<Views>, view: 'rejections' | 'rejection_digests'): Promise<number> {
  const row = await db
    .selectFrom(view)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirst()
  return Number(row?.count ?? 0)
}

/** Asks the tables; answers `otherwise` where the processor has not made them yet. */
async function withTables<Answer>(
  config: Config,
  otherwise: Answer,
  ask: (db: Kysely<Views>) => Promise<Answer>,
): Promise<Answer> {
  const store = await openTables(config)
  if (store === undefined) return otherwise
  try {
    return await ask(store.db)
  } finally {
    await store.close()
  }
}

/** `14:35:01 UTC  7,204 books  4.0/s  lag 0  BTC-USD 71,230.11 / 71,230.64 (simulated)  rejections 140  digests 14` */
export function demoLine(figures: Figures, last: Figures | undefined): string {
  const { top } = figures
  const seconds = last === undefined ? 0 : (figures.nowMs - last.nowMs) / 1_000
  const rate = last === undefined || seconds <= 0 ? '-' : ((figures.books - last.books) / seconds).toFixed(1)
  return [
    `${isoTime(figures.nowMs).slice(11, 19)} UTC`,
    `${grouped(String(figures.books))} books`,
    `${rate}/s`,
    `lag ${figures.lagRecords}`,
    top === undefined
      ? 'no book yet'
      : `${top.product} ${samePlaces(top.bid, top.ask).map(grouped).join(' / ')} (simulated)`,
    `rejections ${figures.rejections}`,
    `digests ${figures.digests}`,
  ].join('  ')
}

/** Two prices with as many places each, as a ticket shows them. */
function samePlaces(a: string, b: string): string[] {
  const places = Math.max(...[a, b].map((text) => text.split('.')[1]?.length ?? 0))
  return [a, b].map((text) => {
    const [whole, own = ''] = text.split('.')
    return places === 0 ? text : `${whole}.${own.padEnd(places, '0')}`
  })
}

/** Thousands apart by commas, places as they are. */
function grouped(decimal: string): string {
  const [whole = '', places] = decimal.split('.')
  const spaced = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  return places === undefined ? spaced : `${spaced}.${places}`
}
