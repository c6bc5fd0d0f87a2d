import { createHash, randomFillSync } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { beforeAll, describe, expect, test } from 'vitest'
import { LOG_VERSION } from '../../src/broker/sqlite/log-file.ts'
import { STORE_VERSION } from '../../src/store/sqlite/schema.ts'
import { run, temporaryDir } from './commands.ts'
import { history } from './kills.ts'
import { askAll, endInOrder, logEnds, processAll, startProcess } from './tables.ts'

/** States that must never be: each is said, with its way out, and nothing is silently made anew, skipped or changed. */

const TEN_MINUTES = history(600)
const TEN_MORE = history(600, '2026-11-20T12:10:00Z')

let whole: string
beforeAll(async () => {
  whole = temporaryDir()
  expect((await run(whole, TEN_MINUTES)).code).toBe(0)
  await processAll(whole)
})

/** A folder with the log and the tables made of it. */
function copyOf(dir: string): string {
  const copy = temporaryDir()
  for (const file of ['log.db', 'store.db']) copyFileSync(join(dir, file), join(copy, file))
  return copy
}

function change(path: string, sql: string): void {
  const db = new Database(path)
  db.exec(sql)
  db.close()
}

function noise(path: string): void {
  writeFileSync(path, randomFillSync(Buffer.alloc(20_000)))
}

function foreign(path: string): void {
  rmSync(path)
  change(path, 'CREATE TABLE orders (id); INSERT INTO orders VALUES (1)')
}

function newer(path: string, version: number): void {
  change(path, `PRAGMA journal_mode = DELETE; PRAGMA user_version = ${version}`)
}

describe('a file that is not what it should be is said and left untouched', () => {
  const cases: [what: string, file: string, spoil: (path: string) => void, says: RegExp][] = [
    ['a store of noise', 'store.db', noise, /not a SQLite file[\s\S]*hint: set DATA_DIR/],
    ["somebody's database as store", 'store.db', foreign, /not a store of ours[\s\S]*hint: set DATA_DIR/],
    [
      'a store of the next version',
      'store.db',
      (path) => newer(path, STORE_VERSION + 1),
      /written by a newer version[\s\S]*hint: run the newer version/,
    ],
    [
      'a store cut off in the middle',
      'store.db',
      (path) => truncateSync(path, 20_000),
      /store\.db is damaged[\s\S]*hint: move store\.db .* away/,
    ],
    ['a log of noise', 'log.db', noise, /not an SQLite database[\s\S]*hint: It was left untouched/],
    ["somebody's database as log", 'log.db', foreign, /something else[\s\S]*hint: It was left untouched/],
    [
      'a log of the next version',
      'log.db',
      (path) => newer(path, LOG_VERSION + 1),
      /knows up to \d+[\s\S]*hint: Run the newer program/,
    ],
    [
      'a log cut off in the middle',
      'log.db',
      (path) => truncateSync(path, 200_000),
      /log\.db is damaged[\s\S]*hint: Stop every process/,
    ],
  ]
  test.each(cases)('%s', async (_, file, spoil, says) => {
    const dir = copyOf(whole)
    spoil(join(dir, file))
    const before = sha256(join(dir, file))
    for (const verb of ['process', 'insights']) {
      const { code, stdout, stderr } = await run(dir, [verb])
      expect(stderr).toMatch(says)
      expect({ verb, code, stdout }).toEqual({ verb, code: 1, stdout: '' })
      expect(sha256(join(dir, file))).toBe(before)
    }
  })

  test.each(['log.db', 'store.db', 'process.lock'])('a folder where %s should be', async (file) => {
    const dir = copyOf(whole)
    rmSync(join(dir, file), { force: true })
    mkdirSync(join(dir, file))
    const { code, stderr } = await run(dir, ['process'])
    expect(stderr).toMatch(new RegExp(`${file}.*\\n +hint: `))
    expect(code).toBe(1)
  })

  test('a DATA_DIR that is a file', async () => {
    const file = join(temporaryDir(), 'data')
    writeFileSync(file, 'mine')
    for (const verb of ['process', 'insights', 'generate-mock', 'ingest', 'demo']) {
      const { code, stderr } = await run(file, [verb])
      expect(stderr).toMatch(/the disk refused .*data.*\n +hint: /)
      expect(stderr).not.toContain('    at ')
      expect({ verb, code }).toEqual({ verb, code: 1 })
    }
    expect(readFileSync(file, 'utf8')).toBe('mine')
  })

  // Root may write anywhere, unless it gives that up.
  const behind =
    process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : ([] as string[])
  const canGiveUp = behind.length === 0 || existsSync('/usr/bin/setpriv')
  test.skipIf(!canGiveUp)('a DATA_DIR that may not be written', async () => {
    const dir = temporaryDir()
    mkdirSync(join(dir, 'data'), { mode: 0o500 })
    for (const verb of ['process', 'insights', 'generate-mock']) {
      const { code, stderr } = await run(join(dir, 'data'), [verb], { behind })
      expect(stderr).toMatch(/the disk refused .*data.*\n +hint: .*permissions/)
      expect({ verb, code }).toEqual({ verb, code: 1 })
    }
  })
})

