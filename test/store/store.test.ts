import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Processor } from '../../src/processors/processor.ts'
import { openReadStore } from '../../src/store/open-store.ts'
import { openSqliteStore } from '../../src/store/sqlite-store.ts'
import { idOf, type Store } from '../../src/store/store.ts'
import { write } from '../processors/running/played-log.ts'
import { differences, openRig, PROCESSORS } from '../processors/running/rig.ts'
import { describeStore } from './store-suite.ts'

const monotonicMs = () => performance.now()
const stores: Record<string, () => Store> = {
  'sqlite file': () => openSqliteStore({ file: join(temporaryDir(), 'store.db'), monotonicMs }),
  'sqlite memory': () => openSqliteStore({ file: ':memory:', monotonicMs }),
}

for (const [name, open] of Object.entries(stores)) describeStore(name, open)

describe('ids', () => {
  test('depend on the names alone, so that the same log makes the same tables', () => {
    // The first 48 bits of: printf 'coinbase\\nmock\\nBTC-USD' | sha256sum
    expect(idOf('coinbase', 'mock', 'BTC-USD')).toBe(0x06b00e70d7a8)
    expect(idOf('a', 'b')).not.toBe(idOf('ab'))
  })
})

describe('a store file', () => {
  test('that is there is opened again with what it held', async () => {
    const file = join(temporaryDir(), 'store.db')
    const first = openSqliteStore({ file, monotonicMs })
    await first.settings.set('kept')
    await first.close()
    const second = openSqliteStore({ file, monotonicMs })
    expect(await second.settings.get()).toBe('kept')
    await second.close()
  })

  const strangers: [string, (file: string) => void, string][] = [
    ['of another program', (file) => new Database(file).exec('CREATE TABLE t(x)').close(), 'store-foreign'],
    [
      'that is no database',
      (file) => writeFileSync(file, 'not a database at all, '.repeat(100)),
      'store-foreign',
    ],
    [
      'of a newer version',
      (file) => {
        const db = new Database(file)
        db.exec(`CREATE TABLE t(x); PRAGMA application_id = ${0x54696465}; PRAGMA user_version = 99`)
        db.close()
      },
      'store-newer',
    ],
  ]
  test.each(strangers)('%s is said to be that, and left untouched', (_, make, code) => {
    const file = join(temporaryDir(), 'store.db')
    make(file)
    const before = readFileSync(file)
    expect(() => openSqliteStore({ file, monotonicMs })).toThrow(expect.objectContaining({ code }))
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  test('that was never made is missing to those who only read, and is not made by them', async () => {
    const dataDir = temporaryDir()
    await expect(openReadStore({ dataDir })).rejects.toMatchObject({ code: 'store-missing' })
    expect(existsSync(join(dataDir, 'store.db'))).toBe(false)
  })

  test('is read by others while it is written', async () => {
    const dataDir = temporaryDir()
    const store = openSqliteStore({ file: join(dataDir, 'store.db'), monotonicMs })
    await store.ensureTables(PROCESSORS.map(({ table }) => table))
    const reader = await openReadStore({ dataDir })
    expect(await reader.db.selectFrom('best_prices').selectAll().execute()).toEqual([])
    await reader.close()
    await store.close()
  })
})

describe('a store file of version 1', () => {
  test('becomes one of this version, with all it held', async () => {
    const file = join(temporaryDir(), 'store.db')
    makeVersion1(file)
    const store = openSqliteStore({ file, monotonicMs })
    await store.ensureTables(PROCESSORS.map(({ table }) => table))
    const [claim] = await store.claim([{ topic: 'books.coinbase', partition: 0, logId: 'log-1' }])
    expect(claim).toMatchObject({ epoch: 4, readers: [{ reader: 'all', position: 20, kept: 20 }] })
    expect(await store.settings.get()).toBe('WINDOWS=5m')
    expect(await store.requests.rebuilds()).toEqual([
      { processor: 'best-prices', partition: idOf('books.coinbase', 0) },
    ])
    expect(await store.db.selectFrom('positions').select(['processor', 'position']).execute()).toEqual([
      { processor: 'best-prices', position: 20 },
      { processor: 'max-spread', position: 20 },
    ])
    await store.close()
    const db = new Database(file, { readonly: true })
    expect(db.pragma('user_version', { simple: true })).toBe(2)
    expect(db.prepare('SELECT version FROM partitions').pluck().all()).toEqual([0])
    expect(db.prepare(`SELECT name FROM sqlite_master WHERE name LIKE '%shadow%'`).all()).toEqual([])
    db.close()
  })

  test('stays one, whole, where that is cut short half-way', () => {
    const file = join(temporaryDir(), 'store.db')
    makeVersion1(file)
    const before = new Database(file)
    // The last step but one finds its work already done, and fails.
    before.exec('ALTER TABLE partitions ADD COLUMN version INTEGER')
    before.close()
    expect(() => openSqliteStore({ file, monotonicMs })).toThrow(/duplicate column/)
    const db = new Database(file, { readonly: true })
    expect(db.pragma('user_version', { simple: true })).toBe(1)
    expect(db.prepare('SELECT * FROM rebuild_requests').all()).toEqual([{ processor: 'best-prices' }])
    expect(db.prepare(`SELECT count(*) FROM sqlite_master WHERE name LIKE '%shadow%'`).pluck().get()).toBe(1)
    db.close()
  })
})

describe('a store of the time before kinds', () => {
  /** What its tables did not have yet. */
  const LATER: Record<string, string> = { watches: 'continuity', holes: 'causes', top_of_book: 'unit' }
  const asBefore = (processor: Processor): Processor => {
    const { table } = processor
    const columns = table.columns.filter(({ name }) => name !== LATER[table.name])
    return { ...processor, table: { ...table, columns } }
  }
  const before = PROCESSORS.filter(({ name }) => !name.endsWith('-seen')).map(asBefore)
  const LOG = `
    14:29:00  up BTC-USD
    14:31:00  BTC-USD 100 101
    14:32:00  hole BTC-USD h1
    14:33:00  end BTC-USD h1
    14:35:03  mark`

  test('is opened with all its rows, which say what they said, and goes on', async () => {
    const file = join(temporaryDir(), 'store.db')
    const old = await openRig({ store: openSqliteStore({ file, monotonicMs }) })
    await write(old.broker, LOG)
    await old.run({ processors: before })
    await old.store.close()
    const raw = new Database(file)
    raw.exec(`DROP INDEX watches_by_line; DROP INDEX holes_by_line;
      CREATE INDEX watches_by_feed ON watches_rows(feed, run, partition, from_ms);
      CREATE INDEX holes_by_feed ON holes_rows(feed, run, from_ms, to_ms)`)
    raw.close()

    const now = await openRig({ store: openSqliteStore({ file, monotonicMs }), broker: old.broker })
    await write(now.broker, 'r2: 14:35:10 #trades  BTC-USD 100')
    await now.run()
    expect(await now.faults()).toEqual([])
    const twin = await openRig({ broker: old.broker })
    await twin.run()
    expect(differences(await now.tables(), await twin.tables())).toEqual([])
    const windows = now.store.db.selectFrom('best_prices').select('coverage')
    expect(await windows.where('window_ms', '=', 300_000).execute()).toEqual([{ coverage: 0.8 }])
    await now.store.close()
    const after = new Database(file, { readonly: true })
    const indexes = after.prepare(`SELECT name FROM sqlite_master WHERE name LIKE '%_by_feed'`).all()
    expect(indexes).toEqual([])
    after.close()
  })
})

/** A store as version 1 left it: books read up to offset 20, a rebuild asked for, another cut short. */
function makeVersion1(file: string): void {
  const db = new Database(file)
  db.pragma('journal_mode = WAL')
  db.exec(`
    CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE feeds(id INTEGER PRIMARY KEY, venue TEXT NOT NULL, source TEXT NOT NULL, product TEXT NOT NULL) STRICT;
    CREATE UNIQUE INDEX feeds_by_name ON feeds(venue, source, product);
    CREATE TABLE partitions(
      id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, log_id TEXT NOT NULL, epoch INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE readers(
      partition INTEGER NOT NULL, reader TEXT NOT NULL, position INTEGER NOT NULL, first INTEGER NOT NULL,
      duplicate INTEGER NOT NULL, too_late INTEGER NOT NULL, foreign_records INTEGER NOT NULL, lost INTEGER NOT NULL,
      counts TEXT NOT NULL, progress TEXT NOT NULL, PRIMARY KEY(partition, reader)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE reader_runs(
      partition INTEGER NOT NULL, reader TEXT NOT NULL, run TEXT NOT NULL, last_n INTEGER NOT NULL,
      PRIMARY KEY(partition, reader, run)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE processors(
      partition INTEGER NOT NULL, processor TEXT NOT NULL, reader TEXT NOT NULL, PRIMARY KEY(partition, processor)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE outbox(
      id TEXT PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL, done_by TEXT NOT NULL DEFAULT '[]', delivered INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX outbox_pending ON outbox(delivered) WHERE delivered = 0;
    CREATE TABLE rebuild_requests(processor TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE best_prices_shadow_rows(feed INTEGER PRIMARY KEY) STRICT;
    INSERT INTO meta VALUES ('settings', 'WINDOWS=5m');
    INSERT INTO rebuild_requests VALUES ('best-prices');
    PRAGMA application_id = ${0x54696465};
    PRAGMA user_version = 1;
  `)
  const id = idOf('books.coinbase', 0)
  db.prepare('INSERT INTO partitions VALUES (?, ?, 0, ?, 3)').run(id, 'books.coinbase', 'log-1')
  db.prepare('INSERT INTO readers VALUES (?, ?, 20, 0, 0, 0, 0, 0, ?, ?)').run(id, 'all', '{"book":20}', '{}')
  const follow = db.prepare('INSERT INTO processors VALUES (?, ?, ?)')
  for (const processor of ['best-prices', 'max-spread']) follow.run(id, processor, 'all')
  db.close()
}

function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'tidebook-store-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
