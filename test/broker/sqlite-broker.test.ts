import { spawn } from 'node:child_process'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { MEMORY } from '../../src/broker/sqlite/log-file.ts'
import {
  BOOKS,
  listen,
  ONE_PARTITION,
  openLog,
  readAll,
  record,
  records,
  TWO_PARTITIONS,
  temporaryDir,
} from './logs.ts'

const T0 = 1_700_000_000_000
const zero = { topic: BOOKS, partition: 0 }
const rejections = { topic: 'rejections', partition: 0 }

/** A clock that is set by hand. */
function clockAt(startMs: number): { nowMs: () => number; set(timeMs: number): void } {
  let timeMs = startMs
  const set = (to: number) => {
    timeMs = to
  }
  return { nowMs: () => timeMs, set }
}

describe('retention', () => {
  const rejection = (n: number, value = 'x'.repeat(100)) => record(n, { ...rejections, value })

  test.each([['in a file'], ['in memory']])(
    'drops what is too old and moves the start, %s',
    async (where) => {
      const clock = clockAt(T0)
      const broker = await openLog(where === 'in memory' ? MEMORY : temporaryDir(), { nowMs: clock.nowMs })
      await broker.publish([1, 2, 3].map((n) => rejection(n)))
      clock.set(T0 + 50_000)
      await broker.publish([4, 5].map((n) => rejection(n)))
      clock.set(T0 + ONE_PARTITION.retentionMs + 1)
      expect(await broker.applyRetention()).toBe(3)
      const [, info] = await broker.topics()
      expect(info!.partitionInfos).toEqual([{ partition: 0, startOffset: 3, endOffset: 5, bytes: 200 }])
      expect((await readAll(broker, rejections)).map(({ n }) => n)).toEqual([4, 5])
    },
  )

  test('drops the oldest beyond the size, as few as will do', async () => {
    const broker = await openLog(MEMORY)
    await broker.ensureTopics([{ ...ONE_PARTITION, retentionBytes: 1_000 }])
    for (let n = 1; n <= 25; n++) await broker.publish([rejection(n)])
    expect(await broker.applyRetention()).toBe(15)
    expect((await readAll(broker, rejections)).map(({ n }) => n)).toEqual(
      Array.from({ length: 10 }, (_, i) => i + 16),
    )
  })

  test('follows the settings, on a topic that is there already too', async () => {
    const broker = await openLog(MEMORY)
    const [before] = await broker.topics()
    const told = await broker.ensureTopics([{ ...TWO_PARTITIONS, retentionMs: 1_000, retentionBytes: 2_000 }])
    expect(told).toEqual([])
    expect((await broker.topics())[0]).toEqual({ ...before, retentionMs: 1_000, retentionBytes: 2_000 })
  })

  test('keeps the newest record whatever its age, so that offsets go on', async () => {
    const clock = clockAt(T0)
    const broker = await openLog(MEMORY, { nowMs: clock.nowMs })
    await broker.publish([1, 2, 3].map((n) => rejection(n)))
    clock.set(T0 + 1e9)
    await broker.applyRetention()
    expect((await readAll(broker, rejections)).map(({ offset }) => offset)).toEqual([2])
    await broker.publish([rejection(4)])
    expect((await readAll(broker, rejections)).at(-1)).toMatchObject({ offset: 3, n: 4 })
  })

  test('is done in passing by whoever publishes, and keeps up with it', async () => {
    const broker = await openLog(MEMORY, { limits: { retentionEveryMs: 0 } })
    await broker.ensureTopics([{ ...ONE_PARTITION, retentionBytes: 50_000 }])
    for (let call = 0; call < 20; call++) {
      await broker.publish(Array.from({ length: 1_500 }, (_, i) => rejection(call * 1_500 + i + 1)))
    }
    expect(await readAll(broker, rejections)).toHaveLength(500)
  })

  test('a consumer that stood before the new start goes on from there', async () => {
    const broker = await openLog(MEMORY)
    await broker.ensureTopics([{ ...ONE_PARTITION, retentionBytes: 300 }])
    await broker.publish([1, 2, 3, 4, 5].map((n) => rejection(n)))
    await broker.applyRetention()
    const listener = await listen(broker, { topics: ['rejections'] })
    await listener.until(3)
    expect(listener.heard.map(({ offset, corrupt }) => [offset, corrupt])).toEqual([
      [2, false],
      [3, false],
      [4, false],
    ])
  })

  test('a clock that once ran ahead can only make it keep more', async () => {
    const clock = clockAt(T0 + 1e12)
    const broker = await openLog(MEMORY, { nowMs: clock.nowMs })
    await broker.publish([rejection(1)])
    clock.set(T0)
    await broker.publish([rejection(2), rejection(3)])
    clock.set(T0 + 1e9)
    expect(await broker.applyRetention()).toBe(0)
  })
})

