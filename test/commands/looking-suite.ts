import { describe, expect, test } from 'vitest'
import type { Broker } from '../../src/broker/broker.ts'
import { groupRows } from '../../src/commands/groups.ts'
import { parseTailOptions, type TailOptions, tailTopic, type Write } from '../../src/commands/tail.ts'
import { topicsText } from '../../src/commands/topics.ts'
import { recordingLog } from '../alerts/recording-log.ts'
import type { Opened } from '../broker/broker-suite.ts'
import { record, records } from '../broker/logs.ts'

/** What `topics`, `tail` and `groups` show of any broker. Other topics and groups may stand beside those of the test. */

const NOW_MS = Date.UTC(2100, 0, 1)
const LIKE_RPK: TailOptions = { offset: 'start', num: '0', key: [], format: '%p@%o ' }

export function topicsSuite(name: string, open: () => Promise<Opened>): void {
  describe(`topics on ${name}`, () => {
    test('says of every topic what lies on it and how long it is kept', async () => {
      const { broker, books } = await open()
      const { topic } = books
      await broker.publish([...records(1, 3, { topic }), record(1, { topic, partition: 1 })])
      const rows = JSON.parse(await topicsText(broker, { format: 'json' })) as { topic: string }[]
      expect(rows.find((row) => row.topic === topic)).toMatchObject({
        partitions: 2,
        replication: 1,
        records: 4,
        retentionMs: books.retentionMs,
        retentionBytes: books.retentionBytes,
        logId: expect.stringMatching(/.{8}/),
      })
    })

    test('says of every partition where it begins and ends', async () => {
      const { broker, books } = await open()
      const { topic } = books
      await broker.publish([...records(1, 3, { topic }), record(1, { topic, partition: 1 })])
      const csv = await topicsText(broker, { partitions: true, format: 'csv' })
      const [head, ...lines] = csv.trimEnd().split('\n')
      expect(head).toBe('topic,partition,startOffset,endOffset,records,bytes')
      expect(lines.filter((line) => line.startsWith(`${topic},`))).toEqual([
        expect.stringMatching(`^${topic},0,0,3,3,\\d+$`),
        expect.stringMatching(`^${topic},1,0,1,1,\\d+$`),
      ])
    })
  })
}

