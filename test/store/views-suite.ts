import { describe, expect, test } from 'vitest'
import { decimalOf } from '../../src/models/decimal.ts'
import { pipeline } from '../../src/pipeline.ts'
import type { Store } from '../../src/store/store.ts'
import { write } from '../processors/running/played-log.ts'
import { openRig, START_MS } from '../processors/running/rig.ts'
import { openScratchStore, put } from './scratch.ts'

const FIVE_MINUTES_MS = 300_000

/** What the view says of every five-minute window that a log makes: `14:30 80% complete`. */
async function windowsOf(log: string, store: Store): Promise<string[]> {
  const rig = await openRig({ store })
  await write(rig.broker, log)
  await rig.run()
  const rows = await rig.store.db
    .selectFrom('best_prices')
    .select(['start_time', 'source', 'product', 'coverage', 'complete'])
    .where('window_ms', '=', FIVE_MINUTES_MS)
    .orderBy('source')
    .orderBy('product')
    .orderBy('start_ms')
    .execute()
  const several = new Set(rows.map(({ source, product }) => source + product)).size > 1
  return rows.map(({ start_time, source, product, coverage, complete }) => {
    const name = several ? `${source} ${product} ` : ''
    const share = `${Math.round(coverage * 10_000) / 100}%`
    return `${name}${start_time.slice(11, 16)} ${share} ${complete === 1 ? 'complete' : 'partial'}`
  })
}

/** A book in each of the windows of 14:30 and 14:35. */
const BOOKS = `
  14:31:00  BTC-USD 100 101
  14:36:00  BTC-USD 100 101`

