import { describe, expect, test } from 'vitest'
import { decimalOf } from '../../src/models/decimal.ts'
import type { OutboxMessage } from '../../src/models/outbox-message.ts'
import { freshReader, type Store } from '../../src/store/store.ts'
import { table } from '../../src/store/table.ts'
import { dump } from '../../src/store/verify-tables.ts'
import { PROCESSORS } from '../processors/running/rig.ts'
import { describeOwnership } from './ownership-suite.ts'
import { prices, type Row, row, untyped } from './prices.ts'
import { describeSamples } from './samples-suite.ts'
import { claimed, openScratchStore, PARTITION, put, writeOf } from './scratch.ts'

/** What every store promises, whatever database it keeps its tables in. */
const message = (id: string, kind: OutboxMessage['kind'] = 'digest'): OutboxMessage => ({
  id,
  kind,
  payload: { says: id },
})

export function describeStore(name: string, open: () => Store | Promise<Store>): void {
  const opened = (): Promise<Store> =>
    openScratchStore([prices, ...PROCESSORS.map((processor) => processor.table)], open)

  describe(`the ${name} store: rows`, () => {
    test('come back as they were written, in the order of the keys that are asked for', async () => {
      const store = await opened()
      await put(store, prices, [row(1, '71234.560'), row(2, '0.5', 'half')])
      const found = await store.fetch(prices, [
        [7, 2],
        [7, 9],
        [7, 1],
      ])
      expect(found.map((stored) => stored?.row)).toEqual([
        row(2, '0.5', 'half'),
        undefined,
        row(1, '71234.56'),
      ])
    })

    test('are replaced by key, with their lineage', async () => {
      const store = await opened()
      const { commit } = await claimed(store)
      const commitOf = (price: string, offsets: [number, number]) => ({
        partitions: [commit],
        feeds: [],
        rows: [{ table: prices, writes: [writeOf(prices, row(1, price), offsets)] }],
        outbox: [],
      })
      await store.commit(commitOf('1', [3, 5]))
      await store.commit(commitOf('2', [3, 8]))
      expect(await store.fetch(prices, [[7, 1]])).toEqual([
        { row: row(1, '2'), firstOffset: 3, lastOffset: 8 },
      ])
    })

    test('hold decimals exactly and in one form; the views put a double beside them', async () => {
      const store = await opened()
      const exact = '99999999999999999999.999999999999999999'
      const samples = PROCESSORS.find((processor) => processor.name === 'mid-price')!.table
      const mids = ['100.00', exact, '0.000000000000000001'].map(decimalOf)
      const sample = { feed: 7, atMs: 0, sequence: null, n: 1 }
      await put(
        store,
        samples,
        mids.map((mid, i) => ({ ...sample, mid, startMs: i })),
      )
      const shown = await store.db.selectFrom('mid_price').select(['mid', 'mid_real']).execute()
      expect(shown).toEqual([
        { mid: '100', mid_real: 100 },
        { mid: exact, mid_real: 1e20 },
        { mid: '0.000000000000000001', mid_real: 1e-18 },
      ])
      const [stored] = await store.fetch(samples, [[1, 7]])
      expect((stored!.row as { mid: typeof mids }).mid).toEqual(mids[1])
    })

    test.each([
      ['nothing at all', '', ''],
      ['quotes, braces and backslashes', '"{a,b}" \\ \'', '"{a,b}" \\ \''],
      ['the word for nothing', 'NULL', 'NULL'],
      ['lines and tabs', 'a\r\n\tb', 'a\r\n\tb'],
      ['letters of all lengths', 'é€😀', 'é€😀'],
      ['a NUL, which no PostgreSQL can hold', 'a\0b\0', 'a\ufffdb\ufffd'],
      ['half a letter', 'a\ud83d', 'a\ufffd'],
    ])('keep text, byte by byte: %s', async (_, note, kept) => {
      const store = await opened()
      await put(store, prices, [row(1, '1', note)])
      const [found] = await store.fetch(prices, [[7, 1]])
      expect((found!.row as Row).note).toBe(kept)
      expect(await dump(store.db, prices)).toEqual([
        expect.stringContaining(`"price":"1","note":${JSON.stringify(kept)},`),
      ])
    })

    test('keep JSON that PostgreSQL could not read again: NUL and half letters are replaced', async () => {
      const store = await opened()
      const digests = PROCESSORS.find((processor) => processor.name === 'rejection-digest')!.table
      const items = ['a\0', '\\u0000', 'b\ud83d', 'é€😀'].map((message) => ({ kind: 'wrong-shape', message }))
      await put(store, digests, [{ digest: 1, count: 10, items }])
      const [found] = await store.fetch(digests, [[1]])
      const messages = (found!.row as { items: typeof items }).items.map(({ message }) => message)
      expect(messages).toEqual(['a\ufffd', '\\u0000', 'b\ufffd', 'é€😀'])
      const [shown] = await store.db.selectFrom('rejection_digests').select('counts').execute()
      expect(shown).toEqual({ counts: '{"wrong-shape":4}' })
    })

    test('are found by keys of any text', async () => {
      const store = await opened()
      const rejections = PROCESSORS.find((processor) => processor.name === 'rejections')!.table
      const ids = ['a', 'a"b', 'a\\', '{a}', 'NULL', 'a\0']
      const empty = { kind: null, path: null, message: null, venue: null, source: null, product: null }
      const about = { ...empty, receivedAtMs: null, bytes: null, original: null }
      await put(
        store,
        rejections,
        ids.map((id, i) => ({ ...about, id, resentAtMs: i })),
      )
      const found = await store.fetch(
        rejections,
        [...ids, 'z'].map((id) => [id]),
      )
      expect(found.map((stored) => (stored?.row as { resentAtMs: number } | undefined)?.resentAtMs)).toEqual([
        0,
        1,
        2,
        3,
        4,
        5,
        undefined,
      ])
    })

    test('of many sizes of commit are all there', async () => {
      const store = await opened()
      const counts = [1, 11, 12, 13, 250, 2_100]
      for (const count of counts) {
        await put(
          store,
          prices,
          Array.from({ length: count }, (_, i) => row(count * 10_000 + i)),
        )
      }
      expect(await dump(store.db, prices)).toHaveLength(counts.reduce((sum, count) => sum + count))
    })
  })

  describe(`the ${name} store: a commit`, () => {
    test('lands as a whole: rows, positions, feeds and messages', async () => {
      const store = await opened()
      const { commit } = await claimed(store)
      const reader = { ...freshReader('all', 0), position: 5 }
      reader.counts.set('book', 5)
      await store.commit({
        partitions: [{ ...commit, readers: [reader], follow: [{ processor: 'p', reader: 'all' }] }],
        feeds: [{ id: 7, venue: 'coinbase', source: 'mock', product: 'BTC-USD' }],
        rows: [{ table: prices, writes: [writeOf(prices, row(1))] }],
        outbox: [message('digest-10')],
      })
      expect(await store.readerState(commit.id, 'all')).toMatchObject({ position: 5 })
      expect(await store.db.selectFrom('positions').selectAll().execute()).toMatchObject([
        { processor: 'p', position: 5, applied: 5 },
      ])
      expect(await store.outbox.pending(['digest'], 10)).toHaveLength(1)
      expect(await dump(store.db, prices)).toHaveLength(1)
    })

    test('leaves nothing where one of its rows is refused', async () => {
      const store = await opened()
      await put(store, prices, [row(1, '100')])
      const { commit } = await claimed(store)
      const broken = { ...row(3), price: null }
      const attempt = store.commit({
        partitions: [{ ...commit, readers: [{ ...freshReader('all', 0), position: 9 }] }],
        feeds: [{ id: 8, venue: 'coinbase', source: 'mock', product: 'ETH-USD' }],
        rows: [
          {
            table: prices,
            writes: [writeOf(prices, row(1, '200')), writeOf(prices, row(2)), writeOf(prices, broken)],
          },
        ],
        outbox: [message('digest-10')],
      })
      await expect(attempt).rejects.toThrow(/price/)
      expect(await dump(store.db, prices)).toEqual([expect.stringContaining('"price":"100"')])
      expect(await store.readerState(commit.id, 'all')).toBeUndefined()
      expect(await store.outbox.pending(['digest'], 10)).toEqual([])
      await put(store, prices, [row(4)])
      expect(await dump(store.db, prices)).toHaveLength(2)
    })

    test('lands nothing and names the partition where that was claimed by somebody else', async () => {
      const store = await opened()
      const { commit: ours } = await claimed(store)
      const { commit: theirs, epoch } = await claimed(store)
      expect(epoch).toBe(ours.epoch + 1)
      const commitOf = (partition: typeof ours) => ({
        partitions: [{ ...partition, readers: [{ ...freshReader('all', 0), position: 1 }] }],
        feeds: [],
        rows: [{ table: prices, writes: [writeOf(prices, row(1))] }],
        outbox: [message('digest-10')],
      })
      expect(await store.commit(commitOf(ours))).toEqual({ fenced: [ours.id] })
      expect(await dump(store.db, prices)).toEqual([])
      expect(await store.outbox.pending(['digest'], 10)).toEqual([])
      expect(await store.commit(commitOf(theirs))).toEqual({ fenced: [] })
      expect(await dump(store.db, prices)).toHaveLength(1)
    })

    test('keeps all that a reader knows, for the next claim', async () => {
      const store = await opened()
      const { commit } = await claimed(store)
      const reader = { ...freshReader('all', 3), position: 10, duplicate: 1, tooLate: 2, foreign: 1, lost: 1 }
      reader.counts.set('book', 2)
      reader.progress.set('mock', 1_700_000_000_000)
      for (const [run, n] of [
        ['r1', 4],
        ['r2', 9],
      ] as const) {
        reader.runs.set(run, n)
        reader.runsMoved.add(run)
      }
      const follow = [{ processor: 'p', reader: 'all' }]
      const empty = { feeds: [], rows: [], outbox: [] }
      await store.commit({ partitions: [{ ...commit, readers: [reader], follow }], ...empty })
      expect(reader.runsMoved.size).toBe(0)
      const [claim] = await store.claim([PARTITION])
      expect(reader.kept).toBe(10)
      expect(claim!.readers).toEqual([reader])
      expect(claim!.processors).toEqual(new Map([['p', 'all']]))
      await store.commit({
        partitions: [{ ...commit, epoch: claim!.epoch, ended: ['all'] }],
        ...empty,
      })
      expect((await store.claim([PARTITION]))[0]).toMatchObject({ readers: [], processors: new Map() })
    })

    test('says which log the positions belong to', async () => {
      const store = await opened()
      const { commit } = await claimed(store)
      const [other] = await store.claim([{ ...PARTITION, logId: 'log-2' }])
      expect(other).toMatchObject({ logId: 'log-2', knownLogId: 'log-1' })
      const moved = { ...commit, epoch: other!.epoch, logId: 'log-2', readers: [freshReader('all', 0)] }
      await store.commit({ partitions: [moved], feeds: [], rows: [], outbox: [] })
      expect((await store.claim([{ ...PARTITION, logId: 'log-2' }]))[0]!.knownLogId).toBe('log-2')
    })
  })

  describeSamples(name, open)

  describe(`the ${name} store: the outbox`, () => {
    const told = async (store: Store, ...messages: OutboxMessage[]) => {
      const { commit } = await claimed(store)
      await store.commit({ partitions: [commit], feeds: [], rows: [], outbox: messages })
    }

    test('keeps each message once, by its id, oldest first', async () => {
      const store = await opened()
      await told(store, message('digest-20'), message('digest-10'), message('digest-20'))
      await told(store, message('digest-10'), message('parked-1', 'parked'))
      const pending = await store.outbox.pending(['digest', 'parked'], 10)
      expect(pending.map(({ id }) => id)).toEqual(['digest-20', 'digest-10', 'parked-1'])
      expect(pending[0]).toEqual({ ...message('digest-20'), doneBy: [] })
    })

    test('is asked by kind, and for so many', async () => {
      const store = await opened()
      await told(store, message('a', 'reject'), message('b'), message('c'), message('d', 'parked'))
      expect((await store.outbox.pending(['reject', 'parked'], 9)).map(({ id }) => id)).toEqual(['a', 'd'])
      expect((await store.outbox.pending(['digest'], 1)).map(({ id }) => id)).toEqual(['b'])
    })

    test('a message is done when every sink has it, and is never made again', async () => {
      const store = await opened()
      await told(store, message('digest-10'))
      await store.outbox.done(['digest-10'], 'log', ['log', 'slack'])
      await store.outbox.done(['digest-10'], 'log', ['log', 'slack'])
      expect(await store.outbox.pending(['digest'], 9)).toMatchObject([{ doneBy: ['log'] }])
      await store.outbox.done(['digest-10'], 'slack', ['log', 'slack'])
      expect(await store.outbox.pending(['digest'], 9)).toEqual([])
      await told(store, message('digest-10'))
      expect(await store.outbox.pending(['digest'], 9)).toEqual([])
    })
  })

  describeOwnership(name, open)

  describe(`the ${name} store: settings`, () => {
    test('are the text that was set last, none at first', async () => {
      const store = await opened()
      expect(await store.settings.get()).toBeUndefined()
      await store.settings.set('WINDOWS=5m')
      await store.settings.set('WINDOWS=1m')
      expect(await store.settings.get()).toBe('WINDOWS=1m')
    })

    test('are those of the first of several who begin at once', async () => {
      const store = await opened()
      const kept = await Promise.all(['WINDOWS=5m', 'WINDOWS=1m'].map(store.settings.keepFirst))
      expect(new Set(kept)).toEqual(new Set([await store.settings.get()]))
    })
  })

  test(`the ${name} store: a table that an earlier version made without a column gets it, its rows stay`, async () => {
    const store = await opened()
    const before = untyped(
      table<{ feed: number; price: string | null }>('words', ['feed'], { feed: 'integer', price: 'text?' }),
    )
    const now = untyped(
      table<{ feed: number; price: string | null; note: string | null }>('words', ['feed'], {
        feed: 'integer',
        price: 'text?',
        note: 'text?',
      }),
    )
    await store.ensureTables([before])
    await put(store, before, [{ feed: 1, price: 'dear' } as never])
    await store.ensureTables([now])
    const [kept] = await dump(store.db, now)
    expect(JSON.parse(kept!)).toMatchObject({ feed: 1, price: 'dear', note: null })
    await store.ensureTables([now])
  })

  test(`the ${name} store: a table of other columns is refused, and the store stays as it was`, async () => {
    const store = await opened()
    await put(store, prices, [row(1)])
    const wider = untyped(
      table<Pick<Row, 'feed' | 'startMs'> & { more: number }>('prices', ['feed', 'startMs'], {
        feed: 'integer',
        startMs: 'integer',
        more: 'integer',
      }),
    )
    await expect(store.ensureTables([wider])).rejects.toMatchObject({ code: 'store-fingerprint' })
    await store.ensureTables([prices])
    expect(await dump(store.db, prices)).toHaveLength(1)
  })
}
