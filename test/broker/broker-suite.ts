import { describe, expect, test } from 'vitest'
import type { Broker, ConsumeOptions, OutgoingRecord, TopicSettings } from '../../src/broker/broker.ts'
import * as logs from './logs.ts'

/** A broker with a topic of two partitions and one of one, both empty and of this test alone. */
export type Opened = {
  readonly broker: Broker
  readonly books: TopicSettings
  readonly rejections: TopicSettings
}

/**
 * What every broker promises, whatever it is made of. Other topics and groups may stand beside those of the test. The clock
 * that stamps records must not go back.
 */
export function brokerSuite(name: string, openBroker: () => Promise<Opened>): void {
  const values = (all: readonly { value: string | null }[]) => all.map(({ value }) => value)

  /** The helpers of `logs.ts`, on this test's own topic and with group names that no other test has. */
  async function open() {
    const { broker, books, rejections } = await openBroker()
    const { topic } = books
    const partition = (n: number) => ({ topic, partition: n })
    const groupOf = (group: string) => `${topic}.${group}`
    return {
      broker,
      books,
      rejections,
      topic,
      partition,
      groupOf,
      record: (n: number, about: Partial<OutgoingRecord> = {}) => logs.record(n, { topic, ...about }),
      records: (from: number, to: number, about: Partial<OutgoingRecord> = {}) =>
        logs.records(from, to, { topic, ...about }),
      readAll: (n = 0) => logs.readAll(broker, partition(n)),
      listen: ({ group = 'listener', ...about }: Partial<ConsumeOptions> = {}) =>
        logs.listen(broker, { topics: [topic], group: groupOf(group), ...about }),
      infoOf: async (wanted: string) => (await broker.topics()).find((info) => info.topic === wanted)!,
      infoOfGroup: async (group: string) =>
        (await broker.groups()).find((info) => info.group === groupOf(group)),
    }
  }

  describe(`${name}: publish`, () => {
    test('records keep the order in which they were handed over, over calls too', async () => {
      const { broker, records, readAll } = await open()
      await Promise.all([1, 11, 21].map((from) => broker.publish(records(from, from + 9))))
      expect((await readAll()).map(({ n }) => n)).toEqual(records(1, 30).map(({ n }) => n))
    })

    test('offsets are dense from 0 in every partition', async () => {
      const { broker, record, readAll } = await open()
      await broker.publish([1, 2, 3, 4, 5].map((n) => record(n, { partition: n % 2 })))
      expect((await readAll(0)).map(({ offset }) => offset)).toEqual([0, 1])
      expect((await readAll(1)).map(({ offset }) => offset)).toEqual([0, 1, 2])
    })

    test('a record that has no place is refused', async () => {
      const { broker, topic, record } = await open()
      await expect(broker.publish([record(1, { partition: 9 })])).rejects.toThrow(`${topic}/9`)
      await expect(broker.publish([record(1, { topic: 'books.nowhere' })])).rejects.toThrow('books.nowhere')
    })

    test('a record comes back as it was sent', async () => {
      const { broker, record, readAll } = await open()
      const headers = { 'content-type': 'json', ümlaut: '✓' }
      await broker.publish([record(7, { headers, key: 'ETH-USD', run: 'run-9', value: '{"a":1}' })])
      const [back] = await readAll()
      expect(back).toMatchObject({ offset: 0, key: 'ETH-USD', run: 'run-9', n: 7, headers, value: '{"a":1}' })
      expect(back!.corrupt).toBe(false)
      expect(back!.bytes).toBeUndefined()
    })

    test('a record without key or headers comes back without them', async () => {
      const { broker, record, readAll } = await open()
      await broker.publish([record(1, { key: null })])
      expect((await readAll())[0]).toMatchObject({ key: null, headers: null })
    })

    test.each([
      ['an empty text', ''],
      ['control characters and a NUL', 'a\u0000b\u001f\n'],
      ['every plane of Unicode', 'ß € 漢 \u{1f30a} \u{10ffff} e\u0301'],
      ['a million bytes', 'ø'.repeat(500_000)],
    ])('a value may be %s', async (_, value) => {
      const { broker, record, readAll } = await open()
      await broker.publish([record(1, { value, key: value.slice(0, 20) })])
      const [back] = await readAll()
      expect(back!.value === value).toBe(true)
      expect(back!.key).toBe(value.slice(0, 20))
    })

    test('after close everything is refused', async () => {
      const { broker, record } = await open()
      await broker.close()
      await expect(broker.publish([record(1)])).rejects.toMatchObject({ code: 'closed' })
    })
  })

  describe(`${name}: consume`, () => {
    test('what lies there already and what comes later is handed over, in order', async () => {
      const { broker, records, listen } = await open()
      await broker.publish(records(1, 3))
      const listener = await listen()
      await listener.until(3)
      await broker.publish(records(4, 6))
      await listener.until(6)
      expect(listener.heard.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6])
    })

    test('two groups read the same records', async () => {
      const { broker, records, listen } = await open()
      const [one, other] = await Promise.all([listen({ group: 'a' }), listen({ group: 'b' })])
      await broker.publish(records(1, 50))
      await Promise.all([one.until(50), other.until(50)])
      expect(values(one.heard)).toEqual(values(other.heard))
    })

    test('reading begins where the answer to onAssigned says', async () => {
      const { broker, topic, records, listen } = await open()
      await broker.publish(records(1, 5))
      const listener = await listen({ onAssigned: async () => new Map([[`${topic}/0`, 3]]) })
      await listener.until(2)
      expect(listener.heard.map(({ offset }) => offset)).toEqual([3, 4])
    })

    test('a batch has at most as many records as asked for, of one partition', async () => {
      const { broker, records, listen } = await open()
      await broker.publish([...records(1, 5), ...records(1, 4, { partition: 1 })])
      const heard: [number[], number[]] = [[], []]
      const sizes: number[] = []
      const { consumer } = await listen({
        batchRecordsMax: 2,
        onBatch: async (tp, batch) => {
          sizes.push(batch.length)
          heard[tp.partition]!.push(...batch.map(({ n }) => n!))
        },
      })
      await expect.poll(() => heard.flat().length, { timeout: 5_000 }).toBe(9)
      expect(heard).toEqual([
        [1, 2, 3, 4, 5],
        [1, 2, 3, 4],
      ])
      expect(Math.max(...sizes)).toBe(2)
      await consumer.close()
    })

    test('a paused partition keeps its records until it is resumed; the others go on', async () => {
      const { broker, partition, records, listen } = await open()
      const listener = await listen()
      listener.consumer.pause([partition(0)])
      await broker.publish([...records(1, 2), ...records(1, 3, { partition: 1 })])
      await listener.until(3)
      expect(listener.heard.map((each) => each.partition)).toEqual([1, 1, 1])
      listener.consumer.resume([partition(0)])
      await listener.until(5)
      expect(listener.heard.slice(3).map((each) => [each.partition, each.n])).toEqual([
        [0, 1],
        [0, 2],
      ])
    })

    test('seek goes back, from within a batch too', async () => {
      const { broker, records, listen } = await open()
      let again = true
      const heard: number[] = []
      const listener = await listen({
        onBatch: async (tp, batch) => {
          heard.push(...batch.map(({ n }) => n!))
          if (again) listener.consumer.seek(tp, 1)
          again = false
        },
      })
      await broker.publish(records(1, 3))
      await expect.poll(() => heard, { timeout: 5_000 }).toEqual([1, 2, 3, 2, 3])
    })

    test('a batch that fails ends the consumer, and done says why', async () => {
      const { broker, topic, record, listen } = await open()
      const listener = await listen({ onBatch: () => Promise.reject(new Error('no use for it')) })
      await broker.publish([record(1)])
      await expect(listener.consumer.done).rejects.toThrow('no use for it')
      expect(listener.lost.toSorted()).toEqual([`${topic}/0`, `${topic}/1`])
    })

    test('close waits for the running batch, then gives up the partitions', async () => {
      const { broker, record, listen } = await open()
      const events: string[] = []
      let entered = () => {}
      const running = new Promise<void>((resolve) => {
        entered = resolve
      })
      let finish = () => {}
      const listener = await listen({
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
      const { listen } = await open()
      await expect(listen({ topics: ['books.nowhere'] })).rejects.toThrow('books.nowhere')
    })
  })

  describe(`${name}: what it tells`, () => {
    test('topics say their settings, their id, their copies, and where each partition begins and ends', async () => {
      const { broker, books, rejections, record, infoOf } = await open()
      await broker.publish([record(1), record(2), record(1, { partition: 1, value: '12345' })])
      const [ofBooks, ofRejections] = [await infoOf(books.topic), await infoOf(rejections.topic)]
      expect(ofBooks).toMatchObject(books)
      expect(ofRejections).toMatchObject(rejections)
      expect(ofBooks.partitionInfos).toMatchObject([
        { partition: 0, startOffset: 0, endOffset: 2 },
        { partition: 1, startOffset: 0, endOffset: 1 },
      ])
      expect(ofBooks.replication).toBe(1)
      expect(ofBooks.logId).not.toBe(ofRejections.logId)
    })

    test('a topic that is there already keeps its partitions, id and records, and what differs is told', async () => {
      const { broker, books, record, infoOf } = await open()
      await broker.publish([record(1)])
      const before = await infoOf(books.topic)
      const told = await broker.ensureTopics([{ ...books, partitions: 5 }])
      expect(told).toEqual([expect.stringMatching(new RegExp(`${books.topic}.*2.*5`))])
      expect(await infoOf(books.topic)).toEqual(before)
    })

    test('nothing is told of topics that are as asked for', async () => {
      const { broker, books, rejections } = await open()
      expect(await broker.ensureTopics([books, rejections])).toEqual([])
    })

    test('groups say how far they are; the latest word counts', async () => {
      const { broker, partition, groupOf, infoOfGroup } = await open()
      await broker.commitOffsets(groupOf('processors'), [{ ...partition(0), offset: 3 }])
      await broker.commitOffsets(groupOf('processors'), [
        { ...partition(0), offset: 7 },
        { ...partition(1), offset: 2 },
      ])
      const found = await infoOfGroup('processors')
      expect(found?.offsets).toEqual([
        { ...partition(0), offset: 7 },
        { ...partition(1), offset: 2 },
      ])
    })

    test('a group says how many read for it, where the broker can tell', async () => {
      const { broker, partition, groupOf, infoOfGroup, record, listen } = await open()
      const { consumer } = await listen({
        onBatch: (tp, batch) =>
          broker.commitOffsets(groupOf('listener'), [{ ...tp, offset: batch.at(-1)!.offset + 1 }]),
      })
      await broker.publish([record(1)])
      const offsets = [{ ...partition(0), offset: 1 }]
      await expect
        .poll(async () => (await infoOfGroup('listener'))?.offsets, { timeout: 5_000 })
        .toEqual(offsets)
      expect((await infoOfGroup('listener'))?.members).toBe(broker.sharesPartitions ? 1 : null)
      await consumer.close()
      expect((await infoOfGroup('listener'))?.members).toBe(broker.sharesPartitions ? 0 : null)
    })

    test('read looks once, from an offset on', async () => {
      const { broker, partition, records } = await open()
      await broker.publish(records(1, 5))
      expect((await broker.read(partition(0), 2, 2)).map(({ n }) => n)).toEqual([3, 4])
      expect(await broker.read(partition(0), 5, 10)).toEqual([])
    })

    test('a time leads to the first record appended at it or later, or to the end', async () => {
      const { broker, partition, records, readAll } = await open()
      for (const from of [1, 4, 7]) await broker.publish(records(from, from + 2))
      const times = (await readAll()).map(({ appendedAtMs }) => appendedAtMs)
      for (const timeMs of [0, ...times]) {
        const first = times.findIndex((each) => each >= timeMs)
        expect(await broker.offsetAt(partition(0), timeMs)).toBe(first)
      }
      expect(await broker.offsetAt(partition(0), times.at(-1)! + 1)).toBe(9)
      expect(await broker.offsetAt(partition(1), 0)).toBe(0)
    })
  })
}
