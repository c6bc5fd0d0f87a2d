import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { openBroker } from '../src/broker/open-broker.ts'
import { type Draft, openPublisher } from '../src/broker/publisher.ts'
import { bringTablesUpToDate } from '../src/commands/catch-up.ts'
import { insights } from '../src/commands/insights.ts'
import { coinbase } from '../src/ingest/coinbase.ts'
import { rejectionDraft } from '../src/ingest/rejecting.ts'
import { encodeBook } from '../src/models/product-book.ts'
import { booksTopic } from '../src/models/topics.ts'
import { type TestContext, testContext } from './commands/insights-context.ts'

/**
 * Numbers that were known before the first line was written, each from a body as the venue sends it, through parser, log,
 * processors and tables, to what a person is told.
 */
type Body = { readonly text: string; readonly atMs: number }

/** What an ingestor would publish of these bodies, one after the other. */
async function ingested(bodies: readonly Body[], nowMs: number): Promise<TestContext> {
  const context = testContext({}, () => nowMs)
  const broker = await openBroker(context.config, context)
  const publisher = await openPublisher(broker, 'run-1')
  await publisher.send(bodies.map(draftOf))
  await broker.close()
  return context
}

function draftOf({ text, atMs }: Body): Draft {
  const about = { source: 'mock', product: 'BTC-USD', receivedAtMs: atMs } as const
  const bytes = Buffer.from(text)
  const parsed = coinbase.parseBook(bytes, { ...about, levelsMax: 20 })
  if ('refusal' in parsed)
    return rejectionDraft(parsed.refusal, { venue: 'coinbase', ...about, bytes, whole: true })
  return { topic: booksTopic('coinbase'), key: parsed.book.product, value: encodeBook(parsed.book) }
}

const NOON_MS = Date.UTC(2026, 10, 20, 12)

test('the documented book: bid 71234.56, ask 71235.57, mid 71235.065, spread 1.01, 0.1417841059 bps', async () => {
  const fixture = new URL('../fixtures/coinbase/rest-book.documented-example.json', import.meta.url)
  const context = await ingested([{ text: readFileSync(fixture, 'utf8'), atMs: NOON_MS }], NOON_MS + 1_000)
  const { db, close } = await bringTablesUpToDate(context)
  const top = await db.selectFrom('top_of_book').selectAll().executeTakeFirstOrThrow()
  const widest = await db.selectFrom('max_spread_all_time').selectAll().executeTakeFirstOrThrow()
  await close()
  expect(top).toMatchObject({
    state: 'ok',
    bid: '71234.56',
    ask: '71235.57',
    mid: '71235.065',
    spread: '1.01',
    // 1.01 / 71235.065 is 1.417841059034620e-3 %, to twelve places of a basis point.
    spread_bps: '0.141784105903',
    sequence: 13_051_505_638,
  })
  expect(widest).toMatchObject({
    max_spread: '1.01',
    max_spread_bps: '0.141784105903',
    max_spread_at_ms: NOON_MS,
  })
})

describe('nineteen books whose bid stands above their ask', () => {
  const fixture = new URL('../fixtures/golden/nineteen-crossed-books.json', import.meta.url)
  const { rows } = JSON.parse(readFileSync(fixture, 'utf8')) as {
    rows: { highestBid: string; lowestAsk: string; at: string }[]
  }
  const bodies = rows.map(({ highestBid, lowestAsk, at }, i) => {
    const time = `${at.replace(' ', 'T')}Z`
    const sides = { bids: [[highestBid, '1', '1']], asks: [[lowestAsk, '1', '1']] }
    return { text: JSON.stringify({ sequence: i + 1, time, ...sides }), atMs: Date.parse(time) }
  })
  const nowMs = Date.UTC(2024, 10, 28, 6, 4)

  test('are nineteen crossed books, most by 139.6902 at 06:02:21.205, and nothing is rejected', async () => {
    const { db, close } = await bringTablesUpToDate(await ingested(bodies, nowMs))
    const ever = await db.selectFrom('max_spread_all_time').selectAll().execute()
    expect(ever).toMatchObject([
      {
        books: 19,
        crossed: 19,
        max_spread: null,
        crossed_max: '139.6902',
        crossed_max_at_ms: Date.UTC(2024, 10, 28, 6, 2, 21, 205),
      },
    ])
    expect(await db.selectFrom('best_prices').select(['books', 'highest_bid']).execute()).toEqual([
      { books: 19, highest_bid: null },
    ])
    expect(await db.selectFrom('mid_price').selectAll().execute()).toEqual([])
    expect(await db.selectFrom('rejections').selectAll().execute()).toEqual([])
    expect(await db.selectFrom('rejection_digests').selectAll().execute()).toEqual([])
    expect(await db.selectFrom('rejection_remainder').selectAll().execute()).toEqual([])
    await close()
  })

  test('are told as such: no uncrossed mid, no forecast', async () => {
    const context = await ingested(bodies, nowMs)
    expect(await insights(context, { format: 'text' })).toBe(0)
    expect(context.printed()).toContain('19 of 19 books crossed, widest by 139.6902 at 06:02:21.205')
    expect(context.printed()).toContain('no uncrossed mid')
    expect(context.printed()).toContain('no forecast')
  })
})

describe('input that cannot be used', () => {
  const good = '{"sequence":1,"bids":[["1","1","1"]],"asks":[["2","1","1"]]}'
  const malformed = '{"sequence":1,"bids":[["1","1","1"]],"asks":'
  const atZero = good.replace('"1","1","1"', '"0","1","1"')

  test.each([
    [0, [], 0],
    [2, [], 2],
    [9, [], 9],
    [10, [10], 0],
    [11, [10], 1],
    [25, [10, 20], 5],
    [30, [10, 20, 30], 0],
  ])('%i rejections make digests at %j and leave %i', async (count, digestsAt, left) => {
    const bad = Array.from({ length: count }, (_, i) => (i % 2 === 0 ? malformed : atZero))
    const bodies = [...bad, good].map((text, i) => ({ text, atMs: NOON_MS + i * 1_000 }))
    const { db, close } = await bringTablesUpToDate(await ingested(bodies, NOON_MS + 60_000))
    const digests = await db.selectFrom('rejection_digests').select('last_ordinal').execute()
    const remainder = await db.selectFrom('rejection_remainder').select('count').executeTakeFirst()
    const books = await db.selectFrom('best_prices').select('books').execute()
    await close()
    expect(digests.map(({ last_ordinal }) => last_ordinal)).toEqual(digestsAt)
    expect(remainder?.count ?? 0).toBe(left)
    expect(books).toEqual([{ books: 1 }])
  })

  test('two malformed bodies are no digest: they are told at the end, both of them', async () => {
    const bodies = [malformed, good, malformed].map((text, i) => ({ text, atMs: NOON_MS + i * 1_000 }))
    const context = await ingested(bodies, NOON_MS + 60_000)
    expect(await insights(context, { format: 'json' })).toBe(0)
    const told = context.lines.filter(({ msg }) => msg.includes('since the last digest'))
    expect(told).toHaveLength(1)
    expect(told[0]!.msg).toBe('2 rejections since the last digest, #1 to #2')
    expect(String(told[0]!['text']).match(/malformed-json/g)!.length).toBeGreaterThanOrEqual(2)
  })
})