/** What the views say, in either database. */
export function describeViews(name: string, open: () => Store | Promise<Store>): void {
  const windowsIn = async (log: string): Promise<string[]> => windowsOf(log, await open())

  describe(`${name}: coverage is the share of a window that somebody watched without a hole`, () => {
    test('all of it, where one run watched from before its start to its end', async () => {
      expect(
        await windowsIn(`
          14:29:00  up BTC-USD
          ${BOOKS}
          14:40:00  mark`),
      ).toEqual(['14:30 100% complete', '14:35 100% partial'])
    })

    test('none of it, where nobody said that they watch', async () => {
      expect(await windowsIn(`${BOOKS}\n14:45:00  mark`)).toEqual(['14:30 0% complete', '14:35 0% complete'])
    })

    test('less, where watching began late and ended early', async () => {
      expect(
        await windowsIn(`
          14:31:00  up BTC-USD
          ${BOOKS}
          14:37:30  bye`),
      ).toEqual(['14:30 80% complete', '14:35 50% partial'])
    })

    test('less by a hole, also where that reaches over the end of a window', async () => {
      expect(
        await windowsIn(`
          14:30:00  up BTC-USD
          ${BOOKS}
          14:34:00  hole BTC-USD h1
          14:36:00  end BTC-USD h1
          14:40:00  mark`),
      ).toEqual(['14:30 80% complete', '14:35 80% partial'])
    })

    test('less by everything after a hole that is still open', async () => {
      expect(
        await windowsIn(`
          14:30:00  up BTC-USD
          14:33:00  hole BTC-USD h1
          ${BOOKS}
          14:40:00  mark`),
      ).toEqual(['14:30 60% complete', '14:35 0% partial'])
    })

    test('less by every one of several holes, which may touch or overlap', async () => {
      expect(
        await windowsIn(`
          14:30:00  up BTC-USD
          14:31:00  hole BTC-USD h1
          14:31:30  end BTC-USD h1
          14:31:30  hole BTC-USD h2
          14:32:00  end BTC-USD h2
          14:33:00  hole BTC-USD h3
          14:33:30  hole BTC-USD h4
          14:33:45  end BTC-USD h3
          14:34:00  end BTC-USD h4
          ${BOOKS}
          14:40:00  mark`),
      ).toEqual(['14:30 60% complete', '14:35 100% partial'])
    })

    test('nothing counts twice, where two runs watched at the same time', async () => {
      expect(
        await windowsIn(`
          r1: 14:30:00  up BTC-USD
          r2: 14:32:00  up BTC-USD
          ${BOOKS}
          r1: 14:33:00  bye
          r2: 14:34:00  bye
          r3: 14:34:30  up BTC-USD
          r3: 14:40:00  mark`),
      ).toEqual(['14:30 90% complete', '14:35 100% partial'])
    })

    test('a hole of one run is none, where another run watched meanwhile', async () => {
      expect(
        await windowsIn(`
          r1: 14:30:00  up BTC-USD
          r2: 14:30:00  up BTC-USD
          r1: 14:31:00  hole BTC-USD h1
          ${BOOKS}
          r1: 14:40:00  mark
          r2: 14:40:00  mark`),
      ).toEqual(['14:30 100% complete', '14:35 100% partial'])
    })

    test('a run that falls silent has watched up to its last mark, however many books came later', async () => {
      expect(
        await windowsIn(`
          r1: 14:30:00  up BTC-USD
          r1: 14:33:00  mark
          ${BOOKS}
          r2: 14:38:00  up BTC-USD
          r2: 14:41:00  mark`),
      ).toEqual(['14:30 60% complete', '14:35 40% complete'])
    })

    test('what is watched of one product says nothing of another, nor of another source', async () => {
      expect(
        await windowsIn(`
          14:30:00  up BTC-USD
          14:31:00 @mock  BTC-USD 100 101
          14:31:00  ETH-USD 100 101
          14:31:00  BTC-USD 100 101
          14:35:00  mark`),
      ).toEqual([
        'coinbase BTC-USD 14:30 100% partial',
        'coinbase ETH-USD 14:30 0% partial',
        'mock BTC-USD 14:30 0% partial',
      ])
    })
  })

  describe(`${name}: each kind is watched by itself`, () => {
    const THREE = `
      14:30:00  up BTC-USD
      14:30:00 #trades  up BTC-USD
      14:30:00 #tickers  up BTC-USD
      ${BOOKS}
      14:31:00 #trades  BTC-USD 100
      14:32:00 #trades  hole BTC-USD t1
      14:33:00 #trades  end BTC-USD t1
      14:33:30  hole BTC-USD b1
      14:34:00  end BTC-USD b1
      14:34:00 #tickers  hole BTC-USD q1
      14:40:00  mark
      14:40:00 #trades  mark
      14:36:00 #tickers  mark`

    test('a hole in trades or tickers, or their silence, is none in the windows of books', async () => {
      expect(await windowsIn(THREE)).toEqual(['14:30 90% complete', '14:35 100% partial'])
    })

    test('what is watched of trades alone says nothing of books', async () => {
      const log = `14:30:00 #trades  up BTC-USD\n${BOOKS}\n14:40:00 #trades  mark`
      expect(await windowsIn(log)).toEqual(['14:30 0% complete', '14:35 0% partial'])
    })

    test('watches and holes say which kind they are of', async () => {
      const rig = await openRig({ store: await open() })
      await write(rig.broker, THREE)
      await rig.run()
      const watches = await rig.store.db
        .selectFrom('watches')
        .select(['kind', 'topic', 'to_ms'])
        .orderBy('topic')
        .execute()
      expect(watches).toEqual([
        { kind: 'books', topic: 'books.coinbase', to_ms: START_MS + 600_000 },
        { kind: 'tickers', topic: 'tickers.coinbase', to_ms: START_MS + 360_000 },
        { kind: 'trades', topic: 'trades.coinbase', to_ms: START_MS + 600_000 },
      ])
      const holes = await rig.store.db
        .selectFrom('holes')
        .select(['id', 'kind', 'topic', 'to_ms'])
        .orderBy('id')
        .execute()
      expect(holes).toEqual([
        { id: 'b1', kind: 'books', topic: 'books.coinbase', to_ms: START_MS + 240_000 },
        { id: 'q1', kind: 'tickers', topic: 'tickers.coinbase', to_ms: null },
        { id: 't1', kind: 'trades', topic: 'trades.coinbase', to_ms: START_MS + 180_000 },
      ])
    })
  })

  describe(`${name}: a window is complete when progress has passed its end by two seconds`, () => {
    test.each([
      ['14:35:01.999', 'partial'],
      ['14:35:02', 'complete'],
    ])('a mark of %s: %s', async (clock, word) => {
      expect(await windowsIn(`14:31:00  BTC-USD 100 101\n${clock}  mark`)).toEqual([`14:30 0% ${word}`])
    })

    test('a book of another product of the same source says so too', async () => {
      expect(await windowsIn('14:31:00  BTC-USD 1 2\n14:36:00  ETH-USD 1 2')).toEqual([
        'coinbase BTC-USD 14:30 0% complete',
        'coinbase ETH-USD 14:35 0% partial',
      ])
    })

    test('another source says nothing', async () => {
      expect(await windowsIn('14:31:00  BTC-USD 1 2\n14:36:00 @mock  BTC-USD 1 2')).toEqual([
        'coinbase BTC-USD 14:30 0% partial',
        'mock BTC-USD 14:35 0% partial',
      ])
    })
  })

  describe(`${name}: the widest spread of all time`, () => {
    const exact = pipeline({ windowsMs: [FIVE_MINUTES_MS] }).filter(({ name }) => name === 'max-spread')
    const window = (minutes: number, maxSpread: string | null, atMs: number | null) => ({
      feed: 7,
      windowMs: FIVE_MINUTES_MS,
      startMs: START_MS + minutes * 60_000,
      maxSpread: maxSpread === null ? null : decimalOf(maxSpread),
      maxSpreadAtMs: atMs,
      maxSpreadMid: maxSpread === null ? null : decimalOf('100'),
      crossedMax: maxSpread === null ? null : decimalOf(maxSpread),
      crossedMaxAtMs: atMs,
      books: 1,
      crossed: 0,
      locked: 0,
      indicative: 0,
    })

    const cases: [string, [string | null, number | null][], [string | null, number | null]][] = [
      [
        'the greatest by value, not as text',
        [
          ['9.5', 1],
          ['10.25', 2],
          ['10.2', 3],
        ],
        ['10.25', 2],
      ],
      [
        'of equals the earliest',
        [
          ['2', 9],
          ['2', 4],
          ['1', 1],
        ],
        ['2', 4],
      ],
      [
        'exact where doubles see no difference',
        [
          ['0.300000000000000003', 1],
          ['0.300000000000000004', 2],
          ['0.3', 3],
        ],
        ['0.300000000000000004', 2],
      ],
      [
        'exact beyond 2^53',
        [
          ['9007199254740992', 1],
          ['9007199254740993', 2],
          ['9007199254740992.5', 3],
        ],
        ['9007199254740993', 2],
      ],
      [
        'windows without one are passed over',
        [
          [null, null],
          ['0.01', 5],
          [null, null],
        ],
        ['0.01', 5],
      ],
      ['none where no window has one', [[null, null]], [null, null]],
    ]
    test.each(cases)('is %s', async (_, windows, [spread, atMs]) => {
      const store = await openScratchStore(
        exact.map(({ table }) => table),
        open,
      )
      await put(
        store,
        exact[0]!.table,
        windows.map(([each, ms], i) => window(i * 5, each, ms)),
      )
      const rows = await store.db.selectFrom('max_spread_all_time').selectAll().execute()
      expect(rows).toMatchObject([
        { max_spread: spread, max_spread_at_ms: atMs, crossed_max: spread, crossed_max_at_ms: atMs },
      ])
      expect(rows[0]).toMatchObject({
        from_ms: START_MS,
        to_ms: START_MS + windows.length * FIVE_MINUTES_MS,
        books: windows.length,
      })
    })
  })

  test(`${name}: samples older than a day of market time are not shown`, async () => {
    const rig = await openRig({ store: await open() })
    await write(rig.broker, '14:30:00  BTC-USD 1 2\n14:30:01  BTC-USD 3 4')
    await rig.run()
    const tp = { topic: 'books.coinbase', partition: 0 }
    const dayLater = START_MS + 86_400_000 + 500
    const mark = {
      type: 'mark',
      venue: 'coinbase',
      source: 'coinbase',
      run: 'r9',
      upToMs: dayLater,
      bye: false,
    }
    await rig.broker.publish([{ ...tp, key: null, run: 'r9', n: 1, value: JSON.stringify(mark) }])
    await rig.run()
    const shown = await rig.store.db.selectFrom('mid_price').select('mid').execute()
    expect(shown).toEqual([{ mid: '3.5' }])
  })
}
