import { describe, expect, test } from 'vitest'
import type { OutgoingRecord } from '../../src/broker/broker.ts'
import { openBroker } from '../../src/broker/open-broker.ts'
import { bringTablesUpToDate } from '../../src/commands/catch-up.ts'
import { type RejectionsOptions, rejections } from '../../src/commands/rejections.ts'
import { keepBeginning, keepOriginal, type Rejection } from '../../src/models/rejection.ts'
import { type TestContext, testContext } from './insights-context.ts'

const NOON_MS = Date.UTC(2026, 10, 20, 12)
const GOOD = '{"sequence":7,"bids":[["100","1","1"]],"asks":[["101","1","1"]]}'
const BAD = GOOD.replace('"100"', '"0"')

/** A rejection on its topic. One whose bytes are `GOOD` was refused by an older parser: it is good now. */
function rejected(id: string, more: Partial<Rejection> & { text?: string } = {}): Rejection {
  const { text = BAD, ...about } = more
  return {
    type: 'rejection',
    id,
    kind: 'wrong-shape',
    path: 'bids[0][0]',
    message: 'expected a number above zero',
    venue: 'coinbase',
    source: 'coinbase',
    product: 'BTC-USD',
    receivedAtMs: NOON_MS,
    original: keepOriginal(Buffer.from(text)),
    ...about,
  }
}

async function withRejections(...all: Rejection[]): Promise<TestContext> {
  const context = testContext({}, () => NOON_MS + 60_000)
  await publish(
    context,
    all.map((rejection, i) => record('r1', i + 1, JSON.stringify(rejection))),
  )
  return context
}

function record(run: string, n: number, value: string, topic = 'rejections'): OutgoingRecord {
  return { topic, partition: 0, key: 'coinbase', run, n, value }
}

async function publish(context: TestContext, records: OutgoingRecord[]): Promise<void> {
  const broker = await openBroker(context.config, context)
  await broker.publish(records)
  await broker.close()
}

/** The command's exit code and what it printed. */
async function asked(
  context: TestContext,
  action: string,
  about: Partial<RejectionsOptions> = {},
): Promise<[number, string]> {
  const before = context.printed().length
  const code = await rejections(context, { action, ids: [], format: 'table', ...about })
  return [code, context.printed().slice(before)]
}

async function booksOf(context: TestContext): Promise<unknown[]> {
  const { db, close } = await bringTablesUpToDate(context)
  const tops = await db.selectFrom('best_prices').select(['start_ms', 'books', 'highest_bid']).execute()
  await close()
  return tops
}

describe('npm run rejections', () => {
  test('lists the latest first, a line each', async () => {
    const context = await withRejections(
      rejected('a'),
      rejected('b', { kind: 'malformed-json', path: '', product: null }),
    )
    expect(await asked(context, 'list')).toEqual([
      0,
      [
        'ID   RECEIVED (UTC)             SOURCE     PRODUCT   KIND             PATH         BYTES   SENT AGAIN',
        'b    2026-11-20T12:00:00.000Z   coinbase   -         malformed-json                62      -',
        'a    2026-11-20T12:00:00.000Z   coinbase   BTC-USD   wrong-shape      bids[0][0]   62      -',
        '',
      ].join('\n'),
    ])
  })

  test('says where there are none', async () => {
    expect(await asked(testContext(), 'list')).toEqual([0, 'No rejections.\n'])
    expect(await asked(testContext(), 'groups')).toEqual([0, 'No rejections.\n'])
  })

  test('groups them by kind and path, the most frequent first', async () => {
    const context = await withRejections(
      rejected('a', { kind: 'malformed-json', path: '' }),
      rejected('b'),
      rejected('c'),
    )
    const [, text] = await asked(context, 'groups', { format: 'json' })
    expect(JSON.parse(text)).toMatchObject([
      { kind: 'wrong-shape', path: 'bids[0][0]', count: 2 },
      { kind: 'malformed-json', path: '', count: 1 },
    ])
  })

  test('shows one with its bytes, and fails where it does not know it', async () => {
    const context = await withRejections(rejected('a'))
    expect(await asked(context, 'show', { ids: ['a'] })).toEqual([
      0,
      `a: wrong-shape at bids[0][0]: expected a number above zero\n${BAD}\n`,
    ])
    expect(await asked(context, 'show', { ids: ['nobody'] })).toEqual([1, ''])
  })

  test('lists as JSON, without the bytes', async () => {
    const [, text] = await asked(await withRejections(rejected('a')), 'list', { format: 'json' })
    expect(JSON.parse(text)).toMatchObject([{ id: 'a', kind: 'wrong-shape', resent_at_ms: null }])
    expect(text).not.toContain('original')
  })

  test.each([
    [{ action: 'delete' }, 'rejections got "delete", expected list, groups, show, resend'],
    [{ action: 'list', kind: 'wrong' }, '--kind got "wrong", expected malformed-json, wrong-shape'],
    [{ action: 'resend' }, 'rejections resend expects ids or --kind'],
    [{ action: 'show' }, 'rejections show expects the id of a rejection'],
  ])('%j is a mistake of usage', async ({ action, ...about }, message) => {
    await expect(asked(testContext(), action, about)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message),
    })
  })
})

