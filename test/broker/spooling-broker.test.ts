import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EngineError } from '../../src/models/engine-error.ts'
import { differences, openLog, openRig, type Rig, withoutLineage } from '../processors/running/rig.ts'
import { readAll, records, temporaryDir } from './logs.ts'
import { BOOKS, type FarMode, type FarSide, openFar, openProducer, openSpooling } from './spool-rig.ts'

describe('a far side that is there', () => {
  test('has a record when it is acknowledged, and nothing is kept', async () => {
    const far = await openFar()
    const { broker, entries } = await openSpooling(far, temporaryDir())
    const producer = await openProducer(broker)
    await producer.say(0, 3)
    expect(await recordsOn(far)).toHaveLength(3 * 6 + 4)
    expect(broker.status()).toEqual({ isSpooling: false, records: 0, bytes: 0 })
    expect(entries().filter(({ level }) => Number(level) > 30)).toEqual([])
  })

  test('a record it will not have is the fault of its own call alone', async () => {
    const far = await openFar()
    far.refuses = ({ n }) => n === 2
    const { broker } = await openSpooling(far, temporaryDir())
    const record = (n: number) => ({ topic: BOOKS, partition: 0, key: 'A-USD', run: 'r', n, value: `${n}` })
    const calls = [1, 2, 3].map((n) => broker.publish([record(n)]))
    expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    await expect(calls[1]).rejects.toMatchObject({ code: 'broker-refused' })
    expect(broker.status().records).toBe(0)
  })
})

describe('a far side that is away', () => {
  test('at the start: records are kept at once, and are there in order when it comes', async () => {
    const far = await openFar()
    far.mode = 'away'
    const { broker, drained, said } = await openSpooling(far, temporaryDir())
    const producer = await openProducer(broker)
    await producer.say(0, 20)
    expect(broker.status()).toMatchObject({ isSpooling: true, records: 124 })
    expect(await recordsOn(far)).toEqual([])
    far.mode = 'there'
    await drained()
    await producer.say(20, 30)
    await expectUndisturbed(far, 30)
    await expect.poll(() => [said('the broker is away'), said('the broker is back after')]).toEqual([1, 1])
  })

  const troubles: [string, FarMode, end?: (far: FarSide) => void][] = [
    ['goes away', 'away'],
    ['writes what it is sent and then breaks off', 'torn'],
    ['hangs', 'hanging'],
    ['acknowledges late although it wrote', 'late', (far) => far.release()],
    ['never acknowledges although it wrote', 'late'],
  ]
  test.each(troubles)(
    'that %s in the middle loses nothing, turns nothing round, counts nothing twice',
    async (_, mode, end) => {
      const far = await openFar()
      const { broker, drained } = await openSpooling(far, temporaryDir())
      const producer = await openProducer(broker)
      await producer.say(0, 10)
      far.mode = mode
      await producer.say(10, 30)
      expect(broker.status().isSpooling).toBe(true)
      far.mode = 'there'
      end?.(far)
      await producer.say(30, 35)
      await drained()
      await producer.say(35, 40)
      await expectUndisturbed(far, 40)
    },
  )

  test('what it acknowledges late is not sent again', async () => {
    const far = await openFar()
    const { broker, drained } = await openSpooling(far, temporaryDir())
    const producer = await openProducer(broker)
    far.mode = 'late'
    await producer.say(0, 1)
    far.mode = 'there'
    far.release()
    await drained()
    expect(await recordsOn(far)).toHaveLength(10)
  })

  test('is drained to the end although the producer never pauses, and records go straight through again', async () => {
    const far = await openFar()
    far.mode = 'away'
    far.answerMs = 15
    const { broker } = await openSpooling(far, temporaryDir(), {
      limits: { patienceMs: 1_000, farMsMax: 5_000 },
    })
    let n = 0
    const sent: Promise<void>[] = []
    const goOn = async () => {
      n++
      sent.push(broker.publish(records(n, n)))
      await new Promise(setImmediate)
    }
    while (n < 100) await goOn()
    far.mode = 'there'
    while (broker.status().isSpooling) await goOn()
    await Promise.all(sent)
    expect(broker.status().isSpooling).toBe(false)
    expect(await orderOn(far)).toEqual(Array.from({ length: n }, (_, i) => i + 1))
  })

  test('that flaps is drained in the end, and it is said once that it went and once that it came', async () => {
    const far = await openFar()
    const { broker, drained, said } = await openSpooling(far, temporaryDir())
    const producer = await openProducer(broker)
    await producer.say(0, 5)
    const modes = ['away', 'there', 'torn', 'away', 'there', 'hanging'] as const
    let turn = 0
    const flapping = setInterval(() => {
      far.mode = modes[turn++ % modes.length]!
    }, 20)
    far.mode = 'away'
    for (let second = 5; second < 205; second++) {
      await producer.say(second, second + 1)
      if (second % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    }
    clearInterval(flapping)
    far.mode = 'there'
    await drained()
    await expectUndisturbed(far, 205)
    await expect.poll(() => [said('the broker is away'), said('the broker is back after')]).toEqual([1, 1])
  })
})

describe('the bound', () => {
  const record = (n: number) => ({
    topic: BOOKS,
    partition: 0,
    key: 'A-USD',
    run: 'r',
    n,
    value: 'x'.repeat(100),
  })

  test('what there is no room for is refused, and what was kept before it is sent', async () => {
    const far = await openFar()
    far.mode = 'away'
    const { broker, drained } = await openSpooling(far, temporaryDir(), { bytesMax: 1_000 })
    for (let n = 1; n <= 10; n++) await broker.publish([record(n)])
    const refused = await broker.publish([record(11)]).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'spool-full', retry: 'yes' })
    expect(broker.status()).toMatchObject({ records: 10, bytes: 1_000 })
    far.mode = 'there'
    await drained()
    await broker.publish([record(12)])
    expect((await recordsOn(far)).map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12])
  })

  test('drained records make room, once a tenth is free', async () => {
    const far = await openFar()
    far.mode = 'away'
    const { broker } = await openSpooling(far, temporaryDir(), {
      bytesMax: 1_000,
      limits: { batchRecordsMax: 1 },
    })
    for (let n = 1; n <= 10; n++) await broker.publish([record(n)])
    await expect(broker.publish([record(11)])).rejects.toMatchObject({ code: 'spool-full' })
    far.mode = 'there'
    while (broker.status().bytes > 900) await new Promise(setImmediate)
    await broker.publish([record(12)])
  })

  test('a full disk is the bound come early: refused, and taken again when there is room', async () => {
    const far = await openFar()
    far.mode = 'away'
    const { broker, drained } = await openSpooling(far, temporaryDir(), { pagesMax: 40 })
    const large = (n: number) => [{ ...record(n), value: 'x'.repeat(100_000) }]
    let kept = 0
    const full = async () => {
      for (let n = 1; n < 20; n++) {
        await broker.publish(large(n))
        kept = n
      }
    }
    await expect(full()).rejects.toMatchObject({
      code: 'spool-full',
      message: expect.stringContaining('is full'),
    })
    expect(kept).toBeGreaterThan(1)
    far.mode = 'there'
    await drained()
    await broker.publish(large(20))
    expect((await recordsOn(far)).map(({ n }) => n)).toEqual([
      ...Array.from({ length: kept }, (_, i) => i + 1),
      20,
    ])
  })
})

