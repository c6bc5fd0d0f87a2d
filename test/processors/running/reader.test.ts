import { describe, expect, test } from 'vitest'
import type { ForeignRecord } from '../../../src/models/outbox-message.ts'
import { MINUTE_MS } from '../../../src/models/time.ts'
import { bookText, rejection, write } from './played-log.ts'
import {
  altered,
  BOOKS,
  ledgerOf,
  openLog,
  openRig,
  PROCESSORS,
  type Rig,
  rawRecord,
  START_MS,
} from './rig.ts'

const YEAR_MS = 365 * 86_400_000

/** A quote of 100 / 101, so many minutes after the start of the test's day. */
function quote(minutes: number, more: Partial<Parameters<typeof bookText>[0]> = {}): string {
  return bookText({ atMs: START_MS + minutes * MINUTE_MS, bid: '100', ask: '101', ...more })
}

async function published(...records: Parameters<typeof rawRecord>[]): Promise<Rig> {
  const rig = await openRig()
  const counts = new Map<string, number>()
  await rig.broker.publish(
    records.map(([value, about]) => {
      const run = about?.run ?? 'r1'
      const n = (counts.get(run) ?? 0) + 1
      counts.set(run, n)
      return rawRecord(value, { run, n, ...about })
    }),
  )
  await rig.run()
  return rig
}

async function windowsOf(rig: Rig): Promise<{ start_time: string; books: number }[]> {
  return rig.store.db
    .selectFrom('best_prices')
    .select(['start_time', 'books'])
    .where('window_ms', '=', 300_000)
    .orderBy('start_ms')
    .execute()
}

/** Conservation: every offset up to the position is in the ledger once, whatever became of the record. */
async function expectLedger(rig: Rig, expected: Record<string, number>): Promise<void> {
  expect(await rig.faults()).toEqual([])
  expect(await ledgerOf(rig, 'best-prices')).toEqual({
    first: 0,
    applied: 0,
    duplicate: 0,
    too_late: 0,
    foreign_records: 0,
    lost: 0,
    ...expected,
  })
}

describe('what came twice', () => {
  test('a record of the same run and number is dropped and counted', async () => {
    const rig = await published(
      [quote(0), { n: 1 }],
      [quote(1), { n: 2 }],
      [quote(1), { n: 2 }],
      [quote(0), { n: 1 }],
      [quote(2), { n: 3 }],
    )
    expect(await windowsOf(rig)).toEqual([{ start_time: '2026-11-20T14:30:00.000Z', books: 3 }])
    await expectLedger(rig, { position: 5, applied: 3, duplicate: 2 })
  })

  test('is known again after a restart, however many runs wrote in between', async () => {
    const rig = await published([quote(0)], [quote(1), { run: 'r2' }], [quote(2), { run: 'r3' }])
    await rig.broker.publish([
      rawRecord(quote(1), { run: 'r2', n: 1 }),
      rawRecord(quote(0), { run: 'r1', n: 1 }),
    ])
    await rig.run()
    await expectLedger(rig, { position: 5, applied: 3, duplicate: 2 })
  })

  test('one book of two runs is two books', async () => {
    const rig = await published([quote(0)], [quote(0), { run: 'r2' }])
    expect(await windowsOf(rig)).toMatchObject([{ books: 2 }])
  })
})

describe('what came late', () => {
  test('merges into its window up to LATE_MAX behind the progress of its source', async () => {
    const rig = await published([quote(0)], [quote(60)], [quote(1)])
    expect(await windowsOf(rig)).toEqual([
      { start_time: '2026-11-20T14:30:00.000Z', books: 2 },
      { start_time: '2026-11-20T15:30:00.000Z', books: 1 },
    ])
  })

  test('is counted as too late beyond that, and not merged', async () => {
    const rig = await published([quote(0)], [quote(60)], [quote(0, { atMs: START_MS - 1 })])
    expect(await windowsOf(rig)).toMatchObject([{ books: 1 }, { books: 1 }])
    await expectLedger(rig, { position: 3, applied: 2, too_late: 1 })
  })

  test('a mark moves progress as a book does', async () => {
    const rig = await openRig()
    await write(
      rig.broker,
      `
      14:30:00  BTC-USD 100 101
      15:30:01  mark
      14:30:00.500  BTC-USD 100 101
    `,
    )
    await rig.run()
    await expectLedger(rig, { position: 3, applied: 2, too_late: 1 })
  })

  test('a resent record merges however late it is', async () => {
    const rig = await published([quote(0)], [quote(600)], [quote(1), { run: 'resend:bad-7', n: 1 }])
    expect(await windowsOf(rig)).toMatchObject([{ books: 2 }, { books: 1 }])
  })

  test('a record made last year is not late beside live ones: each source has its own progress', async () => {
    const made = { atMs: START_MS - YEAR_MS, source: 'mock' as const }
    const rig = await published([quote(0)], [quote(0, made)], [quote(1)], [quote(1, made)])
    await expectLedger(rig, { position: 4, applied: 4 })
    expect(await rig.store.db.selectFrom('progress').selectAll().orderBy('source').execute()).toEqual([
      { topic: BOOKS, partition: 0, source: 'coinbase', progress_ms: START_MS + MINUTE_MS },
      { topic: BOOKS, partition: 0, source: 'mock', progress_ms: START_MS - YEAR_MS },
    ])
  })

  test('progress follows the earlier of the two clocks, so a venue that runs ahead makes nobody late', async () => {
    const ahead = quote(0, { atMs: START_MS + 50_000, receivedAtMs: START_MS })
    const rig = await published([ahead])
    expect(await rig.store.db.selectFrom('progress').select('progress_ms').execute()).toEqual([
      { progress_ms: START_MS },
    ])
  })

  test('late seconds after a restart merge with the seconds that are stored', async () => {
    const rig = await openRig()
    await write(
      rig.broker,
      `
      14:30:10.500  BTC-USD 100 101
      14:30:12.500  BTC-USD 102 103
      14:30:15.500  BTC-USD 104 105
    `,
    )
    await rig.run()
    await write(
      rig.broker,
      `
      r2: 14:30:00  up BTC-USD
    `,
    )
    await rig.run()
    const runner = await rig.start()
    for (const text of [
      'r3: 14:30:16  up BTC-USD',
      'r4: 14:30:10.100  BTC-USD 90 91',
      'r5: 14:30:12.100  BTC-USD 90 91',
      'r6: 14:30:13.100  BTC-USD 90 91',
      'r7: 14:30:15.900  BTC-USD 98 99',
      'r8: 14:30:11.100  BTC-USD 90 91',
    ]) {
      await write(rig.broker, text)
      await runner.caughtUp()
    }
    await runner.close()
    const samples = await rig.store.db
      .selectFrom('mid_price')
      .select(['at_ms', 'mid'])
      .orderBy('start_ms')
      .execute()
    expect(samples.map(({ at_ms, mid }) => `${(at_ms - START_MS) / 1_000} ${mid}`)).toEqual([
      '10.5 100.5',
      '11.1 90.5',
      '12.5 102.5',
      '13.1 90.5',
      '15.9 98.5',
    ])
  })
})