export function tailSuite(name: string, open: () => Promise<Opened>): void {
  /** Ten records in partition 0, of two keys in turn, and three in partition 1. */
  async function openFilled(): Promise<{ broker: Broker; topic: string }> {
    const { broker, books } = await open()
    const { topic } = books
    const keys = ['BTC-USD', 'ETH-USD']
    await broker.publish([
      ...Array.from({ length: 10 }, (_, i) => record(i + 1, { topic, key: keys[i % 2]! })),
      ...records(1, 3, { topic, partition: 1, key: null }),
    ])
    return { broker, topic }
  }

  /** What is written up to the end. */
  async function tailed(broker: Broker, topic: string, options: Partial<TailOptions>): Promise<string> {
    const texts: string[] = []
    await startTail(broker, topic, { exit: true, ...options }, async (text) => void texts.push(text)).ended
    return texts.join('').trimEnd()
  }

  function startTail(broker: Broker, topic: string, options: Partial<TailOptions>, write: Write) {
    const stopping = new AbortController()
    const wanted = parseTailOptions({ ...LIKE_RPK, ...options }, NOW_MS)
    const { log } = recordingLog()
    return { stopping, ended: tailTopic(broker, topic, wanted, { stop: stopping.signal, log, write }) }
  }

  describe(`tail on ${name}`, () => {
    const one = { partitions: '0' }
    const cases: [string, Partial<TailOptions>, string][] = [
      ['-e: everything there is', {}, '0@0 0@1 0@2 0@3 0@4 0@5 0@6 0@7 0@8 0@9 1@0 1@1 1@2'],
      ['-o end: nothing', { offset: 'end' }, ''],
      ['-o -2: so many before the end of every partition', { offset: '-2' }, '0@8 0@9 1@1 1@2'],
      ['-o -99: no more than there are', { offset: '-99', partitions: '1' }, '1@0 1@1 1@2'],
      ['-o +8: so many after the start', { offset: '+8' }, '0@8 0@9'],
      ['-o 7: an offset', { offset: '7' }, '0@7 0@8 0@9'],
      ['-o 4:6: up to another', { offset: '4:6', exit: false, ...one }, '0@4 0@5'],
      ['-o :end: to the end as it is', { offset: ':end', exit: false, partitions: '1' }, '1@0 1@1 1@2'],
      ['-o 4:99 -e: no further than the end', { offset: '8:99' }, '0@8 0@9'],
      ['-n: so many in all', { num: '3', exit: false }, '0@0 0@1 0@2'],
      ['-p: only those partitions', { partitions: '1,1' }, '1@0 1@1 1@2'],
      ['-k: only that key', { key: ['ETH-USD'], offset: '4' }, '0@5 0@7 0@9'],
      ['-k -n: so many of that key', { key: ['ETH-USD'], num: '2', exit: false }, '0@1 0@3'],
      ['-k twice: either', { key: ['ETH-USD', 'BTC-USD'], offset: '8' }, '0@8 0@9'],
      ['-k: a key that nobody has', { key: [''] }, ''],
    ]
    test.each(cases)('%s', async (_, options, shown) => {
      const { broker, topic } = await openFilled()
      expect(await tailed(broker, topic, options)).toBe(shown)
    })

    test('-o @T: from the first record appended at that time or later', async () => {
      const { broker, topic } = await openFilled()
      const [first] = await broker.read({ topic, partition: 0 }, 0, 1)
      const all = await tailed(broker, topic, one)
      expect(await tailed(broker, topic, { ...one, offset: `@${first!.appendedAtMs}` })).toBe(all)
      expect(await tailed(broker, topic, { ...one, offset: '@2099-12-31' })).toBe('')
      expect(await tailed(broker, topic, { ...one, offset: `@:${first!.appendedAtMs}` })).toBe('')
      expect(await tailed(broker, topic, { ...one, offset: '@2001-01-01:2099-12-31' })).toBe(all)
    })

    test('an end that holds nothing for anybody is an end', async () => {
      const { broker, topic } = await openFilled()
      const read: Broker['read'] = async (tp, from, max) =>
        (await broker.read(tp, from, max)).filter(({ offset }) => offset < 9)
      expect(await tailed({ ...broker, read }, topic, { ...one, offset: '7' })).toBe('0@7 0@8')
    })

    test('what comes later is written as it comes, until it is stopped', async () => {
      const { broker, topic } = await openFilled()
      const heard = listener()
      const following = startTail(broker, topic, { offset: '-1', ...one }, heard.write)
      await heard.said('0@9')
      await broker.publish(records(11, 12, { topic }))
      await heard.said('0@11')
      await broker.publish(records(13, 13, { topic }))
      await heard.said('0@12')
      following.stopping.abort()
      await following.ended
      expect(heard.text().trimEnd()).toBe('0@9 0@10 0@11 0@12')
    })

    test('an offset behind the end is waited for, and nothing before it is shown', async () => {
      const { broker, topic } = await openFilled()
      const heard = listener()
      const following = startTail(broker, topic, { offset: '11', num: '1', ...one }, heard.write)
      await broker.publish(records(11, 13, { topic }))
      await following.ended
      expect(heard.text().trimEnd()).toBe('0@11')
    })

    test('a stopped list of JSON is whole', async () => {
      const { broker, topic } = await openFilled()
      const heard = listener()
      const following = startTail(broker, topic, { format: 'json', ...one }, heard.write)
      await heard.said('"offset":9')
      following.stopping.abort()
      await following.ended
      expect(JSON.parse(heard.text())).toHaveLength(10)
    })

    test('a slow reader holds the reading back', async () => {
      const { broker, books } = await open()
      const { topic } = books
      await broker.publish(records(1, 1_000, { topic }))
      let reads = 0
      const countedRead: Broker['read'] = (...about) => {
        reads++
        return broker.read(...about)
      }
      const counted: Broker = { ...broker, read: countedRead }
      let release = () => {}
      let isWriting = () => {}
      const writing = new Promise<void>((resolve) => {
        isWriting = resolve
      })
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      const texts: string[] = []
      const following = startTail(counted, topic, { exit: true, ...one }, async (text) => {
        texts.push(text)
        isWriting()
        await held
      })
      await writing
      // Other work gets done meanwhile, and the log is not read on.
      for (let look = 0; look < 20; look++) await broker.topics()
      expect(reads).toBe(1)
      release()
      await following.ended
      expect(texts.join('').trimEnd().split(' ')).toHaveLength(1_000)
      expect(reads).toBeGreaterThan(1)
    })

    test('a topic or partition that is not there is a mistake of usage, with what is near', async () => {
      const { broker, topic } = await openFilled()
      await expect(tailed(broker, `${topic}x`, {})).rejects.toMatchObject({
        code: 'usage',
        hint: expect.stringContaining(`did you mean ${topic}`),
      })
      await expect(tailed(broker, topic, { partitions: '0,2' })).rejects.toThrow(
        `-p got 2, but ${topic} has partitions 0 to 1`,
      )
    })
  })
}