describe('sending again', () => {
  const all = [
    rejected('good', { text: GOOD }),
    rejected('bad'),
    rejected('half', { text: GOOD, original: keepBeginning(Buffer.from(GOOD)) }),
    rejected('other', { text: GOOD, kind: 'malformed-json', receivedAtMs: NOON_MS + 300_000 }),
  ]

  test('has one effect, however often it is asked for', async () => {
    const context = await withRejections(...all)
    const sent = '1 sent again, 1 still rejected, 1 not kept whole\n'
    expect(await asked(context, 'resend', { kind: 'wrong-shape' })).toEqual([0, sent])
    expect(await asked(context, 'resend', { kind: 'wrong-shape' })).toEqual([0, sent.replace('1', '0')])
    expect(await booksOf(context)).toEqual([{ start_ms: NOON_MS, books: 1, highest_bid: '100' }])
  })

  test('has one effect even where its records lie on the log twice', async () => {
    const context = await withRejections(rejected('good', { text: GOOD }))
    await asked(context, 'resend', { ids: ['good'] })
    const broker = await openBroker(context.config, context)
    const [book] = await broker.read({ topic: 'books.coinbase', partition: 0 }, 0, 10)
    await broker.close()
    expect(book).toMatchObject({ run: 'resend:good', n: 1, key: 'BTC-USD' })
    await publish(context, [record('resend:good', 1, book!.value!, 'books.coinbase')])
    expect(await booksOf(context)).toEqual([{ start_ms: NOON_MS, books: 1, highest_bid: '100' }])
  })

  test('a dry run counts the same and sends nothing', async () => {
    const context = await withRejections(...all)
    const [code, text] = await asked(context, 'resend', { kind: 'wrong-shape', dryRun: true })
    expect([code, text]).toEqual([0, '1 would be sent again, 1 still rejected, 1 not kept whole\n'])
    expect(await booksOf(context)).toEqual([])
  })

  test('takes only those that were chosen', async () => {
    const context = await withRejections(...all)
    await asked(context, 'resend', { ids: ['other'] })
    expect(await booksOf(context)).toMatchObject([{ start_ms: NOON_MS + 300_000, books: 1 }])
    const [, text] = await asked(context, 'list', { format: 'json' })
    const rows = JSON.parse(text) as { id: string; resent_at_ms: number | null }[]
    expect(rows.filter(({ resent_at_ms }) => resent_at_ms !== null)).toMatchObject([
      { id: 'other', resent_at_ms: NOON_MS + 60_000 },
    ])
  })

  test('counts in its own window, however much later it is', async () => {
    const context = await withRejections(rejected('good', { text: GOOD }))
    await asked(context, 'list')
    const later = { ...JSON.parse(GOOD), time: '2026-11-20T23:00:00Z' }
    await publish(context, [
      record(
        'r2',
        1,
        JSON.stringify(
          rejected('later', { text: JSON.stringify(later), receivedAtMs: NOON_MS + 11 * 3_600_000 }),
        ),
      ),
    ])
    await asked(context, 'resend', { ids: ['later'] })
    await asked(context, 'resend', { ids: ['good'] })
    expect(await booksOf(context)).toMatchObject([
      { start_ms: NOON_MS, books: 1 },
      { start_ms: NOON_MS + 11 * 3_600_000, books: 1 },
    ])
  })

  test('makes no digest of what is sent', async () => {
    const context = await withRejections(
      ...Array.from({ length: 9 }, (_, i) => rejected(`a${i}`, { text: GOOD })),
    )
    await asked(context, 'resend', { kind: 'wrong-shape' })
    const { db, close } = await bringTablesUpToDate(context)
    expect(await db.selectFrom('rejection_digests').selectAll().execute()).toEqual([])
    expect(await db.selectFrom('rejection_remainder').select('count').execute()).toEqual([{ count: 9 }])
    await close()
  })
})

test('a record of nobody’s on a topic of ours becomes a rejection, once', async () => {
  const context = testContext({}, () => NOON_MS)
  await publish(context, [record('stranger', 1, '{"what":"is this"}', 'books.coinbase')])
  await asked(context, 'list')
  const [, text] = await asked(context, 'list', { format: 'json' })
  expect(JSON.parse(text)).toMatchObject([
    { kind: 'foreign-record', source: 'unknown', message: expect.stringMatching(/^books\.coinbase\/0@0: /) },
  ])
  const [, resent] = await asked(context, 'resend', { kind: 'foreign-record' })
  expect(resent).toBe('0 sent again, 1 still rejected, 0 not kept whole\n')
})
