import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { OutgoingRecord } from '../../src/broker/broker.ts'
import { openPublisher } from '../../src/broker/publisher.ts'
import { allTopics } from '../../src/models/topics.ts'
import { chance } from '../broker/logs.ts'
import { anyLog, anyLogShuffled, ofOneRun } from './running/any-log.ts'
import { play, write } from './running/played-log.ts'
import {
  BOOKS,
  differences,
  killedAfter,
  leapingClock,
  openRig,
  PROCESSORS,
  type Rig,
  START_MS,
  withoutLineage,
} from './running/rig.ts'

const RUNS = { numRuns: 50 }
type Tables = Record<string, string[]>

/** What one runner makes of a log that lies there whole. */
async function tablesMadeOf(records: readonly OutgoingRecord[]): Promise<Tables> {
  return withRig(records, async (rig) => {
    await rig.run()
    return rig.tables()
  })
}

async function withRig<Answer>(
  records: readonly OutgoingRecord[],
  work: (rig: Rig) => Promise<Answer>,
): Promise<Answer> {
  const rig = await openRig()
  try {
    await rig.broker.publish(records)
    const answer = await work(rig)
    expect(await rig.faults()).toEqual([])
    return answer
  } finally {
    await rig.close()
  }
}

/** Two thousand books of eight products, with ups, marks and holes, on as many partitions as are asked for. */
async function bigLog(partitions: number, runOf = (_: number) => 'r1'): Promise<Rig> {
  const rig = await openRig({ partitions })
  const below = chance(7)
  const products = Array.from({ length: 8 }, (_, i) => `P${i}-USD`)
  const lines = products.map((product) => `14:30:00  up ${product}`)
  for (let second = 0; second < 250; second++) {
    const clock = new Date(START_MS + second * 1_000).toISOString().slice(11, 23)
    for (const product of products) {
      const bid = 10_000 + below(2_000)
      lines.push(`${clock}  ${product} ${bid / 100} ${(bid + below(150) - 10) / 100}`)
    }
    if (second % 60 === 20) lines.push(`${clock}  hole P3-USD h${second}`, `${clock}  end P3-USD h${second}`)
    lines.push(`${clock}  mark`)
  }
  await rig.broker.publish(play(lines.map((line, i) => `${runOf(i)}: ${line}`).join('\n'), { partitions }))
  return rig
}

/** A run a record: its number is then 1 on whatever partition. */
const eachItsOwn = (i: number) => `p${i}`

describe('the same log makes the same tables', () => {
  test.each([1, 3])('whatever the batches, on %i partitions', async (partitions) => {
    const rig = await bigLog(partitions)
    await rig.run({ batchRecordsMax: 256 })
    const expected = await rig.tables()
    expect(expected['mid_price']!.length).toBeGreaterThan(1_000)
    for (const batchRecordsMax of [7, 1_000]) {
      const other = await openRig({ broker: rig.broker })
      await other.run({ batchRecordsMax })
      expect(differences(await other.tables(), expected)).toEqual([])
      expect(await other.faults()).toEqual([])
    }
  })

  test('record by record', async () => {
    const records = ofOneRun(fc.sample(anyLog, { numRuns: 10, seed: 5 }).flat())
    const expected = await tablesMadeOf(records)
    await withRig(records, async (rig) => {
      await rig.run({ batchRecordsMax: 1 })
      expect(differences(await rig.tables(), expected)).toEqual([])
    })
  })

  test('on however many partitions it lies, in every column but lineage', async () => {
    const [one, three] = [await bigLog(1, eachItsOwn), await bigLog(3, eachItsOwn)]
    await one.run()
    await three.run()
    const { runs: _, watches: __, ...ofOne } = withoutLineage(await one.tables())
    const { runs: ___, watches: ____, ...ofThree } = withoutLineage(await three.tables())
    expect(differences(ofOne, ofThree)).toEqual([])
  })

  test('whenever it is stopped and started again', async () => {
    await fc.assert(
      fc.asyncProperty(anyLog, fc.array(fc.nat(20), { maxLength: 5 }), async (log, cuts) => {
        const records = ofOneRun(log)
        const expected = await tablesMadeOf(records)
        await withRig([], async (rig) => {
          let from = 0
          for (const cut of cuts) {
            await rig.broker.publish(records.slice(from, from + cut))
            from += cut
            await rig.run({ batchRecordsMax: 1 + (cut % 4) })
          }
          await rig.broker.publish(records.slice(from))
          await rig.run()
          expect(differences(await rig.tables(), expected)).toEqual([])
        })
      }),
      RUNS,
    )
  })

  test('wherever its processes are killed', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyLog,
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        async (log, lives, batchRecordsMax) => {
          const records = ofOneRun(log)
          const expected = await tablesMadeOf(records)
          await withRig(records, async (rig) => {
            for (const calls of lives) await lifeOf(rig, calls, batchRecordsMax)
            await rig.run()
            expect(differences(await rig.tables(), expected)).toEqual([])
          })
        },
      ),
      RUNS,
    )
  })

  test('in whatever order it arrives within LATE_MAX, in every column but lineage', async () => {
    await fc.assert(
      fc.asyncProperty(anyLogShuffled, fc.integer({ min: 1, max: 64 }), async ([log, shuffled], size) => {
        const expected = withoutLineage(await tablesMadeOf(log))
        await withRig(shuffled, async (rig) => {
          await rig.run({ batchRecordsMax: size })
          expect(differences(withoutLineage(await rig.tables()), expected)).toEqual([])
        })
      }),
      RUNS,
    )
  })
})

