import { describe, expect, test } from 'vitest'
import { REJECTIONS_TOPIC } from '../../../src/models/topics.ts'
import type { Processor } from '../../../src/processors/processor.ts'
import { at, write } from './played-log.ts'
import {
  allergic,
  differences,
  ledgerOf,
  openLog,
  openRig,
  PROCESSORS,
  type Rig,
  withProcessor,
} from './rig.ts'

/** Ten books, one a second; every processor of books throws at the one of 14:30:05 when it is told to. */
const TEN_BOOKS = Array.from({ length: 10 }, (_, i) => `14:30:0${i}  BTC-USD ${100 + i} ${101 + i}`).join(
  '\n',
)
const FIVE_BOOKS = TEN_BOOKS.split('\n').slice(0, 5).join('\n')
const POISON_MS = at('14:30:05')

function throwing(name: string): Processor {
  return allergic(name, (record) => 'timeMs' in record && record.timeMs === POISON_MS)
}

const brokenBestPrices = withProcessor(throwing('best-prices'))

/** The tables that a log makes when nothing goes wrong. */
async function tablesMadeOf(text: string): Promise<Record<string, string[]>> {
  const rig = await openRig()
  await write(rig.broker, text)
  await rig.run()
  return rig.tables()
}

async function parkedMessages(rig: Rig): Promise<string[]> {
  return (await rig.told()).filter(({ kind }) => kind === 'parked').map(({ id }) => id)
}

describe('a processor that throws', () => {
  test.each([1, 3, 1_000])('stops at its record, and the others go on (%i records a batch)', async (size) => {
    const rig = await openRig()
    await write(rig.broker, TEN_BOOKS)
    const runner = await rig.start({ processors: brokenBestPrices, batchRecordsMax: size })
    await runner.caughtUp()
    expect(runner.parked()).toEqual([{ processor: 'best-prices', partition: 'books.coinbase/0', offset: 5 }])
    await runner.close()
    const { best_prices, ...others } = await rig.tables()
    const { best_prices: _, ...expected } = await tablesMadeOf(TEN_BOOKS)
    expect(differences(others, expected)).toEqual([])
    expect(best_prices).toEqual((await tablesMadeOf(FIVE_BOOKS))['best_prices'])
    expect(await rig.faults()).toEqual([])
  })

  test('is told once, however often it is tried again', async () => {
    const rig = await openRig()
    await write(rig.broker, TEN_BOOKS)
    await rig.run({ processors: brokenBestPrices })
    await rig.run({ processors: brokenBestPrices })
    expect(await parkedMessages(rig)).toEqual(['parked:best-prices:books.coinbase/0@5'])
  })

  test('lets records that come afterwards pass to the others', async () => {
    const rig = await openRig()
    await write(rig.broker, TEN_BOOKS)
    await rig.run({ processors: brokenBestPrices })
    await write(rig.broker, 'r2: 14:31:00  BTC-USD 200 201')
    await rig.run({ processors: brokenBestPrices })
    expect((await ledgerOf(rig, 'best-prices'))['position']).toBe(5)
    expect((await ledgerOf(rig, 'max-spread'))['position']).toBe(11)
    expect(await rig.faults()).toEqual([])
  })

  test.each([1, 3, 1_000])('catches up and joins the others once it is mended (%i a batch)', async (size) => {
    const rig = await openRig()
    await write(rig.broker, TEN_BOOKS)
    await rig.run({ processors: brokenBestPrices, batchRecordsMax: size })
    await write(rig.broker, 'r2: 14:31:00  BTC-USD 200 201')
    await rig.run({ batchRecordsMax: size })
    expect(
      differences(await rig.tables(), await tablesMadeOf(`${TEN_BOOKS}\nr2: 14:31:00  BTC-USD 200 201`)),
    ).toEqual([])
    const readers = await rig.store.db.selectFrom('positions').select(['processor', 'reader']).execute()
    expect(new Set(readers.map(({ reader }) => reader))).toEqual(new Set(['all']))
    expect(await rig.faults()).toEqual([])
  })

  test('two that throw at different records of one batch each stop at their own', async () => {
    const rig = await openRig()
    await write(rig.broker, TEN_BOOKS)
    const early = allergic('max-spread', (record) => 'timeMs' in record && record.timeMs === at('14:30:03'))
    const processors = brokenBestPrices.map((known) => (known.name === early.name ? early : known))
    const runner = await rig.start({ processors })
    await runner.caughtUp()
    expect(runner.parked().map(({ processor, offset }) => [processor, offset])).toEqual(
      expect.arrayContaining([
        ['best-prices', 5],
        ['max-spread', 3],
      ]),
    )
    await runner.close()
    const tables = await rig.tables()
    const three = TEN_BOOKS.split('\n').slice(0, 3).join('\n')
    expect(tables['best_prices']).toEqual((await tablesMadeOf(FIVE_BOOKS))['best_prices'])
    expect(tables['max_spread']).toEqual((await tablesMadeOf(three))['max_spread'])
    await rig.run()
    expect(differences(await rig.tables(), await tablesMadeOf(TEN_BOOKS))).toEqual([])
  })

  test('that is no reader of books is parked alone as well', async () => {
    const rig = await openRig()
    const rejections = Array.from({ length: 12 }, (_, i) => `14:30:${10 + i}  reject`).join('\n')
    await write(rig.broker, `${TEN_BOOKS}\n${rejections}`)
    const poison = `bad-${at('14:30:15')}`
    const broken = allergic('rejection-digest', (record) => 'id' in record && record.id === poison)
    await rig.run({ processors: withProcessor(broken) })
    expect(await parkedMessages(rig)).toEqual(['parked:rejection-digest:rejections/0@5'])
    expect((await ledgerOf(rig, 'rejection-digest', REJECTIONS_TOPIC))['applied']).toBe(5)
    await rig.run()
    expect(differences(await rig.tables(), await tablesMadeOf(`${TEN_BOOKS}\n${rejections}`))).toEqual([])
    expect((await rig.told()).map(({ id }) => id)).toContain('digest-10')
  })

  test('is parked all the same where its record left the log before it could be read again', async () => {
    const log = await openLog()
    const read: typeof log.read = async (tp, from, max) => {
      const [books] = (await log.topics()).filter(({ topic }) => topic === tp.topic)
      await log.ensureTopics([{ ...books!, retentionBytes: 1 }])
      await log.applyRetention()
      return log.read(tp, from, max)
    }
    const rig = await openRig({ broker: { ...log, read } })
    await write(rig.broker, TEN_BOOKS)
    await rig.run({ processors: brokenBestPrices })
    expect(await ledgerOf(rig, 'best-prices')).toMatchObject({ position: 5, applied: 0, lost: 5 })
    expect(await rig.faults()).toEqual([])
  })

  test('knows what came twice before it was set aside, also after a restart', async () => {
    const rig = await openRig()
    await write(rig.broker, 'r0: 14:30:00  BTC-USD 99 100')
    await rig.run({ processors: brokenBestPrices })
    await write(rig.broker, TEN_BOOKS)
    await rig.run({ processors: brokenBestPrices })
    await write(rig.broker, 'r0: 14:30:00  BTC-USD 99 100')
    await rig.run({ processors: brokenBestPrices })
    await rig.run()
    expect(await ledgerOf(rig, 'best-prices')).toMatchObject({ applied: 11, duplicate: 1 })
    const windows = await rig.store.db.selectFrom('best_prices').select('books').execute()
    expect(windows).toEqual([{ books: 11 }, { books: 11 }])
  })
})

