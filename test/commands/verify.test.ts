import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { openBroker } from '../../src/broker/open-broker.ts'
import { takeLock } from '../../src/broker/os-lock.ts'
import type { SqliteBroker } from '../../src/broker/sqlite-broker.ts'
import { verify } from '../../src/commands/verify.ts'
import { openStore } from '../../src/store/open-store.ts'
import { publishQuotes, type Quote, type TestContext, testContext } from './insights-context.ts'

const NOW_MS = Date.parse('2026-11-20T14:37:12Z')
const quotes: Quote[] = Array.from({ length: 400 }, (_, i) => ({
  atMs: NOW_MS - 400_000 + i * 1_000,
  bid: (100 + i / 100).toFixed(2),
  ask: (101 + i / 100).toFixed(2),
}))

async function withQuotes(env: Record<string, string> = {}, which = quotes): Promise<TestContext> {
  const context = testContext(env, () => NOW_MS)
  await publishQuotes(context, which)
  return context
}

/** What was found, and what of it is bad. */
async function findingsOf(context: TestContext): Promise<{ code: number; all: string[]; bad: string[] }> {
  const before = context.printed().length
  const code = await verify(context)
  const all = context.printed().slice(before).trimEnd().split('\n')
  return { code, all, bad: all.filter((line) => line.startsWith('BAD ')) }
}

/** Changes a file behind everybody's back. */
function tampered(context: TestContext, file: string, sql: string): void {
  const db = new Database(join(context.config.dataDir, file))
  expect(db.prepare(sql).run().changes).toBeGreaterThan(0)
  db.close()
}

describe('npm run verify', () => {
  test('finds nothing wrong where nothing is: checksums, ledgers, lineage, and every table as the log makes it', async () => {
    const { code, all, bad } = await findingsOf(await withQuotes())
    expect(bad).toEqual([])
    expect(code).toBe(0)
    expect(all).toContain('ok   log books.coinbase/0: 402 records, none damaged')
    expect(all).toContain(
      'ok   ledger of best-prices on books.coinbase/0: 402 read = 402 applied + 0 duplicate + 0 too late + 0 foreign + 0 lost',
    )
    expect(all).toContain('ok   lineage of mid_price: 400 rows')
    expect(all).toContain('ok   table mid_price: 400 rows, as the log makes them')
  })

  test('finds nothing wrong with nothing', async () => {
    expect((await findingsOf(testContext())).code).toBe(0)
  })

  test('finds a record that was damaged on the disk, and says where', async () => {
    const context = await withQuotes()
    await findingsOf(context)
    const log = new Database(join(context.config.dataDir, 'log.db'))
    const tables = log
      .prepare(`SELECT name FROM sqlite_master WHERE name LIKE 'records_%' ORDER BY name`)
      .pluck()
    const [books] = (tables.all() as string[]).filter(
      (name) => log.prepare(`SELECT count(*) FROM ${name}`).pluck().get() === 402,
    )
    log
      .prepare(`UPDATE ${books} SET value = replace(value, '"100.50"', '"900.50"') WHERE "offset" = 51`)
      .run()
    log.close()
    const { code, bad } = await findingsOf(context)
    expect(code).toBe(1)
    expect(bad).toContain('BAD  log books.coinbase/0: 1 of 402 records are damaged, at offset 51')
  })

  test('finds a row that the log does not make, and shows it', async () => {
    const context = await withQuotes()
    await findingsOf(context)
    tampered(context, 'store.db', `UPDATE best_prices_rows SET highest_bid = '999' WHERE start_ms > 0`)
    const { code, bad } = await findingsOf(context)
    expect(code).toBe(1)
    expect(bad).toHaveLength(1)
    expect(bad[0]).toMatch(/^BAD {2}table best_prices: 2 rows, but the log makes 2; .*"highest_bid":"999"/)
  })

  test('finds a row that is missing', async () => {
    const context = await withQuotes()
    await findingsOf(context)
    tampered(context, 'store.db', 'DELETE FROM max_spread_rows')
    expect((await findingsOf(context)).bad[0]).toMatch(
      /^BAD {2}table max_spread: 0 rows, but the log makes 2/,
    )
  })

  test('finds a ledger that does not add up', async () => {
    const context = await withQuotes()
    await findingsOf(context)
    tampered(context, 'store.db', `UPDATE readers SET duplicate = 3 WHERE position = 402`)
    const { code, bad } = await findingsOf(context)
    expect(code).toBe(1)
    expect(bad.join('\n')).toMatch(/ledger of best-prices on books\.coinbase\/0: 402 read = .* 3 duplicate/)
  })

  test('finds a row that says it came of records nobody has read', async () => {
    const context = await withQuotes()
    await findingsOf(context)
    tampered(context, 'store.db', 'UPDATE top_of_book_rows SET last_offset = 5000')
    expect((await findingsOf(context)).bad).toContain(
      'BAD  lineage of top_of_book: 1 rows, 1 from records that were never read',
    )
  })

  test('takes samples that were dropped after their day for no fault', async () => {
    const twoDays = quotes.slice(0, 50).map((quote) => ({ ...quote, atMs: quote.atMs - 2 * 86_400_000 }))
    const context = await withQuotes({}, [...twoDays, ...quotes.slice(0, 50)])
    await findingsOf(context)
    const store = await openStore(context.config, context.monotonicMs)
    await store.applyRetention()
    await store.close()
    const { code, all, bad } = await findingsOf(context)
    expect(bad).toEqual([])
    expect(code).toBe(0)
    expect(all).toContain('ok   table mid_price: 50 rows, as the log makes them')
  })

  test('says that it cannot compare where the log no longer begins at its beginning', async () => {
    const context = await withQuotes()
    await findingsOf(context)
    const broker = (await openBroker(context.config, context)) as SqliteBroker
    await broker.ensureTopics([
      { topic: 'books.coinbase', partitions: 1, retentionMs: 60_000_000, retentionBytes: 10_000 },
    ])
    expect(await broker.applyRetention()).toBeGreaterThan(0)
    await broker.close()
    const { code, all } = await findingsOf(context)
    expect(code).toBe(0)
    expect(all).toContain(
      'ok   tables are not compared with the log: books.coinbase no longer begins at its beginning',
    )
  })

  test('checks what can be checked beside a running processor', async () => {
    const context = await withQuotes()
    await findingsOf(context)
    const lock = takeLock(join(context.config.dataDir, 'process.lock'), { does: 'process', startedAtMs: 0 })
    const { code, all } = await findingsOf(context)
    if ('release' in lock) lock.release()
    expect(code).toBe(0)
    expect(all.some((line) => line.includes('ledger of best-prices'))).toBe(true)
    expect(all.some((line) => line.includes('as the log makes them'))).toBe(false)
  })
})
