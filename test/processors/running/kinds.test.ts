import { describe, expect, test } from 'vitest'
import type { ForeignRecord } from '../../../src/models/outbox-message.ts'
import { newsText, write } from './played-log.ts'
import { openRig, type Rig, rawRecord, START_MS } from './rig.ts'

const TRADES = 'trades.coinbase'
const TICKERS = 'tickers.coinbase'

async function read(log: string): Promise<Rig> {
  const rig = await openRig()
  await write(rig.broker, log)
  await rig.run()
  expect(await rig.faults()).toEqual([])
  return rig
}

/** What became of a topic's records, for each processor that reads it. */
async function ledgersOn(rig: Rig, topic: string): Promise<Record<string, string>> {
  const rows = await rig.store.db
    .selectFrom('positions')
    .selectAll()
    .where('topic', '=', topic)
    .orderBy('processor')
    .execute()
  return Object.fromEntries(
    rows.map((row) => [
      row.processor,
      `${row.applied} applied, ${row.duplicate} duplicate, ${row.too_late} too late, ${row.foreign_records} foreign`,
    ]),
  )
}

describe('trades and tickers', () => {
  test('are applied, each on its own topic, with what producers say among them', async () => {
    const rig = await read(`
      14:30:00 #trades  up BTC-USD
      14:30:01 #trades  BTC-USD 100
      14:30:02 #trades  BTC-USD 101
      14:30:03 #trades  mark
      14:30:01 #tickers  BTC-USD 100
      14:30:01  BTC-USD 100 101`)
    const four = '4 applied, 0 duplicate, 0 too late, 0 foreign'
    expect(await ledgersOn(rig, TRADES)).toEqual({
      holes: four,
      runs: four,
      'trades-seen': four,
      watches: four,
    })
    const one = '1 applied, 0 duplicate, 0 too late, 0 foreign'
    expect(await ledgersOn(rig, TICKERS)).toEqual({
      holes: one,
      runs: one,
      'tickers-seen': one,
      watches: one,
    })
  })

  test('leave when the last of them was seen, and no row anywhere else', async () => {
    const rig = await read(`
      14:30:02 #trades  BTC-USD 100
      14:30:01 #trades  BTC-USD 101
      14:30:09 @mock #trades  BTC-USD 100
      14:30:05 #tickers  ETH-USD 100`)
    const seen = (view: 'trades_seen' | 'tickers_seen') =>
      rig.store.db
        .selectFrom(view)
        .select(['source', 'product', 'time_ms', 'topic'])
        .orderBy('source')
        .execute()
    expect(await seen('trades_seen')).toEqual([
      { source: 'coinbase', product: 'BTC-USD', time_ms: START_MS + 2_000, topic: TRADES },
      { source: 'mock', product: 'BTC-USD', time_ms: START_MS + 9_000, topic: TRADES },
    ])
    expect(await seen('tickers_seen')).toEqual([
      { source: 'coinbase', product: 'ETH-USD', time_ms: START_MS + 5_000, topic: TICKERS },
    ])
    const tables = Object.entries(await rig.tables()).filter(([, rows]) => rows.length > 0)
    expect(tables.map(([name]) => name).sort()).toEqual(['tickers_seen', 'trades_seen'])
  })

  test('that came twice or too late are counted as such', async () => {
    const rig = await openRig()
    const at = (atMs: number, n: number) =>
      rawRecord(newsText('trades', { atMs, product: 'BTC-USD', price: '100' }), {
        topic: TRADES,
        run: 'r1',
        n,
      })
    await rig.broker.publish([
      at(START_MS, 1),
      at(START_MS + 3_600_000, 2),
      at(START_MS, 2),
      at(START_MS - 1, 3),
      at(START_MS, 4),
    ])
    await rig.run()
    expect((await ledgersOn(rig, TRADES))['trades-seen']).toBe(
      '3 applied, 1 duplicate, 1 too late, 0 foreign',
    )
  })

  test('in other words than ours are read by their schema; what is none of them is a rejection', async () => {
    const rig = await openRig()
    const ours = newsText('trades', { atMs: START_MS, product: 'BTC-USD', price: '100' })
    const spaced = JSON.stringify(JSON.parse(ours), null, 1)
    const foreign = [
      spaced.replace('"100"', '"a hundred"'),
      ours.slice(0, -1),
      newsText('tickers', { atMs: START_MS, product: 'BTC-USD', price: '100' }),
    ]
    const records = [spaced, ...foreign]
    await rig.broker.publish(
      records.map((value, i) => rawRecord(value, { topic: TRADES, run: 'r1', n: i + 1 })),
    )
    await rig.run()
    expect((await ledgersOn(rig, TRADES))['trades-seen']).toBe(
      '1 applied, 0 duplicate, 0 too late, 3 foreign',
    )
    const told = (await rig.told()).map(({ payload }) => (payload as ForeignRecord).refusal)
    expect(told.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      'foreign-record price',
      'foreign-record ',
      'foreign-record type',
    ])
  })

  test('of a book’s own feed move no window and no sample, nor its progress', async () => {
    const rig = await read(`
      14:30:00  BTC-USD 100 101
      14:45:00 #trades  BTC-USD 100`)
    const windows = await rig.store.db.selectFrom('best_prices').select(['start_ms', 'complete']).execute()
    expect(windows.every(({ complete }) => complete === 0)).toBe(true)
    const progress = await rig.store.db
      .selectFrom('progress')
      .select(['topic', 'progress_ms'])
      .orderBy('topic')
      .execute()
    expect(progress).toEqual([
      { topic: 'books.coinbase', progress_ms: START_MS },
      { topic: TRADES, progress_ms: START_MS + 900_000 },
    ])
  })
})