describe('records that the far side will not have', () => {
  test('while draining are set aside and told, and those around them get through in order', async () => {
    const far = await openFar()
    far.mode = 'away'
    const dir = temporaryDir()
    const { broker, drained, said } = await openSpooling(far, dir)
    await broker.publish(records(1, 50))
    far.refuses = ({ n }) => n === 7 || n === 31
    far.mode = 'there'
    await drained()
    expect(await orderOn(far)).toEqual(records(1, 50).flatMap(({ n }) => (n === 7 || n === 31 ? [] : [n])))
    const aside = readFileSync(join(dir, 'refused.jsonl'), 'utf8').trim().split('\n')
    expect(aside.map((line) => (JSON.parse(line) as { value: string }).value)).toEqual([
      'run-1-7',
      'run-1-31',
    ])
    expect(said('the broker refuses a record of books.coinbase/0')).toBe(2)
  })

  test('stay in the spool where it will have none at all: rights can be given again', async () => {
    const far = await openFar()
    far.mode = 'away'
    const dir = temporaryDir()
    const { broker, drained, entries } = await openSpooling(far, dir)
    await broker.publish(records(1, 5))
    far.refuses = () => true
    far.mode = 'there'
    const [before] = [far.calls]
    while (far.calls < before + 30) await new Promise(setImmediate)
    expect(broker.status().records).toBe(5)
    far.refuses = () => false
    await drained()
    expect(await orderOn(far)).toEqual([1, 2, 3, 4, 5])
    expect(entries().filter(({ level }) => level === 50)).toEqual([])
    expect(existsSync(join(dir, 'refused.jsonl'))).toBe(false)
  })

  test('are told at once where it turns us away at the start', async () => {
    const connect = () => Promise.reject(new EngineError('broker-refused', 'wrong password'))
    const dir = temporaryDir()
    await expect(openSpooling({ connect }, dir)).rejects.toThrow('wrong password')
    const far = await openFar()
    const { broker } = await openSpooling(far, dir)
    await broker.publish(records(1, 1))
    expect(readdirSync(dir).sort()).toEqual(['0', 'topics.json'])
  })
})

