import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import type { OutgoingRecord } from '../../src/broker/broker.ts'
import { openBroker } from '../../src/broker/open-broker.ts'
import { bringTablesUpToDate } from '../../src/commands/catch-up.ts'
import { insights } from '../../src/commands/insights.ts'
import { humanLine } from '../../src/commands/logging.ts'
import { rejections } from '../../src/commands/rejections.ts'
import { keepOriginal, originalBytes } from '../../src/models/rejection.ts'
import { booksTopic, REJECTIONS_TOPIC } from '../../src/models/topics.ts'
import { NAUGHTY_LISTS, wellFormed } from '../alerts/naughty.ts'
import { type TestContext, testContext } from './insights-context.ts'

const NOW_MS = Date.UTC(2026, 10, 20, 14, 37)

/** What moves a cursor, paints, ends a line or turns text around, with what stands before it. */
function controlsIn(text: string): string[] {
  return text.match(/.{0,20}(?:(?!\n)\p{Cc}|[\u2028-\u202e\u2066-\u2069])/gu) ?? []
}

/** Text columns hold what both databases can: PostgreSQL has no NUL. The original bytes beside them are exact. */
function asKept<Fields extends Record<string, string>>(fields: Fields): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, text]) => [name, text.replaceAll('\0', '\ufffd')]),
  )
}

describe.each(NAUGHTY_LISTS)('whatever text comes from elsewhere, %s', (_, all) => {
  const texts = all.map(wellFormed)

  test('a rejection keeps it to the byte, and what is shown of it is one line', async () => {
    const context = testContext({}, () => NOW_MS)
    await publish(context, texts.map(rejectionOf))

    const { db, close } = await bringTablesUpToDate(context)
    const rows = await db.selectFrom('rejections').selectAll().orderBy('first_offset').execute()
    await close()
    const kept = rows.map(({ id, path, message, product }) => ({ id, path, message, product }))
    expect(kept).toEqual(texts.map(fieldsOf).map(asKept))
    const originals = rows.map(({ original }) => Buffer.from(originalBytes(JSON.parse(original))))
    expect(originals).toEqual(texts.map((text) => Buffer.from(text)))

    const table = { ids: [], format: 'table' } as const
    for (const action of ['list', 'groups']) expect(await rejections(context, { ...table, action })).toBe(0)
    expect(controlsIn(context.printed())).toEqual([])
    const before = context.printed().length
    await rejections(context, { ...table, action: 'show', ids: rows.map(({ id }) => id) })
    const shown = context.printed().slice(before)
    for (const text of originals) expect(shown).toContain(`\n${text}\n`)
    const heads = originals.reduce((rest, text) => rest.replace(`\n${text}\n`, '\n'), shown)
    expect(controlsIn(heads)).toEqual([])
  })

  test('a book of a product of such a name is a rejection, and no table, report or log line is the worse for it', async () => {
    const context = testContext({}, () => NOW_MS)
    const values = all.map((text) => JSON.stringify({ ...BOOK, product: text, [text]: text }))
    await publish(
      context,
      values.map((value, i) => ({
        ...PLACE,
        run: 'stranger',
        n: i + 1,
        key: texts[i]!.slice(0, 100),
        value,
      })),
    )
    expect(await insights(context, { format: 'text' })).toBe(0)
    expect(controlsIn(context.printed())).toEqual([])
    for (const { msg } of context.lines) expect(controlsIn(msg)).toEqual([])

    const { db, close } = await bringTablesUpToDate(context)
    const rows = await db.selectFrom('rejections').select(['kind', 'original']).execute()
    const books = await db.selectFrom('top_of_book').select('product').execute()
    await close()
    expect(books).toEqual([])
    expect(rows.map(({ kind }) => kind)).toEqual(values.map(() => 'foreign-record'))
    const kept = rows.map(({ original }) => Buffer.from(originalBytes(JSON.parse(original))).toString())
    expect(kept.sort()).toEqual(values.sort())
  })

  test('it is one log line for programs, and one for people', () => {
    const lines: string[] = []
    const log = pino({ base: { part: 'ingest' } }, { write: (line: string) => lines.push(line) })
    for (const text of texts) log.warn({ path: text, text: `a\n${text}` }, text)
    expect(lines.map((line) => JSON.parse(line))).toMatchObject(
      texts.map((text) => ({ msg: text, path: text, text: `a\n${text}` })),
    )
    for (const line of lines) {
      expect(line.trimEnd()).not.toMatch(/[\u0000-\u001f]/)
      const shown = humanLine(line, false)
      expect(controlsIn(shown)).toEqual([])
      for (const below of shown.split('\n').slice(1)) expect(below).toMatch(/^ {4}|^$/)
    }
  })
})

const PLACE = { topic: booksTopic('coinbase'), partition: 0 }

/** Good but for what is put into it. */
const BOOK = {
  type: 'book',
  venue: 'coinbase',
  source: 'mock',
  sequence: 1,
  exchangeTimeMs: NOW_MS,
  receivedAtMs: NOW_MS,
  state: 'ok',
  bids: [['1', '1', 1]],
  asks: [['2', '1', 1]],
  bidLevels: 1,
  askLevels: 1,
  since: null,
}

function fieldsOf(text: string, i: number) {
  return { id: `${i} ${text}`.slice(0, 200), path: text, message: text, product: text }
}

function rejectionOf(text: string, i: number): OutgoingRecord {
  const rejection = {
    type: 'rejection',
    ...fieldsOf(text, i),
    kind: 'wrong-shape',
    venue: 'coinbase',
    source: 'coinbase',
    receivedAtMs: NOW_MS,
    original: keepOriginal(Buffer.from(text)),
  }
  const value = JSON.stringify(rejection)
  return { topic: REJECTIONS_TOPIC, partition: 0, key: null, run: 'stranger', n: i + 1, value }
}

async function publish(context: TestContext, records: readonly OutgoingRecord[]): Promise<void> {
  const broker = await openBroker(context.config, context)
  await broker.publish(records)
  await broker.close()
}