describe('a log that is not the one the tables were made from', () => {
  test('deleted beside its store is said; with --accept-log the tables are kept and go on with the new log', async () => {
    const dir = copyOf(whole)
    rmSync(join(dir, 'log.db'))
    const refused = await run(dir, ['process'])
    expect(refused.stderr).toMatch(/made from another log[\s\S]*hint: put the log back.*--accept-log/)
    expect(refused.code).toBe(1)

    const rows = booksIn(dir)
    const rejected = rejectionsIn(dir)
    expect(rejected % 10).not.toBe(0)
    await processAll(dir, ['--accept-log'])
    // Once is enough.
    await processAll(dir)
    expect(booksIn(dir)).toBe(rows)

    expect((await run(dir, TEN_MORE)).code).toBe(0)
    await processAll(dir)
    expect(booksIn(dir)).toBeGreaterThan(rows + 2_300)
    // Their count goes on: the digest that was open is filled up first.
    const digests = askAll<{ last_ordinal: number; items: string }>(dir, 'SELECT * FROM rejection_digests')
    expect(digests).toHaveLength(Math.floor(rejectionsIn(dir) / 10))
    expect(digests.map(({ items }) => (JSON.parse(items) as unknown[]).length)).toEqual(digests.map(() => 10))
    expect(digests.length).toBeGreaterThan(Math.ceil(rejected / 10))

    // No log makes the old rows again: a rebuild lets them be.
    const books = booksIn(dir)
    expect((await run(dir, ['rebuild', 'all'])).code).toBe(0)
    expect([booksIn(dir), rejectionsIn(dir)]).toEqual([
      books,
      rejected + (logEnds(dir).get('rejections/0') ?? 0),
    ])
    const { code, stdout } = await run(dir, ['verify'])
    expect(stdout).toContain('not compared with the log: some rows were made from a log that is gone')
    expect(code).toBe(0)
  }, 60_000)

  test('that has lost its tail is said; with --accept-log what is written next counts once', async () => {
    const older = temporaryDir()
    expect((await run(older, TEN_MINUTES)).code).toBe(0)
    const dir = temporaryDir()
    copyFileSync(join(older, 'log.db'), join(dir, 'log.db'))
    expect((await run(dir, TEN_MORE)).code).toBe(0)
    await processAll(dir)
    const books = booksIn(dir)

    copyFileSync(join(older, 'log.db'), join(dir, 'log.db'))
    const refused = await run(dir, ['process'])
    expect(refused.stderr).toMatch(/has lost its tail[\s\S]*hint: put the log back.*--accept-log/)
    expect(refused.code).toBe(1)

    await processAll(dir, ['--accept-log'])
    await processAll(dir)
    expect(booksIn(dir)).toBe(books)
    // The market is made again from where the log ends, by the same run: the tables know it already.
    expect((await run(dir, TEN_MORE)).code).toBe(0)
    await processAll(dir)
    expect(booksIn(dir)).toBe(books)
    expect((await run(dir, ['verify'])).code).toBe(0)
  }, 60_000)
})

test('tables made under other windows are said, and made anew by rebuild all', async () => {
  const dir = copyOf(whole)
  const env = { WINDOWS: '1m' }
  const refused = await run(dir, ['process'], { env })
  expect(refused.stderr).toMatch(/WINDOWS 300000, here it is 60000[\s\S]*hint: .*rebuild -- all/)
  expect(refused.code).toBe(1)

  expect((await run(dir, ['rebuild', 'all'], { env })).code).toBe(0)
  expect(askAll(dir, 'SELECT DISTINCT window_ms FROM best_prices')).toEqual([{ window_ms: 60_000 }])
  const processing = startProcess(dir, [], { env })
  await endInOrder(dir, processing)
  expect((await run(dir, ['verify'], { env })).code).toBe(0)
}, 60_000)

test('a second process waits ten seconds, then says who makes the tables', async () => {
  const dir = copyOf(whole)
  const first = startProcess(dir)
  await first.ready
  const startedMs = performance.now()
  const second = await run(dir, ['process'])
  expect(second.stderr).toMatch(
    new RegExp(
      `process ${first.pid} \\(process, since 20.*Z\\) already makes the tables.*\\n +hint: stop it`,
    ),
  )
  expect(second.code).toBe(1)
  expect(performance.now() - startedMs).toBeGreaterThan(10_000)
  await endInOrder(dir, first)
}, 60_000)

test('a second process takes over when the first is killed', async () => {
  const dir = copyOf(whole)
  const first = startProcess(dir)
  await first.ready
  const second = startProcess(dir)
  first.signal('SIGKILL')
  await endInOrder(dir, second)
})

function booksIn(dir: string): number {
  return askAll<{ books: number }>(dir, 'SELECT sum(books) AS books FROM best_prices')[0]!.books
}

function rejectionsIn(dir: string): number {
  return askAll<{ count: number }>(dir, 'SELECT count(*) AS count FROM rejections')[0]!.count
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
