import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { decimalOf } from '../../src/models/decimal.ts'
import { openReadStore } from '../../src/store/open-store.ts'
import { PostgresConnection } from '../../src/store/postgres/connection.ts'
import { touch } from '../../src/store/postgres/readers.ts'
import { openPostgresStore } from '../../src/store/postgres-store.ts'
import { freshReader, type PartitionCommit, type Store } from '../../src/store/store.ts'
import { dump } from '../../src/store/verify-tables.ts'
import { PROCESSORS } from '../processors/running/rig.ts'
import { openChaosProxy } from '../services/chaos-proxy.ts'
import { withPostgres } from '../services/postgres.ts'
import { prices, row } from './prices.ts'
import { claimed, openScratchStore, PARTITION, put, writeOf } from './scratch.ts'
import { describeStore } from './store-suite.ts'

const monotonicMs = () => performance.now()
const open = (url: string): Promise<Store> =>
  openScratchStore([prices], () => openPostgresStore({ url, monotonicMs }))
const commitOf = (partition: PartitionCommit, startMs: number) => ({
  partitions: [partition],
  feeds: [],
  rows: [{ table: prices, writes: [writeOf(prices, row(startMs))] }],
  outbox: [],
})

/** Somebody else's session on the same database. */
async function session(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

withPostgres('tables in PostgreSQL', (freshDatabase) => {
  describeStore('postgres', async () => openPostgresStore({ url: await freshDatabase(), monotonicMs }))

  describe('several processes', () => {
    test('may make the tables at once', async () => {
      const url = await freshDatabase()
      const tables = PROCESSORS.map(({ table }) => table)
      const stores = await Promise.all([1, 2, 3, 4].map(() => openPostgresStore({ url, monotonicMs })))
      await Promise.all(stores.map((store) => store.ensureTables(tables)))
      expect(await stores[0]!.db.selectFrom('best_prices').selectAll().execute()).toEqual([])
      await Promise.all(stores.map((store) => store.close()))
    })

    test('share the partitions: each commits its own, and the readers of either see both', async () => {
      const url = await freshDatabase()
      const [a, b] = [await open(url), await open(url)]
      const { commit: ours } = await claimed(a)
      const [theirs] = await b.claim([{ ...PARTITION, partition: 1 }])
      const other = { ...ours, id: theirs!.id, epoch: theirs!.epoch }
      const answers = await Promise.all([a.commit(commitOf(ours, 1)), b.commit(commitOf(other, 2))])
      expect(answers).toEqual([{ fenced: [] }, { fenced: [] }])
      expect(await dump(a.db, prices)).toHaveLength(2)
    })

    test('a zombie commits nothing, and every commit that lands raises the version of its partition', async () => {
      const url = await freshDatabase()
      const [zombie, heir] = [await open(url), await open(url)]
      const { commit: ours } = await claimed(zombie)
      const { commit: theirs } = await claimed(heir)
      expect(await zombie.commit(commitOf(ours, 1))).toEqual({ fenced: [ours.id] })
      expect(await heir.commit(commitOf(theirs, 2))).toEqual({ fenced: [] })
      expect(await heir.commit(commitOf(theirs, 3))).toEqual({ fenced: [] })
      const { rows } = await (await session(url)).query('SELECT epoch, version FROM partitions')
      expect(rows).toEqual([{ epoch: '2', version: '2' }])
      expect(await dump(heir.db, prices)).toHaveLength(2)
    })

    test('of two commits of one owner that was split in two, one lands', async () => {
      const url = await freshDatabase()
      const [a, b] = [await open(url), await open(url)]
      const { commit } = await claimed(a)
      const twice = [a, b].map((store, i) => {
        const readers = [{ ...freshReader('all', 0), position: 1 + i }]
        return store.commit({ ...commitOf({ ...commit, readers }, i), partitions: [{ ...commit, readers }] })
      })
      const fenced = (await Promise.all(twice)).map((answer) => answer.fenced.length)
      expect(fenced.sort()).toEqual([0, 1])
      expect(await dump(a.db, prices)).toHaveLength(1)
    })

    test('one that stalls in the middle of a commit holds its partition for five seconds at most', async () => {
      const url = await freshDatabase()
      const [heir, stopped] = [await open(url), new PostgresConnection(url)]
      const { commit } = await claimed(heir)
      const [isLocked, wakes] = [signal(), signal()]
      const zombie = stopped.transaction(async (tx) => {
        expect(await touch(tx, commit.id, commit.epoch)).toBe(true)
        isLocked.give()
        await wakes.given
      })
      await isLocked.given
      const { commit: theirs, epoch } = await claimed(heir)
      expect(epoch).toBe(commit.epoch + 1)
      wakes.give()
      await expect(zombie).rejects.toMatchObject({ code: 'store-unreachable', retry: 'yes' })
      await stopped.close()
      expect(await heir.commit(commitOf(theirs, 1))).toEqual({ fenced: [] })
    })

    test('a commit that another one stood in the way of is done again, with all its rows', async () => {
      const url = await freshDatabase()
      const store = await open(url)
      const { commit: first } = await claimed(store)
      const [claim] = await store.claim([{ ...PARTITION, partition: 1 }])
      const both = [first, { ...first, id: claim!.id, epoch: claim!.epoch }].sort((a, b) => a.id - b.id)
      const other = await session(url)
      // Whoever has waited this long looks whether they wait in a circle, and gives way: we do, after one second.
      await other.query(`SET deadlock_timeout = '1min'`)
      const lock = (id: number) => other.query('SELECT 1 FROM partitions WHERE id = $1 FOR UPDATE', [id])
      await other.query('BEGIN')
      await lock(both[1]!.id)
      const landed = store.commit({
        ...commitOf(first, 1),
        partitions: both,
        rows: once(commitOf(first, 1).rows),
      })
      await untilWaiting(other)
      await lock(both[0]!.id)
      await other.query('ROLLBACK')
      expect(await landed).toEqual({ fenced: [] })
      expect(await dump(store.db, prices)).toHaveLength(1)
    })
  })

  describe('a connection that is lost', () => {
    test('is said, and the next call makes a new one', async () => {
      const url = await freshDatabase()
      const store = await open(url)
      const { commit } = await claimed(store)
      const other = await session(url)
      await other.query('BEGIN')
      await other.query('SELECT 1 FROM partitions FOR UPDATE')
      const lost = store.commit(commitOf(commit, 1))
      await untilWaiting(other)
      await other.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`,
      )
      await expect(lost).rejects.toMatchObject({ code: 'store-unreachable', retry: 'yes' })
      await other.query('ROLLBACK')
      expect(await store.commit(commitOf(commit, 1))).toEqual({ fenced: [] })
      expect(await dump(store.db, prices)).toHaveLength(1)
    })

    test('while nobody uses it, does not end the process, nor is it noticed', async () => {
      const url = await freshDatabase()
      const store = await open(url)
      await store.db
        .selectFrom('progress')
        .selectAll()
        .execute()
        .catch(() => undefined)
      const other = await session(url)
      await other.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      )
      await untilAlone(other)
      expect(await store.settings.get()).toBeUndefined()
    })
  })

  describe('a server that goes away', () => {
    test('is said to be away until it is back; what was asked meanwhile can be asked again', async () => {
      const { store, proxy, commit } = await behindProxy()
      await proxy.refuse()
      for (let i = 0; i < 2; i++) {
        await expect(store.commit(commitOf(commit, 1))).rejects.toMatchObject(AWAY)
        await expect(store.db.selectFrom('positions').selectAll().execute()).rejects.toMatchObject(AWAY)
      }
      await proxy.pass()
      expect(await store.commit(commitOf(commit, 1))).toEqual({ fenced: [] })
      expect(await dump(store.db, prices)).toHaveLength(1)
    })

    test('and neither answers nor refuses does not keep us from closing', async () => {
      const { store, proxy } = await behindProxy()
      await proxy.halfOpen()
      await store.close()
      await expect(store.settings.get()).rejects.toMatchObject({ code: 'closed' })
    })

    const AWAY = { code: 'store-unreachable', retry: 'yes' }

    async function behindProxy() {
      const url = new URL(await freshDatabase())
      const proxy = await openChaosProxy(() => 0)
      onTestFinished(() => proxy.close())
      proxy.leadTo(url.host)
      url.host = proxy.address
      const store = await openPostgresStore({ url: url.href, monotonicMs })
      onTestFinished(() => store.close())
      await store.ensureTables([prices, ...PROCESSORS.map(({ table }) => table)])
      const { commit } = await claimed(store)
      return { store, proxy, commit }
    }
  })

  describe('where there is no store to be had', () => {
    test.each([
      ['nobody listens', { port: '1' }, 'yes', /cannot reach PostgreSQL at 127.0.0.1:1\/test/],
      ['there is no such database', { pathname: '/nowhere' }, 'no', /"nowhere" does not exist/],
      ['there is no such user', { username: 'nobody' }, 'no', /"nobody" does not exist/],
    ])('because %s, that is said, and never the password', async (_, spoilt, retry, message) => {
      const url = new URL(await freshDatabase())
      url.password = 'sesame'
      Object.assign(url, spoilt)
      const error = await openPostgresStore({ url: url.href, monotonicMs }).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({
        code: 'store-unreachable',
        retry,
        message: expect.stringMatching(message),
      })
      expect(JSON.stringify({ ...(error as object) }) + String(error)).not.toContain('sesame')
      await expect(openReadStore({ dataDir: '', databaseUrl: url.href })).rejects.toMatchObject({
        code: 'store-unreachable',
        retry,
      })
    })

    test.each([
      ['a foreign meta', 'CREATE TABLE meta(id int)', 'store-foreign', /meta/],
      ['a foreign outbox', 'CREATE TABLE outbox(id int)', 'store-foreign', /outbox/],
    ])('because there is %s, it is said and left alone', async (_, ddl, code, message) => {
      const url = await freshDatabase()
      const other = await session(url)
      await other.query(ddl)
      const opening = openPostgresStore({ url, monotonicMs })
      await expect(opening).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
      const { rows } = await other.query(
        `SELECT count(*)::int AS tables FROM pg_tables WHERE schemaname = 'public'`,
      )
      expect(rows).toEqual([{ tables: 1 }])
    })

    test('because a table or a view of ours has the name of a foreign one, it is said', async () => {
      for (const [ddl, name] of [
        ['CREATE TABLE prices_rows(id int)', 'prices_rows'],
        ['CREATE TABLE positions(id int)', 'positions'],
      ] as const) {
        const url = await freshDatabase()
        await (await session(url)).query(ddl)
        const message = expect.stringContaining(name)
        await expect(open(url)).rejects.toMatchObject({ code: 'store-foreign', message })
      }
    })

    test('because a newer version made it, it is refused', async () => {
      const url = await freshDatabase()
      await (await open(url)).close()
      await (await session(url)).query(`UPDATE meta SET value = '99' WHERE name = 'version'`)
      await expect(open(url)).rejects.toMatchObject({ code: 'store-newer' })
    })

    test('it is missing to those who only read', async () => {
      const databaseUrl = await freshDatabase()
      await expect(openReadStore({ dataDir: '', databaseUrl })).rejects.toMatchObject({
        code: 'store-missing',
      })
      await open(databaseUrl)
      const reader = await openReadStore({ dataDir: '', databaseUrl })
      expect(await reader.db.selectFrom('positions').selectAll().execute()).toEqual([])
      await reader.close()
    })
  })

  describe('tables', () => {
    test('have the types that other tools expect', async () => {
      const url = await freshDatabase()
      await openScratchStore(
        PROCESSORS.map(({ table }) => table),
        () => openPostgresStore({ url, monotonicMs }),
      )
      const { rows } = await (await session(url)).query(
        `SELECT table_name || '.' || column_name AS name, data_type AS type FROM information_schema.columns
         WHERE table_schema = 'public' AND column_name IN ('highest_bid', 'highest_bid_real', 'start_time', 'start_ms', 'coverage')
           AND table_name LIKE 'best_prices%' OR table_name = 'rejections' AND column_name IN ('original', 'received_time')
         ORDER BY name`,
      )
      expect(Object.fromEntries(rows.map(({ name, type }) => [name, type]))).toEqual({
        'best_prices.coverage': 'double precision',
        'best_prices.highest_bid': 'numeric',
        'best_prices.highest_bid_real': 'double precision',
        'best_prices.start_ms': 'bigint',
        'best_prices.start_time': 'timestamp with time zone',
        'best_prices_rows.highest_bid': 'numeric',
        'best_prices_rows.start_ms': 'bigint',
        'rejections.original': 'json',
        'rejections.received_time': 'timestamp with time zone',
      })
    })

    test('stand in the first schema of the search_path', async () => {
      const url = await freshDatabase()
      const other = await session(url)
      await other.query('CREATE SCHEMA tide')
      const store = await open(`${url}?options=-csearch_path%3Dtide`)
      await put(store, prices, [row(1)])
      expect((await other.query('SELECT start_ms FROM tide.prices_rows')).rows).toEqual([{ start_ms: '1' }])
    })

    test('are ordered by bytes, whatever the order of the database', async () => {
      const url = new URL(await freshDatabase())
      const name = `${url.pathname.slice(1)}_icu`
      const server = await session(url.href)
      await server.query(`CREATE DATABASE ${name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'`)
      onTestFinished(async () => void (await server.query(`DROP DATABASE ${name} WITH (FORCE)`)))
      url.pathname = `/${name}`
      const rejections = PROCESSORS.find((processor) => processor.name === 'rejections')!.table
      const store = await openScratchStore([rejections], () =>
        openPostgresStore({ url: url.href, monotonicMs }),
      )
      const columns = rejections.columns.map((column) => [column.name, null])
      const rows = ['b', 'B', '_', 'a', 'é'].map((id) => ({ ...Object.fromEntries(columns), id }))
      await put(store, rejections, rows)
      const ids = (await dump(store.db, rejections)).map((text) => (JSON.parse(text) as { id: string }).id)
      expect(ids).toEqual(['B', '_', 'a', 'b', 'é'])
      await store.close()
    })

    test('are looked at through views that are made anew where they have changed', async () => {
      const url = await freshDatabase()
      await (await open(url)).close()
      const other = await session(url)
      await other.query(
        `DROP VIEW positions; CREATE VIEW positions AS SELECT 1 AS old; UPDATE meta SET value = '' WHERE name = 'views'`,
      )
      const store = await open(url)
      expect(await store.db.selectFrom('positions').select('processor').execute()).toEqual([])
    })

    test('keep a rejection of a megabyte', async () => {
      const store = await open(await freshDatabase())
      const note = `"${'x'.repeat(1_400_000)}"`
      await put(
        store,
        prices,
        [1, 2, 3, 4, 5].map((startMs) => ({ ...row(startMs), price: decimalOf('1'), note })),
      )
      const found = await store.fetch(prices, [[7, 5]])
      expect((found[0]!.row as { note: string }).note).toBe(note)
    })
  })
})

function signal(): { readonly given: Promise<void>; give(): void } {
  let give = () => {}
  const given = new Promise<void>((resolve) => {
    give = resolve
  })
  return { given, give }
}

/** What can be gone through once. */
function* once<T>(values: Iterable<T>): Generator<T> {
  yield* values
}

async function untilWaiting(looking: pg.Client): Promise<void> {
  await until(
    looking,
    `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
  )
}

async function untilAlone(looking: pg.Client): Promise<void> {
  await until(
    looking,
    `SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid())`,
  )
}

/** Asks until there is an answer; the test's own time limit ends it otherwise. */
async function until(client: pg.Client, question: string): Promise<void> {
  while ((await client.query(question)).rowCount === 0)
    await client.query('SELECT pg_sleep(0.01), pg_stat_clear_snapshot()')
}
