import { describe, expect, test } from 'vitest'
import type { SqliteBroker } from '../../../src/broker/sqlite-broker.ts'
import { allTopics } from '../../../src/models/topics.ts'
import { at, play, write } from './played-log.ts'
import { differences, ledgerOf, openLog, openRig, type Rig, rawRecord } from './rig.ts'

const THREE = `
  14:30:00  BTC-USD 100 101
  14:30:01  BTC-USD 100 102
  14:30:02  BTC-USD 100 103`
const TWO_MORE = `
  r2: 14:30:03  BTC-USD 90 101
  r2: 14:30:04  BTC-USD 90 102`

async function readOnce(text: string): Promise<Rig> {
  const rig = await openRig()
  await write(rig.broker, text)
  await rig.run()
  return rig
}

describe('two runners', () => {
  test('the first one’s commit is refused once a second has claimed, and nothing of it lands', async () => {
    const rig = await readOnce(THREE)
    const first = await rig.start()
    const before = await rig.tables()
    await claim(rig, ...allTopics())
    await write(rig.broker, TWO_MORE)
    await rig.heard('books.coinbase/0 was claimed by another processor: this one lets it go')
    await first.close()
    expect(differences(await rig.tables(), before)).toEqual([])
    expect((await ledgerOf(rig, 'best-prices'))['position']).toBe(3)
    await rig.run()
    expect((await ledgerOf(rig, 'best-prices'))['position']).toBe(5)
  })

  test('the first one ends when it has nothing left', async () => {
    const rig = await openRig()
    const first = await rig.start({ monotonicMs: () => 0 })
    await claim(rig, ...allTopics())
    await rig.broker.publish(allTopics().map((topic) => rawRecord('{"no": "record of ours"}', { topic })))
    await write(rig.broker, `${THREE}\n14:30:05  reject`)
    await expect(first.done).rejects.toMatchObject({ code: 'fenced' })
    await first.close()
    expect(Object.values(await rig.tables()).flat()).toEqual([])
  })

  test('make the tables of one, whoever wins', async () => {
    const rig = await openRig()
    const first = await rig.start()
    await write(rig.broker, THREE)
    const second = await rig.start()
    await write(rig.broker, TWO_MORE)
    await second.caughtUp()
    await second.close()
    await first.close()
    const twin = await openRig({ broker: rig.broker })
    await twin.run()
    expect(differences(await rig.tables(), await twin.tables())).toEqual([])
    expect(await rig.faults()).toEqual([])
  })

  test('one that loses some of its partitions goes on with the rest', async () => {
    const rig = await openRig()
    const runner = await rig.start()
    await claim(rig, 'books.coinbase')
    await write(rig.broker, `${THREE}\n14:30:05  reject`)
    await expect.poll(async () => (await rig.tables())['rejections']).toHaveLength(1)
    expect((await rig.tables())['best_prices']).toEqual([])
    expect(rig.said.map(({ text }) => text)).toContain(
      'books.coinbase/0 was claimed by another processor: this one lets it go',
    )
    await runner.close()
  })
})

describe('positions that do not fit the log', () => {
  test('of another log stop the runner, with the way out', async () => {
    const rig = await onOther(await readOnce(THREE), await openLog())
    await expect(rig.run()).rejects.toMatchObject({
      code: 'log-lost',
      message: 'the tables were made from another log than the one that now holds books.coinbase/0',
      hint: expect.stringContaining('--accept-log'),
    })
  })

  test('of another log are left where that is accepted: the rows stay, the new log is read from its start', async () => {
    const rig = await onOther(await readOnce(THREE), await openLog())
    await write(rig.broker, TWO_MORE)
    await rig.run({ acceptLog: true })
    const windows = await rig.store.db.selectFrom('best_prices').select('books').execute()
    expect(windows).toEqual([{ books: 5 }, { books: 5 }])
    expect(await ledgerOf(rig, 'best-prices')).toMatchObject({ first: 0, position: 2, applied: 2 })
    await rig.run()
  })

  test('past its end stop the runner: the log has lost its tail', async () => {
    const before = await readOnce(THREE)
    const rig = await onOther(before, await shortened(before, 1))
    await expect(rig.run()).rejects.toMatchObject({
      code: 'log-lost',
      message:
        'books.coinbase/0 ends at offset 1, but its records were read up to 3: the log has lost its tail',
    })
  })

  test('past its end are moved back where that is accepted, and the ledger still adds up', async () => {
    const before = await readOnce(THREE)
    const rig = await onOther(before, await shortened(before, 1))
    await rig.run({ acceptLog: true })
    expect(await ledgerOf(rig, 'best-prices')).toMatchObject({ position: 1, first: -2, applied: 3 })
    await write(rig.broker, TWO_MORE)
    await rig.run()
    expect(await ledgerOf(rig, 'best-prices')).toMatchObject({ position: 3, first: -2, applied: 5 })
    expect(rig.said.map(({ text }) => text)).toContain(
      'books.coinbase/0 has lost its last 2 records: going on from its end',
    )
  })

  test('before its start are counted as lost, and said', async () => {
    const rig = await readOnce(THREE)
    await write(rig.broker, TWO_MORE)
    const [books] = (await rig.broker.topics()).filter(({ topic }) => topic === 'books.coinbase')
    await rig.broker.ensureTopics([{ ...books!, retentionBytes: 300 }])
    await rig.broker.applyRetention()
    const [cut] = (await rig.broker.topics()).filter(({ topic }) => topic === 'books.coinbase')
    expect(cut!.partitionInfos[0]).toMatchObject({ startOffset: 4, endOffset: 5 })
    await rig.run()
    expect(await ledgerOf(rig, 'best-prices')).toMatchObject({ position: 5, applied: 4, lost: 1 })
    expect(rig.said.map(({ text }) => text)).toContain(
      '1 records of books.coinbase/0 were dropped by retention before they were read',
    )
    expect(await rig.faults()).toEqual([])
  })
})

