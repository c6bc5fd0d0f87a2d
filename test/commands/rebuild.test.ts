import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { bringTablesUpToDate } from '../../src/commands/catch-up.ts'
import { processRecords } from '../../src/commands/process.ts'
import { rebuild } from '../../src/commands/rebuild.ts'
import { loadConfig } from '../../src/config.ts'
import { publishQuotes, type TestContext, testContext } from './insights-context.ts'

const NOW_MS = Date.parse('2026-11-20T14:37:12Z')
const quotes = Array.from({ length: 40 }, (_, i) => ({
  atMs: NOW_MS - 400_000 + i * 10_000,
  bid: String(100 + i),
  ask: String(101 + i),
}))

/** Tables of 40 books in two windows, in which every highest bid was made wrong afterwards. */
async function withWrongRows(): Promise<TestContext> {
  const context = testContext({}, () => NOW_MS)
  await publishQuotes(context, quotes)
  await (await bringTablesUpToDate(context)).close()
  const db = new Database(join(context.config.dataDir, 'store.db'))
  db.prepare(`UPDATE best_prices_rows SET highest_bid = '1'`).run()
  db.close()
  return context
}

function highestBids({ config }: TestContext): string[] {
  const db = new Database(join(config.dataDir, 'store.db'), { readonly: true })
  const bids = db.prepare('SELECT highest_bid FROM best_prices_rows ORDER BY start_ms').pluck().all()
  db.close()
  return bids as string[]
}

describe('npm run rebuild', () => {
  test('makes a table again where no processor runs, by itself', async () => {
    const context = await withWrongRows()
    expect(await rebuild(context, { name: 'best-prices' })).toBe(0)
    expect(highestBids(context)).toEqual(['126', '139'])
    expect(context.printed()).toBe('rebuilt: best-prices\n')
  })

  test('has a running processor do it', async () => {
    const context = await withWrongRows()
    const processing = processRecords(context)
    await context.logged(({ msg }) => msg === 'processing')
    const asking = { ...context, stop: new AbortController().signal }
    expect(await rebuild(asking, { name: 'best-prices' })).toBe(0)
    expect(highestBids(context)).toEqual(['126', '139'])
    context.stopping.abort()
    expect(await processing).toBe(0)
  })

  test('says with --dry-run how many rows would be made again, and makes none', async () => {
    const context = await withWrongRows()
    expect(await rebuild(context, { name: 'best-prices', dryRun: true })).toBe(0)
    expect(context.printed()).toBe(
      'best-prices, books.coinbase/0: the log begins at offset 0: 2 rows would be made again, 0 kept\n',
    )
    expect(highestBids(context)).toEqual(['1', '1'])
  })

  test('names what there is where the name is unknown', async () => {
    await expect(rebuild(testContext(), { name: 'best-price' })).rejects.toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('all, or one of best-prices, max-spread, mid-price'),
    })
  })

  test('all of them accept other windows; without it they are refused', async () => {
    const context = await withWrongRows()
    const other = {
      ...context,
      config: loadConfig({ DATA_DIR: context.config.dataDir, WINDOWS: '1m' }),
    }
    await expect(bringTablesUpToDate(other)).rejects.toMatchObject({ code: 'store-fingerprint' })
    expect(await rebuild(other, { name: 'all' })).toBe(0)
    expect(highestBids(context)).toHaveLength(8)
    const { db, close } = await bringTablesUpToDate(other)
    expect(await db.selectFrom('max_spread').select('window_ms').distinct().execute()).toEqual([
      { window_ms: 60_000 },
    ])
    await close()
  })
})
