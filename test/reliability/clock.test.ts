import { pino } from 'pino'
import { describe, expect, test, vi } from 'vitest'
import { openPublisher } from '../../src/broker/publisher.ts'
import { coinbase } from '../../src/ingest/coinbase.ts'
import { NO_SKEW, skewMs, withAnswer } from '../../src/ingest/polling/clock-skew.ts'
import { openBodySorter } from '../../src/ingest/polling/poll-bodies.ts'
import { type Line, openWatchedFeed } from '../../src/ingest/watched-feed.ts'
import { HOUR_MS, isoTime, MINUTE_MS, SECOND_MS } from '../../src/models/time.ts'
import { chance } from '../broker/logs.ts'
import { bookBody } from '../ingest/local-venue.ts'
import { ledgerOf, openRig, type Rig, START_MS } from '../processors/running/rig.ts'

/** Wrong clocks, from the venue's bytes to what the views say: parser, watches, log, runner and tables are the real ones. */

const PRODUCT = 'BTC-USD'
const POLL_MS = 5 * SECOND_MS
const VOUCH_MS = 2 * POLL_MS

type Market = {
  readonly rig: Rig
  /** One answer of the venue, stamped `time`, when our clocks stand so. */
  answer(time: unknown, timeMs: number, monotonicMs: number): Promise<void>
  /**
   * `lastsMs` of polls every five seconds and marks every second. `venueAheadMs` and `oursAheadMs` say how far the two clocks
   * stand from the true time, which goes on from one call to the next; a silent venue gives no answer.
   */
  watch(about: {
    lastsMs: number
    venueAheadMs?: number
    oursAheadMs?: number
    silent?: boolean
  }): Promise<void>
}

const LINE: Line = { kind: 'books', product: PRODUCT, continuity: 'unproven' }

async function openMarket(): Promise<Market> {
  const rig = await openRig()
  const publisher = await openPublisher(rig.broker, 'r1')
  const ears = { onRecord: () => {}, onFate: () => {} }
  const about = { venue: 'coinbase', source: 'coinbase', vouchMs: VOUCH_MS, ...ears } as const
  const feed = openWatchedFeed(publisher, [LINE], about)
  const log = pino({ level: 'silent' })
  const bodies = openBodySorter({ venue: coinbase, source: 'coinbase', feed, levelsMax: 20, log })
  let sequence = 0
  let elapsedMs = 0

  async function answer(time: unknown, timeMs: number, monotonicMs: number): Promise<void> {
    const body = { ...(JSON.parse(bookBody(++sequence)) as Record<string, unknown>), time }
    await bodies.take(
      LINE,
      { bytes: Buffer.from(JSON.stringify(body)), whole: true },
      { timeMs, monotonicMs },
    )
  }

  return {
    rig,
    answer,
    async watch({ lastsMs, venueAheadMs = 0, oursAheadMs = 0, silent = false }) {
      for (const endMs = elapsedMs + lastsMs; elapsedMs < endMs; elapsedMs += SECOND_MS) {
        const trueMs = START_MS + elapsedMs
        const ours = { timeMs: trueMs + oursAheadMs, monotonicMs: elapsedMs }
        if (!silent && elapsedMs % POLL_MS === 0) {
          await answer(isoTime(trueMs + venueAheadMs), ours.timeMs, ours.monotonicMs)
        }
        await feed.mark(ours, false)
      }
    },
  }
}

/** `14:30 12 books 100% complete`, a line for each minute that has a row. */
async function minutesOf({ rig }: Market): Promise<string[]> {
  const rows = await rig.store.db
    .selectFrom('best_prices')
    .select(['start_time', 'books', 'coverage', 'complete'])
    .where('window_ms', '=', MINUTE_MS)
    .orderBy('start_ms')
    .execute()
  return rows.map(({ start_time, books, coverage, complete }) => {
    const share = `${Math.round(coverage * 100)}%`
    return `${start_time.slice(11, 16)} ${books} books ${share} ${complete === 1 ? 'complete' : 'partial'}`
  })
}

/** Books in the tables, each counted once. */
async function booksIn({ rig }: Market): Promise<number> {
  const rows = await rig.store.db
    .selectFrom('best_prices')
    .select('books')
    .where('window_ms', '=', MINUTE_MS)
    .execute()
  return rows.reduce((sum, { books }) => sum + books, 0)
}