describe('what is no record of ours', () => {
  const foreign: [string, string, Partial<Parameters<typeof rawRecord>[1]>, RegExp][] = [
    ['no JSON', '{"type":"bo', {}, /JSON/],
    ['another JSON', '{"price": 1}', {}, /type|discriminator|Invalid/i],
    ['a book at zero', quote(0, { bid: '0' }), {}, /expected a number above zero/],
    ['a rejection among the books', JSON.stringify(rejection(START_MS)), {}, /type|Invalid/i],
    [
      'a book stamped more than 60 s ahead of its arrival',
      quote(0, { atMs: START_MS + 60_001, receivedAtMs: START_MS }),
      {},
      /ahead of its own arrival/,
    ],
  ]
  test.each(foreign)(
    '%s is counted, told as rejected, and the stream goes on',
    async (_, value, about, why) => {
      const rig = await published([quote(0)], [value, { run: 'stranger', n: 1, ...about }], [quote(1)])
      await expectLedger(rig, { position: 3, applied: 2, foreign_records: 1 })
      const told = await rig.told()
      expect(told).toMatchObject([
        {
          kind: 'reject',
          payload: {
            place: { topic: BOOKS, partition: 0, offset: 1 },
            refusal: { kind: 'foreign-record' },
            original: { data: Buffer.from(value).toString('base64') },
          },
        },
      ])
      const { message } = (told[0]!.payload as ForeignRecord).refusal
      expect(message).toMatch(why)
      expect(message).toMatch(/^books\.coinbase\/0@1: /)
    },
  )

  test('stays out of every table of its own: a book of the future makes no row', async () => {
    const ahead = quote(0, { product: 'ETH-USD', atMs: START_MS + 60_001, receivedAtMs: START_MS })
    const rig = await published([ahead])
    expect(Object.values(await rig.tables()).flat()).toEqual([])
  })

  test('a book exactly 60 s ahead of its arrival is a book', async () => {
    const rig = await published([quote(0, { atMs: START_MS + 60_000, receivedAtMs: START_MS })])
    await expectLedger(rig, { position: 1, applied: 1 })
  })

  test.each([
    ['without a value', { value: null }, 'it has no value'],
    ['that is no text', { value: null, bytes: Buffer.from([255, 0]) }, 'its value is not UTF-8 text'],
    ['without a run', { run: null }, 'it has no run and n in its headers'],
    ['without a number', { n: null }, 'it has no run and n in its headers'],
    [
      'whose checksum is wrong',
      { corrupt: true, value: null, run: null, n: null, key: null },
      'its checksum is wrong',
    ],
  ])('a record %s is counted and told, and the stream goes on', async (_, lacks, why) => {
    const broker = altered(await openLog(), (record) =>
      record.offset === 1 ? { ...record, ...lacks } : record,
    )
    const rig = await openRig({ broker })
    await rig.broker.publish([0, 1, 2].map((i) => rawRecord(quote(i), { run: 'r1', n: i + 1 })))
    await rig.run()
    await expectLedger(rig, { position: 3, applied: 2, foreign_records: 1 })
    const kind = 'corrupt' in lacks ? 'corrupt-record' : 'foreign-record'
    expect(await rig.told()).toMatchObject([
      { payload: { refusal: { kind, message: `books.coinbase/0@1: ${why}` } } },
    ])
  })

  test('is told once, however often it is read', async () => {
    const rig = await published(['nonsense'], [quote(0)])
    const again = await openRig({ broker: rig.broker, store: rig.store })
    const added = { ...PROCESSORS[0]!, name: 'added', table: { ...PROCESSORS[0]!.table, name: 'added' } }
    await again.run({ processors: [...PROCESSORS, added] })
    expect(await rig.told()).toHaveLength(1)
  })
})
