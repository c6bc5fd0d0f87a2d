import { expect, test } from 'vitest'
import { bestPrices } from '../../src/insights/best-prices.ts'
import { ABOUT, at, FIVE_MINUTES_MS, NOW_MS, openTables } from './tables.ts'

test('every window tells its highest bid and lowest ask with the time of each, the newest last', async () => {
  const { db, put } = openTables()
  put('top_of_book', {})
  put('best_prices', {
    start_ms: at('14:35:00'),
    complete: 0,
    coverage: 0.42,
    highest_bid: '101',
    highest_bid_at_ms: at('14:36:00'),
  })
  put('best_prices', { start_ms: at('14:30:00') })
  const [answer] = await bestPrices.answer(db, ABOUT)
  expect(answer).toMatchObject({
    venue: 'coinbase',
    source: 'mock',
    product: 'BTC-USD',
    fromMs: at('14:30:00'),
    toMs: at('14:40:00'),
    sentence:
      'BTC-USD (mock) 14:35-14:40: highest bid is 101 at 14:36:00.000 and lowest ask is 100.9 at 14:33:00.000; partial',
  })
  expect(answer!.result['windows']).toEqual([
    {
      window: '5m',
      from: '2026-11-20T14:30:00.000Z',
      to: '2026-11-20T14:35:00.000Z',
      highestBid: '100.5',
      highestBidAt: '2026-11-20T14:32:00.500Z',
      lowestAsk: '100.9',
      lowestAskAt: '2026-11-20T14:33:00.000Z',
      firstMid: '100.5',
      lastMid: '100.7',
      books: 60,
      crossed: 0,
      locked: 0,
      indicative: 0,
      coverage: 1,
      complete: true,
    },
    expect.objectContaining({ from: '2026-11-20T14:35:00.000Z', coverage: 0.42, complete: false }),
  ])
})

test('a window that is over but was watched badly is marked poorly covered', async () => {
  const { db, put } = openTables()
  put('top_of_book', {})
  put('best_prices', { coverage: 0.949 })
  const [answer] = await bestPrices.answer(db, ABOUT)
  expect(answer!.rows[0]![0]!.slice(-2)).toEqual(['94 %', 'poorly covered'])
})

test('a window of crossed books only has no price and says why', async () => {
  const { db, put } = openTables()
  put('top_of_book', {})
  const none = { highest_bid: null, highest_bid_at_ms: null, lowest_ask: null, lowest_ask_at_ms: null }
  put('best_prices', { ...none, books: 19, crossed: 19 })
  const [answer] = await bestPrices.answer(db, ABOUT)
  expect(answer!.sentence).toBe('BTC-USD (mock) 14:30-14:35: 19 of 19 books crossed; no uncrossed mid')
  expect(answer!.result['windows']).toMatchObject([{ highestBid: null, lowestAsk: null }])
})

test('the seven windows up to the latest book are told, of each configured length and no other', async () => {
  const { db, put } = openTables()
  put('top_of_book', {})
  for (let i = 0; i < 8; i++) put('best_prices', { start_ms: at('14:00:00') + i * FIVE_MINUTES_MS })
  put('best_prices', { window_ms: 60_000 })
  const [answer] = await bestPrices.answer(db, ABOUT)
  const windows = answer!.result['windows'] as { from: string }[]
  const starts = ['14:05', '14:10', '14:15', '14:20', '14:25', '14:30', '14:35']
  expect(windows.map(({ from }) => from.slice(11, 16))).toEqual(starts)
})

test('a feed that ended long ago still tells its last windows, beside those that go on', async () => {
  const { db, put } = openTables()
  put('top_of_book', {}, { product: 'ETH-USD', time_ms: at('02:03:00') })
  put('best_prices', {}, { product: 'ETH-USD', start_ms: at('02:00:00') })
  const answers = await bestPrices.answer(db, ABOUT)
  expect(answers.map(({ product, rows }) => [product, rows[0]![0]![2]])).toEqual([
    ['BTC-USD', '14:30-14:35'],
    ['ETH-USD', '02:00-02:05'],
  ])
})

test('made and live data of one product are two answers', async () => {
  const { db, put } = openTables()
  for (const source of ['mock', 'coinbase'] as const) {
    put('top_of_book', { source })
    put('best_prices', { source, highest_bid: source === 'mock' ? '1' : '2' })
  }
  const answers = await bestPrices.answer(db, ABOUT)
  expect(answers.map(({ source }) => source)).toEqual(['coinbase', 'mock'])
  expect(answers.map(({ rows }) => rows[0]![0]![3])).toEqual(['2', '1'])
})

test.each([
  [{ product: 'ETH-USD' }, ['ETH-USD mock']],
  [{ source: 'coinbase' }, ['BTC-USD coinbase']],
  [{ venue: 'coinbase' }, ['BTC-USD coinbase', 'BTC-USD mock', 'ETH-USD mock']],
  [{ venue: 'elsewhere' }, []],
])('asked about %j it answers about %j', async (asked, answered) => {
  const { db, put } = openTables()
  const feeds = [{}, { product: 'ETH-USD' }, { source: 'coinbase' as const }]
  for (const feed of feeds) {
    put('top_of_book', feed)
    put('best_prices', feed)
  }
  const answers = await bestPrices.answer(db, { ...ABOUT, ...asked })
  expect(answers.map(({ product, source }) => `${product} ${source}`)).toEqual(answered)
})

test('times of another day carry their day', async () => {
  const { db, put } = openTables()
  put('top_of_book', {})
  put('best_prices', {})
  const [answer] = await bestPrices.answer(db, { ...ABOUT, nowMs: NOW_MS + 86_400_000 })
  expect(answer!.rows[0]![0]).toContain('2026-11-20 14:30-14:35')
  expect(answer!.rows[0]![0]).toContain('2026-11-20 14:32:00.500')
})
