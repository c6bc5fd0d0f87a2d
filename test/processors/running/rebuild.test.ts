import { describe, expect, test } from 'vitest'
import type { Processor } from '../../../src/processors/processor.ts'
import { idOf } from '../../../src/store/store.ts'
import { write } from './played-log.ts'
import {
  allergic,
  differences,
  ledgerOf,
  openRig,
  PROCESSORS,
  type Rig,
  withoutLineage,
  withProcessor,
} from './rig.ts'

const bestPrices = PROCESSORS.find(({ name }) => name === 'best-prices')!

/** Ten minutes of books, two a minute. */
const HISTORY = Array.from(
  { length: 20 },
  (_, i) =>
    `14:3${Math.floor(i / 2)}:${i % 2 === 0 ? '00' : '30'}  BTC-USD ${100 + (i % 7)} ${110 + (i % 9)}`,
).join('\n')

/** Starts a runner on what lies there, asks for the rebuild, and waits until it is said that it has ended so. */
async function rebuilt(rig: Rig, name: string, ending = `${name} is rebuilt`): Promise<void> {
  const runner = await rig.start()
  await runner.caughtUp()
  await rig.askRebuild(name)
  await rig.heard(ending)
  await runner.close()
}

describe('rebuilding', () => {
  test('what was right makes the same rows, processor by processor', async () => {
    const rig = await openRig()
    await write(rig.broker, `14:29:59  up BTC-USD\n${HISTORY}\n14:40:00  mark`)
    await write(rig.broker, Array.from({ length: 13 }, (_, i) => `r2: 14:30:${10 + i}  reject`).join('\n'))
    const runner = await rig.start()
    await runner.caughtUp()
    const before = await rig.tables()
    for (const { name } of PROCESSORS) await rig.askRebuild(name)
    for (const { name } of PROCESSORS) await rig.heard(`${name} is rebuilt`)
    await runner.close()
    expect(differences(await rig.tables(), before)).toEqual([])
    expect(await rig.faults()).toEqual([])
    expect(await rig.store.requests.rebuilds()).toEqual([])
  })

  test('what was wrong mends its rows', async () => {
    const wrong: Processor = { ...bestPrices, merge: (row) => row }
    const rig = await openRig()
    await write(rig.broker, HISTORY)
    await rig.run({ processors: withProcessor(wrong) })
    expect((await rig.tables())['best_prices']).toEqual([])
    await rebuilt(rig, 'best-prices')
    const twin = await openRig({ broker: rig.broker })
    await twin.run()
    expect(differences(await rig.tables(), await twin.tables())).toEqual([])
  })

  test('rows that should never have been are gone afterwards', async () => {
    const wrong: Processor = {
      ...bestPrices,
      per: { kind: 'window', lengthsMs: [1_000] },
    }
    const rig = await openRig()
    await write(rig.broker, HISTORY)
    await rig.run({ processors: withProcessor(wrong) })
    expect((await rig.tables())['best_prices']).toHaveLength(20)
    await rebuilt(rig, 'best-prices')
    expect((await rig.tables())['best_prices']).toHaveLength(12)
  })

  test('goes on while live records keep coming, and none is lost', async () => {
    const rig = await openRig()
    await write(rig.broker, HISTORY)
    const runner = await rig.start({ batchRecordsMax: 3 })
    await runner.caughtUp()
    await rig.askRebuild('best-prices')
    let isOver = false
    const over = rig.heard('best-prices is rebuilt').then(() => {
      isOver = true
    })
    for (let i = 0; !isOver; i++) {
      await write(rig.broker, `live${i}: 14:41:00.${100 + (i % 800)}  BTC-USD ${90 + (i % 30)} 130`)
      await new Promise(setImmediate)
    }
    await over
    await write(rig.broker, 'last: 14:42:00  BTC-USD 100 101')
    await runner.caughtUp()
    await runner.close()
    const twin = await openRig({ broker: rig.broker })
    await twin.run()
    expect(differences(await rig.tables(), await twin.tables())).toEqual([])
    expect(await rig.faults()).toEqual([])
  })

  test('that is cut short begins anew with the next start', async () => {
    const rig = await openRig()
    await write(rig.broker, HISTORY)
    const first = await rig.start({ batchRecordsMax: 1 })
    await first.caughtUp()
    await rig.askRebuild('best-prices')
    await rig.heard('rebuilding best-prices from the start of books.coinbase/0')
    await first.close()
    const second = await rig.start()
    await rig.heard('best-prices is rebuilt')
    await second.caughtUp()
    await second.close()
    const twin = await openRig({ broker: rig.broker })
    await twin.run()
    expect(differences(await rig.tables(), await twin.tables())).toEqual([])
    const readers = await rig.store.db.selectFrom('positions').select('reader').distinct().execute()
    expect(readers).toEqual([{ reader: 'all' }])
  })

  test('a processor that throws meanwhile keeps the rows it had, and goes on as before', async () => {
    const rig = await openRig()
    await write(rig.broker, HISTORY)
    await rig.run()
    const before = await rig.tables()
    const broken = allergic('best-prices', (record) => 'timeMs' in record)
    const runner = await rig.start({ processors: withProcessor(broken) })
    await rig.askRebuild('best-prices')
    await rig.heard('best-prices could not be rebuilt: it threw before offset 20')
    await runner.close()
    expect(differences(await rig.tables(), before)).toEqual([])
    expect(await rig.told()).toEqual([])
    expect(runner.parked()).toEqual([])
  })

  test('a parked processor that is mended lets it go with the others again', async () => {
    const rig = await openRig()
    await write(rig.broker, HISTORY)
    await rig.run({ processors: withProcessor(allergic('best-prices', (record) => 'timeMs' in record)) })
    await rebuilt(rig, 'best-prices')
    expect((await ledgerOf(rig, 'best-prices'))['position']).toBe(20)
    const twin = await openRig({ broker: rig.broker })
    await twin.run()
    expect(differences(await rig.tables(), await twin.tables())).toEqual([])
  })

  test('an unknown name is said and forgotten', async () => {
    const rig = await openRig()
    await rebuilt(rig, 'best-price', 'there is no processor best-price to rebuild')
    await expect.poll(() => rig.store.requests.rebuilds()).toEqual([])
  })
})