/** `14:31:05 to 14:32:00`, the one that begins first first; `14:31:05 on` while it is open. */
async function holesOf({ rig }: Market): Promise<string[]> {
  const rows = await rig.store.db.selectFrom('holes').selectAll().orderBy('from_ms').execute()
  const clock = (timeMs: number) => isoTime(timeMs).slice(11, 19)
  return rows.map(({ from_ms, to_ms }) =>
    to_ms === null ? `${clock(from_ms!)} on` : `${clock(from_ms!)} to ${clock(to_ms)}`,
  )
}

async function rejectionsOf({ rig }: Market): Promise<string[]> {
  const rows = await rig.store.db
    .selectFrom('rejections')
    .select(['kind', 'path'])
    .orderBy('first_offset')
    .execute()
  return rows.map(({ kind, path }) => `${kind} ${path}`)
}

/** What no clock may do to the tables, whatever it shows: the faults found. */
async function nonsenseIn({ rig }: Market): Promise<string[]> {
  const windows = await rig.store.db.selectFrom('best_prices').selectAll().execute()
  const watches = await rig.store.db.selectFrom('watches').selectAll().execute()
  const holes = await rig.store.db.selectFrom('holes').selectAll().execute()
  return [
    ...(await rig.faults()),
    ...windows
      .filter(({ coverage, start_ms, end_ms }) => !(coverage >= 0 && coverage <= 1 && start_ms < end_ms))
      .map(({ start_time, coverage }) => `window ${start_time} is covered ${coverage}`),
    ...watches
      .filter(({ from_ms, to_ms }) => from_ms > to_ms)
      .map(({ run }) => `watch of ${run} is negative`),
    ...holes
      .filter(({ from_ms, to_ms }) => from_ms === null || (to_ms !== null && to_ms < from_ms))
      .map(({ id }) => `hole ${id} is negative`),
  ]
}

describe("the venue's clock is wrong", () => {
  test('five minutes behind, every book lands in the window of its own time and none is late', async () => {
    const market = await openMarket()
    await market.watch({ lastsMs: 7 * MINUTE_MS, venueAheadMs: -5 * MINUTE_MS })
    await market.rig.run()
    // We watch since 14:30 by our clock: of the venue's minutes before, nobody vouches for any.
    expect(await minutesOf(market)).toEqual([
      '14:25 12 books 0% complete',
      '14:26 12 books 0% complete',
      '14:27 12 books 0% complete',
      '14:28 12 books 0% complete',
      '14:29 12 books 0% complete',
      '14:30 12 books 100% complete',
      '14:31 12 books 100% complete',
    ])
    expect(await rejectionsOf(market)).toEqual([])
    expect(await ledgerOf(market.rig, 'best-prices')).toMatchObject({ too_late: 0 })
    expect(await nonsenseIn(market)).toEqual([])
  })

  test('five minutes ahead, its answers are rejections in a hole, and the stream goes on when it is set right', async () => {
    const market = await openMarket()
    await market.watch({ lastsMs: MINUTE_MS })
    await market.watch({ lastsMs: MINUTE_MS, venueAheadMs: 5 * MINUTE_MS })
    await market.watch({ lastsMs: MINUTE_MS + 3 * SECOND_MS })
    await market.rig.run()
    expect(await rejectionsOf(market)).toEqual(Array.from({ length: 12 }, () => 'future-time time'))
    expect(await holesOf(market)).toEqual(['14:31:05 to 14:32:00'])
    expect(await minutesOf(market)).toEqual([
      '14:30 12 books 100% complete',
      '14:32 12 books 100% complete',
      '14:33 1 books 3% partial',
    ])
    expect(await nonsenseIn(market)).toEqual([])
  })

  test.each([
    [60_000, 12, 0],
    [60_001, 0, 12],
  ])(
    '%d ms ahead, %d of its 12 answers are books and %d rejections',
    async (venueAheadMs, books, rejections) => {
      const market = await openMarket()
      await market.watch({ lastsMs: MINUTE_MS, venueAheadMs })
      await market.rig.run()
      expect(await booksIn(market)).toBe(books)
      expect(await rejectionsOf(market)).toHaveLength(rejections)
      expect(await nonsenseIn(market)).toEqual([])
    },
  )
})