test('while records keep coming, what is read live is what is read afterwards', async () => {
  const records = ofOneRun(fc.sample(anyLog, { numRuns: 20, seed: 8 }).flat())
  const expected = await tablesMadeOf(records)
  await withRig([], async (rig) => {
    const runner = await rig.start({ monotonicMs: leapingClock(60) })
    for (let from = 0; from < records.length; from += 40)
      await rig.broker.publish(records.slice(from, from + 40))
    await runner.caughtUp()
    await runner.close()
    expect(differences(await rig.tables(), expected)).toEqual([])
  })
})

test('a producer’s numbers stand on each partition by themselves', async () => {
  const rig = await openRig({ partitions: 3 })
  const publisher = await openPublisher(rig.broker, 'r1')
  const up = (product: string) =>
    JSON.stringify({ type: 'up', venue: 'coinbase', source: 'mock', run: 'r1', product, atMs: START_MS })
  const products = ['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD', 'ADA-USD']
  await publisher.send(products.map((product) => ({ topic: BOOKS, key: product, value: up(product) })))
  await rig.run()
  const watched = await rig.store.db.selectFrom('watches').select('product').orderBy('product').execute()
  expect(watched.map(({ product }) => product)).toEqual([...products].sort())
})

describe('a runner', () => {
  test('says when everything that lay there is committed', async () => {
    const rig = await openRig()
    const runner = await rig.start({ monotonicMs: () => 0 })
    await write(rig.broker, '14:30:00  BTC-USD 100 101')
    await runner.caughtUp()
    expect((await rig.tables())['top_of_book']).toHaveLength(1)
    await runner.close()
  })

  test('that is closed has committed what it had read, and may be closed again', async () => {
    const rig = await openRig()
    const runner = await rig.start()
    await write(rig.broker, '14:30:00  BTC-USD 100 101')
    await runner.caughtUp()
    await runner.close()
    await runner.close()
    await expect(runner.done).resolves.toBeUndefined()
    await expect(runner.caughtUp()).rejects.toMatchObject({ code: 'closed' })
    expect(await rig.broker.groups()).toEqual([
      {
        group: 'test',
        members: null,
        offsets: allTopics()
          .sort()
          .map((topic) => ({ topic, partition: 0, offset: topic === BOOKS ? 1 : 0 })),
      },
    ])
  })

  test('whose store breaks ends with what broke it, and whoever waits is told', async () => {
    const rig = await openRig()
    await write(rig.broker, '14:30:00  BTC-USD 100 101')
    const runner = await rig.start({ store: killedAfter(rig.store, 2) })
    await expect(runner.caughtUp()).rejects.toThrow('killed')
    await expect(runner.done).rejects.toThrow('killed')
    await expect(runner.caughtUp()).rejects.toThrow('killed')
    await runner.close()
  })

  test('that broke off between reading and merging commits nothing of it, even where the store is well again', async () => {
    const rig = await openRig()
    let isFailing = true
    const store = {
      ...rig.store,
      fetch: async (...args: Parameters<typeof rig.store.fetch>) => {
        if (isFailing) throw new Error('busy for once')
        return rig.store.fetch(...args)
      },
    }
    await rig.run()
    await write(rig.broker, '14:30:00  BTC-USD 100 101')
    const runner = await rig.start({ store })
    await expect(runner.done).rejects.toThrow('busy for once')
    await runner.close()
    isFailing = false
    await rig.run({ store })
    expect((await rig.tables())['top_of_book']).toHaveLength(1)
    expect(await rig.faults()).toEqual([])
  })
})

test('all processors are asked, whatever they read', () => {
  expect(new Set(PROCESSORS.map(({ reads }) => reads))).toEqual(
    new Set(['book', 'trade', 'ticker', 'mark', 'up', 'hole', 'rejection', 'insight']),
  )
})

/** A runner whose store answers so many calls and no more. What it leaves behind is what it had committed. */
async function lifeOf(rig: Rig, calls: number, batchRecordsMax: number): Promise<void> {
  try {
    const runner = await rig.start({ store: killedAfter(rig.store, calls), batchRecordsMax })
    await runner.caughtUp().catch(() => undefined)
    await runner.close().catch(() => undefined)
  } catch (error) {
    if (!(error instanceof Error) || error.message !== 'killed') throw error
  }
}