describe('records that retention dropped before they were read', () => {
  const WATCHED = `
    14:30:00  up BTC-USD
    14:30:00  BTC-USD 100 101
    14:30:02  mark`
  const UNREAD_THEN_MARKED = `
    14:30:00  up BTC-USD
    14:30:00  BTC-USD 100 101
    14:30:02  mark
    14:30:30  BTC-USD 100 102
    14:31:00  mark
    14:31:01  mark`

  test('are a hole of every product that was watched, from where market time had come to the next mark', async () => {
    const rig = await openRig()
    await write(rig.broker, WATCHED)
    await rig.run()
    const rest = play(UNREAD_THEN_MARKED).slice(3)
    await rig.broker.publish(rest)
    const [books] = (await rig.broker.topics()).filter(({ topic }) => topic === 'books.coinbase')
    await rig.broker.ensureTopics([{ ...books!, retentionBytes: 250 }])
    await rig.broker.applyRetention()
    await rig.run()
    const holes = await rig.store.db.selectFrom('holes').selectAll().execute()
    const cut = (await rig.broker.topics()).find(({ topic }) => topic === 'books.coinbase')!
    expect(cut.partitionInfos[0]!.startOffset).toBeGreaterThan(3)
    expect(holes).toMatchObject([
      { product: 'BTC-USD', run: 'r1', reason: 'lost-log', from_ms: at('14:30:02'), backfilled: 0 },
    ])
    expect([at('14:31:00'), at('14:31:01')]).toContain(holes[0]!.to_ms)
    const [window] = await rig.store.db
      .selectFrom('best_prices')
      .select('coverage')
      .where('window_ms', '=', 60_000)
      .execute()
    expect(window!.coverage).toBeCloseTo(2 / 60, 6)
  })
})

/** What a second runner does first. */
async function claim(rig: Rig, ...topics: string[]): Promise<void> {
  const logIds = new Map((await rig.broker.topics()).map(({ topic, logId }) => [topic, logId]))
  await rig.store.claim(topics.map((topic) => ({ topic, partition: 0, logId: logIds.get(topic)! })))
}

async function logIdOf(broker: SqliteBroker): Promise<string> {
  return (await broker.topics()).find(({ topic }) => topic === 'books.coinbase')!.logId
}

/** The tables of one rig beside another log. */
function onOther(rig: Rig, broker: SqliteBroker): Promise<Rig> {
  return openRig({ store: rig.store, broker })
}

/** The same log as another process would find it with only its first `records` books: a restored copy. */
async function shortened(rig: Rig, records: number): Promise<SqliteBroker> {
  const logId = await logIdOf(rig.broker)
  const kept = await rig.broker.read({ topic: 'books.coinbase', partition: 0 }, 0, records)
  const copy = await openLog()
  await copy.publish(
    kept.map(({ key, run, n, value }) => ({
      topic: 'books.coinbase',
      partition: 0,
      key,
      run: run!,
      n: n!,
      value: value!,
    })),
  )
  return {
    ...copy,
    topics: async () => (await copy.topics()).map((info) => ({ ...info, logId })),
  }
}
