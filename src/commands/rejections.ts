import type { Kysely } from 'kysely'
import { cut, oneLine } from '../alerts/plain-text.ts'
import type { OutgoingRecord } from '../broker/broker.ts'
import { openPublisher } from '../broker/publisher.ts'
import { aligned } from '../config-text.ts'
import type { Venue } from '../ingest/venue.ts'
import { venues } from '../ingest/venues.ts'
import { EngineError } from '../models/engine-error.ts'
import { encodeBook } from '../models/product-book.ts'
import { isResendable, type OriginalBytes, originalBytes, REJECTION_KINDS } from '../models/rejection.ts'
import { booksTopic, REJECTIONS_TOPIC } from '../models/topics.ts'
import type { Views } from '../store/views.ts'
import { bringTablesUpToDate, type UpToDate } from './catch-up.ts'
import type { Context } from './context.ts'

export type RejectionsOptions = {
  readonly action: string
  readonly ids: readonly string[]
  readonly kind?: string | undefined
  readonly dryRun?: boolean | undefined
  readonly format: 'table' | 'json'
}

type Row = Views['rejections']

/** Rejections listed at once, the latest first; and sent again in one publish. */
const LIST_MAX = 100
const RESEND_BATCH = 500

/** Of a path or a message so much is shown: a line of a terminal. `--format json` has it all. */
const SHOWN_LENGTH_MAX = 200

/** Looks at input that could not be used, and sends it again after a fix. */
export async function rejections(context: Context, options: RejectionsOptions): Promise<number> {
  const action = ACTIONS[options.action]
  if (action === undefined) {
    throw new EngineError(
      'usage',
      `rejections got "${options.action}", expected ${Object.keys(ACTIONS).join(', ')}`,
    )
  }
  if (options.kind !== undefined && !(REJECTION_KINDS as readonly string[]).includes(options.kind)) {
    throw new EngineError('usage', `--kind got "${options.kind}", expected ${REJECTION_KINDS.join(', ')}`)
  }
  const tables = await bringTablesUpToDate(context)
  try {
    return await action(context, tables, options)
  } finally {
    await tables.close()
  }
}

type Action = (context: Context, tables: UpToDate, options: RejectionsOptions) => Promise<number>
const ACTIONS: Readonly<Record<string, Action>> = { list, groups, show, resend }

async function list({ out }: Context, { db }: UpToDate, options: RejectionsOptions): Promise<number> {
  const rows = await chosen(db, options).orderBy('first_offset', 'desc').limit(LIST_MAX).execute()
  if (options.format === 'json') {
    out(`${JSON.stringify(rows.map(({ original: _bytes, ...row }) => row))}\n`)
    return 0
  }
  if (rows.length === 0) out('No rejections.\n')
  else {
    const head = ['ID', 'RECEIVED (UTC)', 'SOURCE', 'PRODUCT', 'KIND', 'PATH', 'BYTES', 'SENT AGAIN']
    out(`${aligned([head, ...rows.map(cells)]).join('\n')}\n`)
  }
  return 0
}

function cells(row: Row): string[] {
  const sentAgain = row.resent_at_ms === null ? '-' : 'yes'
  return [
    shown(row.id),
    row.received_time,
    row.source,
    shown(row.product ?? '-'),
    row.kind,
    shown(row.path),
    String(row.bytes),
    sentAgain,
  ]
}

/** What others wrote must not move a terminal's cursor, paint it, or push the rest out of sight. */
function shown(text: string): string {
  return oneLine(cut(text, SHOWN_LENGTH_MAX))
}

async function groups({ out }: Context, { db }: UpToDate, options: RejectionsOptions): Promise<number> {
  const rows = await chosen(db, options)
    .clearSelect()
    .select(({ fn }) => [
      'venue',
      'source',
      'kind',
      'path',
      fn.countAll<number>().as('count'),
      fn.max('received_time').as('latest'),
    ])
    .groupBy(['venue', 'source', 'kind', 'path'])
    .orderBy('count', 'desc')
    .orderBy('kind')
    .orderBy('path')
    .execute()
  if (options.format === 'json') out(`${JSON.stringify(rows)}\n`)
  else if (rows.length === 0) out('No rejections.\n')
  else {
    const lines = rows.map((row) => [
      String(row.count),
      row.kind,
      shown(row.path),
      row.venue,
      row.source,
      String(row.latest),
    ])
    out(`${aligned([['COUNT', 'KIND', 'PATH', 'VENUE', 'SOURCE', 'LATEST (UTC)'], ...lines]).join('\n')}\n`)
  }
  return 0
}