describe('a processor that is added later', () => {
  const withoutDigests = PROCESSORS.filter(({ name }) => name !== 'rejection-digest')
  const withoutPrices = PROCESSORS.filter(({ name }) => name !== 'best-prices')

  test('begins at the beginning of the log by itself, and then goes with the others', async () => {
    const rig = await openRig()
    await write(rig.broker, TEN_BOOKS)
    await rig.run({ processors: withoutPrices })
    await write(rig.broker, 'r2: 14:31:00  BTC-USD 200 201')
    const runner = await rig.start()
    await runner.caughtUp()
    await write(rig.broker, 'r3: 14:32:00  BTC-USD 300 301')
    await runner.caughtUp()
    await runner.close()
    const log = `${TEN_BOOKS}\nr2: 14:31:00  BTC-USD 200 201\nr3: 14:32:00  BTC-USD 300 301`
    expect(differences(await rig.tables(), await tablesMadeOf(log))).toEqual([])
    expect(await ledgerOf(rig, 'best-prices')).toEqual(await ledgerOf(rig, 'max-spread'))
    expect(await rig.faults()).toEqual([])
  })

  test('counts on from what it has counted by itself', async () => {
    const rig = await openRig()
    const rejections = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => `r${from}: 14:30:${10 + from + i}  reject`).join('\n')
    await write(rig.broker, rejections(1, 15))
    await rig.run({ processors: withoutDigests })
    const runner = await rig.start()
    await runner.caughtUp()
    await write(rig.broker, rejections(16, 22))
    await runner.caughtUp()
    await runner.close()
    const digests = await rig.store.db
      .selectFrom('rejection_digests')
      .select('last_ordinal')
      .orderBy('last_ordinal')
      .execute()
    expect(digests).toEqual([{ last_ordinal: 10 }, { last_ordinal: 20 }])
    expect(await rig.store.db.selectFrom('rejection_remainder').select('count').executeTakeFirst()).toEqual({
      count: 2,
    })
  })

  test('has its own place where it is stopped half-way', async () => {
    const rig = await openRig()
    await write(rig.broker, TEN_BOOKS)
    await rig.run({ processors: withoutPrices, batchRecordsMax: 2 })
    const runner = await rig.start({ batchRecordsMax: 2 })
    await runner.close()
    await rig.run({ batchRecordsMax: 2 })
    expect(differences(await rig.tables(), await tablesMadeOf(TEN_BOOKS))).toEqual([])
  })
})