export function groupsSuite(name: string, open: () => Promise<Opened>): void {
  const clock = { nowMs: () => NOW_MS, monotonicMs: () => 0, stop: new AbortController().signal }

  async function rowsOf(broker: Broker, group: string, about: Partial<typeof clock> = {}, overMs = 0) {
    return (await groupRows(broker, { ...clock, ...about }, overMs)).filter((row) => row.group === group)
  }

  describe(`groups on ${name}`, () => {
    test('says how far behind a group is, in records and by the age of the next one', async () => {
      const { broker, books } = await open()
      const [{ topic }, group] = [books, `${books.topic}.g`]
      await broker.publish([...records(1, 5, { topic }), ...records(1, 2, { topic, partition: 1 })])
      await broker.commitOffsets(group, [
        { topic, partition: 0, offset: 3 },
        { topic, partition: 1, offset: 2 },
      ])
      const [next] = await broker.read({ topic, partition: 0 }, 3, 1)
      expect(await rowsOf(broker, group, { nowMs: () => next!.appendedAtMs + 5_000 })).toMatchObject([
        {
          topic,
          partition: 0,
          offset: 3,
          endOffset: 5,
          lagRecords: 2,
          lagMs: 5_000,
          slope: null,
          zeroInMs: null,
        },
        { topic, partition: 1, offset: 2, endOffset: 2, lagRecords: 0, lagMs: 0, slope: null, zeroInMs: 0 },
      ])
    })

    test.each([
      ['shrinks', 6, { lagRecords: 4, slope: -2, zeroInMs: 2_000 }],
      ['stands', 2, { lagRecords: 8, slope: 0, zeroInMs: null }],
      ['grows', 0, { lagRecords: 10, slope: 1, zeroInMs: null }],
      ['is gone', 10, { lagRecords: 0, slope: -4, zeroInMs: 0 }],
    ])('says whether the lag %s, from two looks', async (_, offset, expected) => {
      const { broker, books } = await open()
      const [{ topic }, group] = [books, `${books.topic}.g`]
      await broker.publish(records(1, 10, { topic }))
      const commit = (to: number) => broker.commitOffsets(group, [{ topic, partition: 0, offset: to }])
      await commit(2)
      const between = new AbortController()
      let elapsedMs = 0
      let looked = false
      const watched: Broker = {
        ...broker,
        async topics() {
          const infos = await broker.topics()
          if (looked) return infos
          looked = true
          await commit(offset)
          elapsedMs = 2_000
          between.abort()
          return infos
        },
      }
      const about = { monotonicMs: () => elapsedMs, stop: between.signal }
      expect(await rowsOf(watched, group, about, 60_000)).toMatchObject([expected])
    })
  })
}

/** Keeps what is written, and resolves `said` when it holds a text. */
function listener() {
  let text = ''
  let check = () => {}
  const write: Write = async (more) => {
    text += more
    check()
  }
  const said = (wanted: string) =>
    new Promise<void>((resolve) => {
      check = () => text.includes(wanted) && resolve()
      check()
    })
  return { write, said, text: () => text }
}
