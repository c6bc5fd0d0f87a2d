import { describe, expect, test } from 'vitest'
import type { Broker } from '../../src/broker/broker.ts'
import { BOOKS, listen, ONE_PARTITION, readAll, record, records, TWO_PARTITIONS } from './logs.ts'

/**
 * What every broker promises, whatever it is made of. `open` gives a broker that has the topics `TWO_PARTITIONS` and
 * `ONE_PARTITION`, both empty.
 */
export function brokerSuite(name: string, open: () => Promise<Broker>): void {
  const values = (all: readonly { value: string | null }[]) => all.map(({ value }) => value)
  const zero = { topic: BOOKS, partition: 0 }

  describe(`${name}: publish`, () => {
    test('records keep the order in which they were handed over, over calls too', async () => {
      const broker = await open()
      await Promise.all([1, 11, 21].map((from) => broker.publish(records(from, from + 9))))
      expect((await readAll(broker)).map(({ n }) => n)).toEqual(records(1, 30).map(({ n }) => n))
    })

    test('offsets are dense from 0 in every partition', async () => {
      const broker = await open()
      await broker.publish([1, 2, 3, 4, 5].map((n) => record(n, { partition: n % 2 })))
      expect((await readAll(broker, { topic: BOOKS, partition: 0 })).map(({ offset }) => offset)).toEqual([
        0, 1,
      ])
      expect((await readAll(broker, { topic: BOOKS, partition: 1 })).map(({ offset }) => offset)).toEqual([
        0, 1, 2,
      ])
    })

    test('a call with a record that has no place writes none of its records', async () => {
      const broker = await open()
      await expect(broker.publish([record(1), record(2, { partition: 9 })])).rejects.toThrow(`${BOOKS}/9`)
      await expect(broker.publish([record(1), record(2, { topic: 'nowhere' })])).rejects.toThrow('nowhere')
      expect(await readAll(broker)).toEqual([])
    })

    test('a record comes back as it was sent', async () => {
      const broker = await open()
      const headers = { 'content-type': 'json', ümlaut: '✓' }
      await broker.publish([record(7, { headers, key: 'ETH-USD', run: 'run-9', value: '{"a":1}' })])
      const [back] = await readAll(broker)
      expect(back).toMatchObject({ offset: 0, key: 'ETH-USD', run: 'run-9', n: 7, headers, value: '{"a":1}' })
      expect(back!.corrupt).toBe(false)
    })

    test('a record without key or headers comes back without them', async () => {
      const broker = await open()
      await broker.publish([record(1, { key: null })])
      expect((await readAll(broker))[0]).toMatchObject({ key: null, headers: null })
    })

    test.each([
      ['an empty text', ''],
      ['control characters and a NUL', 'a\u0000b\u001f\n'],
      ['every plane of Unicode', 'ß € 漢 \u{1f30a} \u{10ffff} e\u0301'],
      ['a million bytes', 'ø'.repeat(512 * 1024)],
    ])('a value may be %s', async (_, value) => {
      const broker = await open()
      await broker.publish([record(1, { value, key: value.slice(0, 20) })])
      const [back] = await readAll(broker)
      expect(back!.value === value).toBe(true)
      expect(back!.key).toBe(value.slice(0, 20))
    })

    test('after close everything is refused', async () => {
      const broker = await open()
      await broker.close()
      await expect(broker.publish([record(1)])).rejects.toMatchObject({ code: 'closed' })
    })
  })

  describe(`${name}: consume`, () => {
    test('what lies there already and what comes later is handed over, in order', async () => {
      const broker = await open()
      await broker.publish(records(1, 3))
      const listener = await listen(broker)
      await listener.until(3)
      await broker.publish(records(4, 6))
      await listener.until(6)
      expect(listener.heard.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6])
    })

    test('two consumers read the same records', async () => {
      const broker = await open()
      const [one, other] = [await listen(broker, { group: 'a' }), await listen(broker, { group: 'b' })]
      await broker.publish(records(1, 50))
      await Promise.all([one.until(50), other.until(50)])
      expect(values(one.heard)).toEqual(values(other.heard))
    })

    test('reading begins where the answer to onAssigned says', async () => {
      const broker = await open()
      await broker.publish(records(1, 5))
      const listener = await listen(broker, { onAssigned: async () => new Map([[`${BOOKS}/0`, 3]]) })
      await listener.until(2)
      expect(listener.heard.map(({ offset }) => offset)).toEqual([3, 4])
    })

    test('a batch has at most as many records as asked for, of one partition', async () => {
      const broker = await open()
      await broker.publish([...records(1, 5), ...records(1, 4, { partition: 1 })])
      const batches: string[] = []
      const listener = await listen(broker, {
        batchRecordsMax: 2,
        onBatch: async (tp, batch) => void batches.push(`${tp.partition}: ${batch.map(({ n }) => n)}`),
      })
      await expect.poll(() => batches.length).toBe(5)
      expect(batches.filter((batch) => batch.startsWith('0'))).toEqual(['0: 1,2', '0: 3,4', '0: 5'])
      expect(batches.filter((batch) => batch.startsWith('1'))).toEqual(['1: 1,2', '1: 3,4'])
      await listener.consumer.close()
    })

    test('a paused partition keeps its records until it is resumed; the others go on', async () => {
      const broker = await open()
      const listener = await listen(broker)
      listener.consumer.pause([zero])
      await broker.publish([...records(1, 2), ...records(1, 3, { partition: 1 })])
      await listener.until(3)
      expect(listener.heard.map(({ partition }) => partition)).toEqual([1, 1, 1])
      listener.consumer.resume([zero])
      await listener.until(5)
      expect(listener.heard.slice(3).map(({ partition, n }) => [partition, n])).toEqual([
        [0, 1],
        [0, 2],
      ])
    })

    test('seek goes back, from within a batch too', async () => {
      const broker = await open()
      await broker.publish(records(1, 3))
      let again = true
      const heard: number[] = []
      const listener = await listen(broker, {
        onBatch: async (tp, batch) => {
          heard.push(...batch.map(({ n }) => n!))
          if (again) listener.consumer.seek(tp, 1)
          again = false
        },
      })
      await expect.poll(() => heard).toEqual([1, 2, 3, 2, 3])
    })

    test('a batch that fails ends the consumer, and done says why', async () => {
      const broker = await open()
      const listener = await listen(broker, { onBatch: () => Promise.reject(new Error('no use for it')) })
      await broker.publish([record(1)])
      await expect(listener.consumer.done).rejects.toThrow('no use for it')
      expect(listener.lost).toEqual([`${BOOKS}/0`, `${BOOKS}/1`])
    })

    test('close waits for the running batch, then gives up the partitions', async () => {
      const broker = await open()
      const events: string[] = []
      let entered = () => {}
      const running = new Promise<void>((resolve) => {
        entered = resolve
      })
      let finish = () => {}
      const listener = await listen(broker, {
        onBatch: async (_tp, _batch, { heartbeat }) => {
          entered()
          await new Promise<void>((resolve) => {
            finish = resolve
          })
          await heartbeat()
          events.push('batch')
        },
        onLost: async (tps) => void events.push(`lost ${tps.length}`),
      })
      await broker.publish([record(1)])
      await running
      const closed = listener.consumer.close()
      finish()
      await closed
      await listener.consumer.done
      expect(events).toEqual(['batch', 'lost 2'])
    })

    test('a topic that does not exist is refused', async () => {
      const broker = await open()
      await expect(listen(broker, { topics: ['books.nowhere'] })).rejects.toThrow('books.nowhere')
    })
  })

  describe(`${name}: what it tells`, () => {
    test('topics say their settings, their id, and where each partition begins and ends', async () => {
      const broker = await open()
      await broker.publish([record(1), record(2), record(1, { partition: 1, value: '12345' })])
      const [books, rejections] = await broker.topics()
      expect(books).toMatchObject(TWO_PARTITIONS)
      expect(rejections).toMatchObject(ONE_PARTITION)
      expect(books!.partitionInfos).toMatchObject([
        { partition: 0, startOffset: 0, endOffset: 2 },
        { partition: 1, startOffset: 0, endOffset: 1 },
      ])
      expect(books!.logId).not.toBe(rejections!.logId)
    })

    test('a topic that is there already keeps its partitions, id and records', async () => {
      const broker = await open()
      await broker.publish([record(1)])
      const [before] = await broker.topics()
      await broker.ensureTopics([{ ...TWO_PARTITIONS, partitions: 5, retentionMs: 1_000 }])
      const [after] = await broker.topics()
      expect(after).toEqual({ ...before, retentionMs: 1_000 })
    })

    test('groups say how far they are; the latest word counts', async () => {
      const broker = await open()
      await broker.commitOffsets('processors', [{ ...zero, offset: 3 }])
      await broker.commitOffsets('processors', [
        { ...zero, offset: 7 },
        { topic: BOOKS, partition: 1, offset: 2 },
      ])
      expect(await broker.groups()).toEqual([
        {
          group: 'processors',
          offsets: [
            { topic: BOOKS, partition: 0, offset: 7 },
            { topic: BOOKS, partition: 1, offset: 2 },
          ],
        },
      ])
    })

    test('read looks once, from an offset on', async () => {
      const broker = await open()
      await broker.publish(records(1, 5))
      expect((await broker.read(zero, 2, 2)).map(({ n }) => n)).toEqual([3, 4])
      expect(await broker.read(zero, 5, 10)).toEqual([])
    })
  })
}