describe('the place of a time', () => {
  test('is the first record appended at or after it', async () => {
    const clock = clockAt(T0)
    const broker = await openLog(MEMORY, { nowMs: clock.nowMs })
    for (let second = 0; second < 100; second++) {
      clock.set(T0 + second * 1_000)
      await broker.publish(records(second * 3 + 1, second * 3 + 3))
    }
    for (const [timeMs, offset] of [
      [0, 0],
      [T0, 0],
      [T0 + 1, 3],
      [T0 + 41_000, 123],
      [T0 + 98_999, 297],
    ] as const) {
      expect(await broker.offsetAt(zero, timeMs)).toBe(offset)
    }
    expect(await broker.offsetAt(zero, T0 + 99_001)).toBe(300)
    expect(await broker.offsetAt({ topic: BOOKS, partition: 1 }, T0)).toBe(0)
  })

  test('is, where the clock was set back, a place at which the times go up to it', async () => {
    const clock = clockAt(T0)
    const broker = await openLog(MEMORY, { nowMs: clock.nowMs })
    for (const second of [0, 10, 20, 5, 15, 25]) {
      clock.set(T0 + second * 1_000)
      await broker.publish([record(1)])
    }
    const times = (await readAll(broker)).map(({ appendedAtMs }) => appendedAtMs)
    for (let timeMs = T0 - 500; timeMs < T0 + 25_000; timeMs += 500) {
      const offset = await broker.offsetAt(zero, timeMs)
      expect(times[offset]).toBeGreaterThanOrEqual(timeMs)
      expect(times[offset - 1] ?? 0).toBeLessThan(timeMs)
    }
  })

  test('records carry the time at which they were appended', async () => {
    const clock = clockAt(T0)
    const broker = await openLog(MEMORY, { nowMs: clock.nowMs })
    await broker.publish([record(1)])
    clock.set(T0 + 5)
    await broker.publish([record(2)])
    expect((await readAll(broker)).map(({ appendedAtMs }) => appendedAtMs)).toEqual([T0, T0 + 5])
  })
})

test('a call with a record that has no place writes none of its records', async () => {
  const broker = await openLog(MEMORY)
  await expect(broker.publish([record(1), record(2, { partition: 9 })])).rejects.toThrow(`${BOOKS}/9`)
  await expect(broker.publish([record(1), record(2, { topic: 'nowhere' })])).rejects.toThrow('nowhere')
  expect(await readAll(broker)).toEqual([])
})