describe('where the log no longer holds everything', () => {
  /** A log that keeps the last few of its books: those of the second five minutes. */
  async function cutRig(): Promise<Rig> {
    const rig = await openRig()
    await write(rig.broker, HISTORY)
    await rig.run()
    const [books] = (await rig.broker.topics()).filter(({ topic }) => topic === 'books.coinbase')
    const kept = await rig.broker.read({ topic: 'books.coinbase', partition: 0 }, 10, 10)
    const retentionBytes = kept.reduce((bytes, { value }) => bytes + value!.length, 0)
    await rig.broker.ensureTopics([{ ...books!, retentionBytes }])
    expect(await rig.broker.applyRetention()).toBe(10)
    return rig
  }

  test('rows made from what is gone stay, the others are made again', async () => {
    const rig = await cutRig()
    const before = await rig.tables()
    const books = idOf('books.coinbase', 0)
    expect(await rig.store.countForRebuild(bestPrices.table, books, 10)).toEqual({ kept: 6, replaced: 6 })
    await rebuilt(rig, 'best-prices')
    expect(differences(await rig.tables(), before)).toEqual([])
  })

  test('rows made wrong from what is gone stay wrong, the others are mended', async () => {
    const rig = await cutRig()
    const right = withoutLineage(await rig.tables())['best_prices']!
    const wrong: Processor = {
      ...bestPrices,
      merge: (row, record, key) => ({ ...(bestPrices.merge(row, record, key) as object), highestBid: null }),
    }
    const all = withProcessor(wrong)
    const runner = await rig.start({ processors: all })
    await runner.caughtUp()
    await rig.askRebuild('best-prices')
    await rig.heard('best-prices is rebuilt')
    await runner.close()
    const rows = withoutLineage(await rig.tables())['best_prices']!
    expect(rows.filter((row, i) => row === right[i])).toHaveLength(6)
    expect(rows.filter((row) => row.includes('"highest_bid":null'))).toHaveLength(6)
  })

  test('what is numbered from the first record on cannot be rebuilt: that is said, and nothing changes', async () => {
    const rig = await openRig()
    await write(rig.broker, Array.from({ length: 13 }, (_, i) => `14:30:${10 + i}  reject`).join('\n'))
    await rig.run()
    const before = await rig.tables()
    const [topic] = (await rig.broker.topics()).filter(({ topic }) => topic === 'rejections')
    await rig.broker.ensureTopics([{ ...topic!, retentionBytes: 2_000 }])
    expect(await rig.broker.applyRetention()).toBeGreaterThan(0)
    await rebuilt(
      rig,
      'rejection-digest',
      'rejection-digest cannot be rebuilt: the first of what it numbers left the log',
    )
    expect(differences(await rig.tables(), before)).toEqual([])
  })
})