describe('partitions', () => {
  test('are as last seen while the far side is away, and as configured before it was ever seen', async () => {
    const far = await openFar(3)
    const dir = temporaryDir()
    const counted = async () => {
      const { broker } = await openSpooling(far, dir, { partitions: 2 })
      const [books] = await broker.topics()
      await broker.close()
      return books!.partitions
    }
    far.mode = 'away'
    expect(await counted()).toBe(2)
    far.mode = 'there'
    expect(await counted()).toBe(3)
    far.mode = 'away'
    expect(await counted()).toBe(3)
  })

  test.each([
    [2, 3],
    [3, 2],
    [1, 4],
    [4, 1],
  ])(
    '%i assumed and %i found: every record counts once, under the partition of its key',
    async (assumed, found) => {
      const far = await openFar(found)
      far.mode = 'away'
      const { broker, drained, said } = await openSpooling(far, temporaryDir(), { partitions: assumed })
      const producer = await openProducer(broker)
      await producer.say(0, 20)
      far.mode = 'torn'
      await producer.say(20, 25)
      far.mode = 'there'
      await drained()
      await producer.say(25, 30)
      await expectUndisturbed(far, 30, found)
      expect(said(`has ${found} partitions, not ${assumed} as assumed`)).toBe(1)
    },
  )
})

describe('processes', () => {
  test('one that ends leaves what waits to the next, which sends it first', async () => {
    const far = await openFar()
    far.mode = 'away'
    const dir = temporaryDir()
    const first = await openSpooling(far, dir)
    await first.broker.publish(records(1, 30))
    await first.broker.close()
    expect(first.said('30 records (0.0 MB) stay in')).toBe(1)
    await expect(first.broker.publish(records(31, 31))).rejects.toMatchObject({ code: 'closed' })

    const second = await openSpooling(far, dir)
    await second.broker.publish(records(1, 30, { run: 'run-2' }))
    far.mode = 'there'
    await second.drained()
    expect((await recordsOn(far)).map(({ value }) => value)).toEqual(
      [...records(1, 30), ...records(1, 30, { run: 'run-2' })].map(({ value }) => value),
    )
    expect(second.said('30 records (0.0 MB) that were left in')).toBe(1)
  })

  test('that run at once have a spool each', async () => {
    const far = await openFar()
    far.mode = 'away'
    const dir = temporaryDir()
    const [one, other] = [await openSpooling(far, dir), await openSpooling(far, dir)]
    await Promise.all([
      one.broker.publish(records(1, 5)),
      other.broker.publish(records(1, 5, { run: 'run-2' })),
    ])
    expect([one.broker.status().records, other.broker.status().records]).toEqual([5, 5])
    far.mode = 'there'
    await Promise.all([one.drained(), other.drained()])
    expect(await recordsOn(far)).toHaveLength(10)
  })

  test('one that ends while the far side is there sends what waits before it goes', async () => {
    const far = await openFar()
    far.mode = 'away'
    const { broker } = await openSpooling(far, temporaryDir(), { limits: { closeMs: 5_000 } })
    await broker.publish(records(1, 30))
    far.mode = 'there'
    while (far.calls === 0) await new Promise(setImmediate)
    await broker.close()
    expect(await orderOn(far)).toEqual(records(1, 30).map(({ n }) => n))
  })
})

async function orderOn(far: FarSide) {
  return (await recordsOn(far)).map(({ n }) => n)
}

/** The tables of what lies on the far side are those of a log that was written without trouble. */
async function expectUndisturbed(far: FarSide, seconds: number, partitions = 2): Promise<void> {
  const calm = await openLog({ partitions })
  await (await openProducer(calm)).say(0, seconds)
  const [disturbed, undisturbed] = [await openRig({ broker: far.log }), await openRig({ broker: calm })]
  await disturbed.run()
  await undisturbed.run()
  expect(differences(await tablesOf(disturbed), await tablesOf(undisturbed))).toEqual([])
  expect(await coverageOf(disturbed)).toEqual(await coverageOf(undisturbed))
  expect(await disturbed.faults()).toEqual([])
}

/**
 * Without what depends on how records were numbered at first: the n of a row's last record, and the rows of the marks that
 * went to every partition; these are asked for by what they say, which is coverage.
 */
async function tablesOf(rig: Rig): Promise<Record<string, string[]>> {
  const { runs: _marks, ...others } = withoutLineage(await rig.tables())
  const tables = Object.entries(others)
  return Object.fromEntries(
    tables.map(([name, rows]) => [name, rows.map((row) => row.replace(/(n":)\d+/g, '$1'))]),
  )
}

async function coverageOf(rig: Rig) {
  const windows = rig.store.db.selectFrom('best_prices').select(['product', 'start_ms', 'coverage'])
  return windows.orderBy('product').orderBy('start_ms').execute()
}

async function recordsOn(far: FarSide) {
  const partitions = [0, 1].map((partition) => readAll(far.log, { topic: BOOKS, partition }))
  return (await Promise.all(partitions)).flat()
}