describe('bounds', () => {
  test('a producer that does not wait is refused before it fills the memory', async () => {
    const broker = await openLog(MEMORY, { limits: { pendingBytesMax: 1_000 } })
    const value = 'x'.repeat(400)
    const calls = await Promise.allSettled([1, 2, 3].map((n) => broker.publish([record(n, { value })])))
    expect(calls.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(calls[2]).toMatchObject({ reason: { code: 'overloaded', retry: { afterMs: 100 } } })
    await broker.publish([record(3, { value: 'x'.repeat(5_000) })])
    expect((await readAll(broker)).map(({ n }) => n)).toEqual([1, 2, 3])
  })

  test('a batch of big values is handed over in parts of about a mebibyte', async () => {
    const broker = await openLog(MEMORY)
    await broker.publish(records(1, 10).map((each) => ({ ...each, value: 'x'.repeat(300_000) })))
    const sizes: number[] = []
    const listener = await listen(broker, { onBatch: async (_, batch) => void sizes.push(batch.length) })
    await expect.poll(() => sizes.reduce((a, b) => a + b, 0)).toBe(10)
    expect(sizes).toEqual([4, 4, 2])
    await listener.consumer.close()
  })

  test('a full disk refuses the whole call, keeps what was acknowledged, and room lets it go on', async () => {
    const dir = temporaryDir()
    const broker = await openLog(dir, { pagesMax: 40 })
    const call = (n: number) =>
      broker.publish(records(n * 10 + 1, n * 10 + 10).map((each) => ({ ...each, value: 'x'.repeat(2_000) })))
    let calls = 0
    const error = await (async () => {
      for (;;) {
        await call(calls)
        calls++
      }
    })().catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'disk-full', retry: { afterMs: 1_000 } })
    expect(calls).toBeGreaterThan(5)
    expect(await readAll(broker)).toHaveLength(calls * 10)
    await expect(call(calls)).rejects.toMatchObject({ code: 'disk-full' })

    await broker.ensureTopics([{ topic: BOOKS, partitions: 2, retentionMs: 1e9, retentionBytes: 40_000 }])
    expect(await broker.applyRetention()).toBe(calls * 10 - 10)
    await call(calls)
    expect((await readAll(broker)).at(-1)).toMatchObject({ n: calls * 10 + 10 })
  })
})

test('keys and runs come back under their names, from a log that was open and from one opened later', async () => {
  const dir = temporaryDir()
  const first = await openLog(dir)
  await first.publish(records(1, 2))
  const other = await openLog(dir)
  await other.publish([record(1, { key: 'ETH-USD', run: 'run-2' }), record(3)])
  for (const broker of [first, other]) {
    expect((await readAll(broker)).map(({ key, run }) => `${key} ${run}`)).toEqual([
      'BTC-USD run-1',
      'BTC-USD run-1',
      'ETH-USD run-2',
      'BTC-USD run-1',
    ])
  }
})

test('a publisher waits for another process that is writing, and loses nothing by it', async () => {
  const dir = temporaryDir()
  const broker = await openLog(dir)
  const other = new Database(join(dir, 'log.db'))
  other.exec('BEGIN IMMEDIATE')
  let written = false
  const published = broker.publish(records(1, 3)).then(() => {
    written = true
  })
  // Reading goes on meanwhile, and so does everything else in this process.
  for (let look = 0; look < 20; look++) expect(await readAll(broker)).toEqual([])
  expect(written).toBe(false)
  other.exec('COMMIT')
  other.close()
  await published
  expect((await readAll(broker)).map(({ n }) => n)).toEqual([1, 2, 3])
})

test('a key that was refused with its call does not name the next one', async () => {
  const broker = await openLog(temporaryDir(), { pagesMax: 24 })
  const big = 'x'.repeat(2_000_000)
  await expect(broker.publish([record(1, { key: 'AAA-USD', value: big })])).rejects.toMatchObject({
    code: 'disk-full',
  })
  await broker.publish([record(1, { key: 'BBB-USD' }), record(2, { key: 'AAA-USD' })])
  expect((await readAll(broker)).map(({ key }) => key)).toEqual(['BBB-USD', 'AAA-USD'])
})

test('half a character is kept as U+FFFD and is not called corrupt', async () => {
  const broker = await openLog(MEMORY)
  await broker.publish([record(1, { value: 'a\ud800b', key: '\udc00' })])
  expect((await readAll(broker))[0]).toMatchObject({ value: 'a\ufffdb', key: '\ufffd', corrupt: false })
})

test('a follower hears what another process appends', async () => {
  const dir = temporaryDir()
  const listener = await listen(await openLog(dir))
  const child = spawn(process.execPath, ['test/broker/publish-child.mjs', dir, 'run-1', '40', '4'], {
    stdio: 'ignore',
  })
  await listener.until(40)
  expect(listener.heard.map(({ n }) => n)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
  if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve))
})

test('a partition that never runs dry does not keep another waiting', async () => {
  const broker = await openLog(MEMORY)
  await broker.publish([...records(1, 5_000), record(1, { partition: 1 })])
  const order: number[] = []
  const listener = await listen(broker, { onBatch: async (tp) => void order.push(tp.partition) })
  await expect.poll(() => order.length).toBe(6)
  expect(order.indexOf(1)).toBe(1)
  await listener.consumer.close()
})