describe('our own clock jumps while we watch, two minutes at a time', () => {
  type Jump = {
    readonly oursAheadMs: readonly number[]
    readonly books: number
    readonly rejections: number
    readonly tooLate: number
    readonly holes: readonly string[]
  }
  const jumps: [what: string, jump: Jump][] = [
    [
      'an hour ahead and back',
      {
        oursAheadMs: [0, HOUR_MS, 0],
        books: 72,
        rejections: 0,
        tooLate: 0,
        holes: ['14:32:05 to 15:32:00'],
      },
    ],
    [
      'an hour back and right again',
      {
        oursAheadMs: [0, -HOUR_MS, 0],
        books: 48,
        rejections: 24,
        tooLate: 0,
        holes: ['13:32:05 to 14:34:00'],
      },
    ],
    [
      'an hour ahead and two back',
      {
        oursAheadMs: [0, HOUR_MS, -HOUR_MS],
        books: 48,
        rejections: 24,
        tooLate: 0,
        holes: ['13:34:05 on', '14:32:05 to 15:32:00'],
      },
    ],
    [
      // Beyond LATE_MAX: once a mark has said that it is later by hours, what comes is too late, and counted.
      'three hours ahead and back',
      {
        oursAheadMs: [0, 3 * HOUR_MS, 0],
        books: 25,
        rejections: 0,
        tooLate: 47,
        holes: ['14:32:05 to 17:32:00'],
      },
    ],
  ]
  test.each(jumps)(
    '%s: no answer is lost unseen, nothing turns negative, no watch runs back',
    async (_, jump) => {
      const market = await openMarket()
      const watchedToMs: number[] = []
      for (const oursAheadMs of jump.oursAheadMs) {
        await market.watch({ lastsMs: 2 * MINUTE_MS, oursAheadMs })
        await market.rig.run()
        const watch = await market.rig.store.db.selectFrom('watches').selectAll().executeTakeFirstOrThrow()
        watchedToMs.push(watch.to_ms)
      }
      expect(watchedToMs).toEqual([...watchedToMs].sort((a, b) => a - b))
      expect(jump.books + jump.rejections + jump.tooLate).toBe((6 * MINUTE_MS) / POLL_MS)
      expect(await booksIn(market)).toBe(jump.books)
      expect(await rejectionsOf(market)).toEqual(
        Array.from({ length: jump.rejections }, () => 'future-time time'),
      )
      expect(await ledgerOf(market.rig, 'best-prices')).toMatchObject({ too_late: jump.tooLate })
      expect(await holesOf(market)).toEqual(jump.holes)
      expect(await nonsenseIn(market)).toEqual([])
    },
  )
})

test('a clock that is set back while a hole is open makes none that ends before it began', async () => {
  const market = await openMarket()
  await market.watch({ lastsMs: MINUTE_MS })
  await market.watch({ lastsMs: MINUTE_MS, oursAheadMs: HOUR_MS })
  await market.watch({ lastsMs: MINUTE_MS, oursAheadMs: HOUR_MS, silent: true })
  await market.watch({ lastsMs: MINUTE_MS })
  await market.rig.run()
  expect(await holesOf(market)).toEqual(['14:31:05 to 15:31:00', '15:32:05 to 15:32:05'])
  expect(await booksIn(market)).toBe(36)
  expect(await nonsenseIn(market)).toEqual([])
})

describe('a time that is no time of now', () => {
  const cases: [time: unknown, becomes: string][] = [
    ['1970-01-01T00:00:00Z', 'wrong-shape time'],
    ['2009-12-31T23:59:59.999Z', 'wrong-shape time'],
    ['2038-01-19T03:14:08Z', 'future-time time'],
    ['9999-12-31T23:59:59.999Z', 'wrong-shape time'],
    ['2026-11-20T23:59:60Z', 'wrong-shape time'],
    ['2026-11-20T23:59:60.500Z', 'wrong-shape time'],
    [START_MS / 1_000, 'wrong-shape time'],
    [START_MS, 'wrong-shape time'],
    [START_MS * 1_000, 'wrong-shape time'],
    [START_MS * 1_000_000, 'wrong-shape time'],
    [`${START_MS}000`, 'wrong-shape time'],
    [`${START_MS}000000`, 'wrong-shape time'],
  ]
  test('is a rejection that says so, and the good book after it lands where it belongs', async () => {
    const market = await openMarket()
    for (const [time] of cases) await market.answer(time, START_MS, 0)
    await market.answer(isoTime(START_MS), START_MS, 0)
    await market.rig.run()
    expect(await rejectionsOf(market)).toEqual(cases.map(([, becomes]) => becomes))
    expect(await minutesOf(market)).toEqual(['14:30 1 books 0% partial'])
    expect(await nonsenseIn(market)).toEqual([])
  })
})