/** The bytes go out exactly as they came in; what is said about them goes before. */
async function show({ out }: Context, { db }: UpToDate, options: RejectionsOptions): Promise<number> {
  if (options.ids.length === 0)
    throw new EngineError('usage', 'rejections show expects the id of a rejection')
  const rows = await chosen(db, options).execute()
  if (options.format === 'json')
    out(`${JSON.stringify(rows.map((row) => ({ ...row, original: JSON.parse(row.original) as unknown })))}\n`)
  else for (const row of rows) out(`${headLine(row)}\n${bytesText(row)}\n`)
  return rows.length === options.ids.length ? 0 : 1
}

function headLine({ id, kind, path, message }: Row): string {
  return `${shown(id)}: ${kind} at ${shown(path) || 'the whole'}: ${shown(message)}`
}

function bytesText(row: Row): string {
  const original = JSON.parse(row.original) as OriginalBytes
  const text = Buffer.from(originalBytes(original)).toString('utf8')
  return isResendable(original) ? text : `${text}\n... the first part of ${original.length} bytes`
}

/**
 * Reads the bytes once more with the parser as it is now. What is good now is published with its original times under a
 * run of its own, so that however often it is sent it counts once; what is still bad is said.
 */
async function resend(context: Context, tables: UpToDate, options: RejectionsOptions): Promise<number> {
  if (options.ids.length === 0 && options.kind === undefined) {
    throw new EngineError('usage', 'rejections resend expects ids or --kind', {
      hint: 'try it with --dry-run first',
    })
  }
  const rows = await chosen(tables.db, options)
    .where('resent_at_ms', 'is', null)
    .orderBy('first_offset')
    .execute()
  const outcome = { sent: 0, stillBad: 0, notWhole: 0 }
  const { partitionOf } = await openPublisher(tables.broker, 'resend')
  let batch: OutgoingRecord[] = []
  for (const row of rows) {
    const good = readAgain(row, context.config.bookLevels)
    if (typeof good !== 'string') {
      outcome[good.why]++
      continue
    }
    outcome.sent++
    batch.push(...againRecords(row, good, partitionOf(booksTopic(row.venue), row.product!), context.nowMs()))
    if (batch.length >= RESEND_BATCH && options.dryRun !== true) {
      await tables.broker.publish(batch)
      batch = []
    }
  }
  if (batch.length > 0 && options.dryRun !== true) await tables.broker.publish(batch)
  const verb = options.dryRun === true ? 'would be sent' : 'sent'
  context.out(
    `${outcome.sent} ${verb} again, ${outcome.stillBad} still rejected, ${outcome.notWhole} not kept whole\n`,
  )
  return 0
}

/** The book's text, or why there is none. */
function readAgain(row: Row, levelsMax: number): string | { readonly why: 'stillBad' | 'notWhole' } {
  const original = JSON.parse(row.original) as OriginalBytes
  if (!isResendable(original)) return { why: 'notWhole' }
  if (row.product === null || (row.source as string) === 'unknown') return { why: 'stillBad' }
  const about = { source: row.source, product: row.product, receivedAtMs: row.received_at_ms, levelsMax }
  const venue: Venue = venues[row.venue]
  const answer = venue.parseBook?.(originalBytes(original), about)
  return answer !== undefined && 'book' in answer ? encodeBook(answer.book) : { why: 'stillBad' }
}

function againRecords(row: Row, value: string, partition: number, nowMs: number): OutgoingRecord[] {
  const run = `resend:${row.id}`
  const resent = JSON.stringify({ type: 'resent', id: row.id, atMs: nowMs })
  return [
    { topic: booksTopic(row.venue), partition, key: row.product, run, n: 1, value },
    { topic: REJECTIONS_TOPIC, partition: 0, key: row.venue, run, n: 1, value: resent },
  ]
}

function chosen(db: Kysely<Views>, { ids, kind }: RejectionsOptions) {
  let query = db.selectFrom('rejections').selectAll()
  if (ids.length > 0) query = query.where('id', 'in', ids)
  if (kind !== undefined) query = query.where('kind', '=', kind as Row['kind'])
  return query
}