describe('a time with unusual digits', () => {
  const cases: [time: string, timeMs: number, start: string][] = [
    ['2026-11-20T14:30:59.999999Z', Date.UTC(2026, 10, 20, 14, 30, 59, 999), '2026-11-20T14:30:00.000Z'],
    ['2026-11-20T14:30:59.999999999Z', Date.UTC(2026, 10, 20, 14, 30, 59, 999), '2026-11-20T14:30:00.000Z'],
    ['2026-11-20T14:31:00.000000001Z', Date.UTC(2026, 10, 20, 14, 31), '2026-11-20T14:31:00.000Z'],
    ['2038-01-19T03:14:08Z', Date.UTC(2038, 0, 19, 3, 14, 8), '2038-01-19T03:14:00.000Z'],
    ['2099-12-31T23:59:59.999Z', Date.UTC(2099, 11, 31, 23, 59, 59, 999), '2099-12-31T23:59:00.000Z'],
    // The second after a leap second, of which UTC's text says :60 and our times nothing.
    ['2017-01-01T00:00:00.000Z', Date.UTC(2017, 0, 1), '2017-01-01T00:00:00.000Z'],
  ]
  test.each(cases)('%s is the millisecond %d, in the minute of %s', async (time, timeMs, start) => {
    const market = await openMarket()
    await market.answer(time, timeMs, 0)
    await market.rig.run()
    const row = await market.rig.store.db
      .selectFrom('best_prices')
      .select(['start_time', 'highest_bid_at_ms'])
      .where('window_ms', '=', MINUTE_MS)
      .executeTakeFirstOrThrow()
    expect(row).toEqual({ start_time: start, highest_bid_at_ms: timeMs })
  })
})

describe('where summer time begins or ends', () => {
  const cases: [zone: string, changeMs: number, hoursGained: number][] = [
    ['America/New_York', Date.UTC(2026, 2, 8, 7), 1],
    ['America/New_York', Date.UTC(2026, 10, 1, 6), -1],
    ['Australia/Lord_Howe', Date.UTC(2026, 3, 4, 15), -0.5],
  ]
  test.each(cases)('%s: windows are those of UTC', async (zone, changeMs, hoursGained) => {
    vi.stubEnv('TZ', zone)
    try {
      const offset = (timeMs: number) => -new Date(timeMs).getTimezoneOffset() / 60
      expect(offset(changeMs + 1) - offset(changeMs - 1)).toBe(hoursGained)
      const market = await openMarket()
      const times = [changeMs - MINUTE_MS, changeMs - 1, changeMs, changeMs + MINUTE_MS]
      for (const [i, timeMs] of times.entries()) await market.answer(isoTime(timeMs), timeMs, i)
      await market.rig.run()
      const rows = await market.rig.store.db
        .selectFrom('best_prices')
        .select(['start_time', 'books'])
        .where('window_ms', '=', MINUTE_MS)
        .orderBy('start_ms')
        .execute()
      expect(rows).toEqual([
        { start_time: isoTime(changeMs - MINUTE_MS), books: 2 },
        { start_time: isoTime(changeMs), books: 1 },
        { start_time: isoTime(changeMs + MINUTE_MS), books: 1 },
      ])
    } finally {
      vi.unstubAllEnvs()
    }
  })
})

test.each([-300_000, -1_500, 0, 1_500, 300_000])(
  "a venue's clock that stands off by %d ms is measured to 10 ms, whatever way its answers take",
  (aheadMs) => {
    const below = chance(17)
    let skew = NO_SKEW
    for (let second = 0; second < 300; second++) {
      const askedAtMs = START_MS + second * SECOND_MS
      // Out and back take 20 to 60 ms each; one answer in twenty is stuck for seconds.
      const [outMs, backMs] = [20 + below(40), 20 + below(40) + (below(20) === 0 ? 5_000 : 0)]
      const exchangeTimeMs = askedAtMs + outMs + aheadMs
      skew = withAnswer(skew, { askedAtMs, exchangeTimeMs, receivedAtMs: askedAtMs + outMs + backMs }).skew
    }
    expect(Math.abs(skewMs(skew)! - aheadMs)).toBeLessThanOrEqual(10)
  },
)
