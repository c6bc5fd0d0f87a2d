import {
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { LogRecord, OutgoingRecord } from '../../src/broker/broker.ts'
import { LOG_VERSION, openLogFile } from '../../src/broker/sqlite/log-file.ts'
import { EngineError } from '../../src/models/engine-error.ts'
import { recordingLog } from '../alerts/recording-log.ts'
import { BOOKS, chance, listen, openLog, readAll, record, records, temporaryDir } from './logs.ts'

const logOf = (dir: string) => join(dir, 'log.db')

const sent = (from: number, to: number) =>
  records(from, to, { headers: { kind: 'book' } }).map(
    (each): OutgoingRecord => ({ ...each, value: `record ${each.n} `.padEnd(400, 'abcdefghij') }),
  )

/** A folder with a log of `count` records, all of it in `log.db` itself. */
async function closedLog(count: number): Promise<string> {
  const dir = temporaryDir()
  const broker = await openLog(dir)
  await broker.publish(sent(1, count))
  await broker.close()
  return dir
}

/** Opens, reads everything, closes. */
async function readLog(dir: string): Promise<LogRecord[]> {
  const broker = await openLog(dir)
  try {
    return await readAll(broker)
  } finally {
    await broker.close()
  }
}

function change(path: string, sql: string): void {
  const db = new Database(path)
  db.exec(sql)
  db.close()
}

describe('a -wal that lost or garbled its tail', () => {
  test('opens by itself, keeps whole calls from the beginning, says how much it passed over, and goes on, wherever it was hit', async () => {
    const CALLS = 60
    const PER_CALL = 5
    const live = temporaryDir()
    const broker = await openLog(live)
    const walBytes = () => statSync(`${logOf(live)}-wal`).size
    const ends = [walBytes()]
    for (let call = 0; call < CALLS; call++) {
      await broker.publish(sent(call * PER_CALL + 1, (call + 1) * PER_CALL))
      ends.push(walBytes())
    }
    const below = chance(5)
    const kept: number[] = []
    for (let hit = 0; hit < 50; hit++) {
      const dir = copied(live)
      const wal = `${logOf(dir)}-wal`
      const at = below(statSync(wal).size - 512)
      if (hit % 2 === 0) truncateSync(wal, at)
      else garble(wal, at)

      const { size } = statSync(wal)
      const { log, entries } = recordingLog()
      const again = await openLog(dir, { log })
      const all = await readAll(again)
      if (all.length > 0) expect(saidOf(entries())).toEqual(tail(size - ends[all.length / PER_CALL]!))
      expect(all.map(({ n, corrupt }) => (corrupt ? 'corrupt' : n))).toEqual(all.map((_, i) => i + 1))
      expect(all.length % PER_CALL).toBe(0)
      await again.publish(sent(all.length + 1, all.length + 1))
      expect((await readAll(again)).at(-1)).toMatchObject({ n: all.length + 1, corrupt: false })
      await again.close()
      rmSync(dir, { recursive: true })
      kept.push(all.length)
    }
    // The hits were spread: some cost nearly everything, some nearly nothing.
    expect(Math.min(...kept)).toBeLessThan(50)
    expect(Math.max(...kept)).toBeGreaterThan(250)
  }, 60_000)

  test('a -wal without its header is passed over whole, and says so', async () => {
    const dir = await crashedLog(5)
    garble(`${logOf(dir)}-wal`, 0)
    const { size } = statSync(`${logOf(dir)}-wal`)
    expect(await saidOnOpening(dir)).toEqual(tail(size))
  })

  test('nothing is said of a log that was closed in order, nor of a -wal that is whole', async () => {
    expect(await saidOnOpening(await closedLog(5))).toEqual([])
    expect(await saidOnOpening(await crashedLog(5))).toEqual([])
  })

  test('beside shared memory that may be a living process’s, a torn tail is mentioned, and no warning', async () => {
    const live = temporaryDir()
    const broker = await openLog(live)
    await broker.publish(sent(1, 5))
    const { size } = statSync(`${logOf(live)}-wal`)
    await broker.publish(sent(6, 10))
    const dir = copied(live, ['', '-wal', '-shm'])
    const wal = `${logOf(dir)}-wal`
    garble(wal, size)
    const torn = statSync(wal).size - size
    expect(await saidOnOpening(dir)).toEqual(tail(torn, 'info'))
  })

  test('nothing is said of what an older generation of the -wal left behind its end', async () => {
    const live = temporaryDir()
    const broker = await openLog(live)
    await broker.publish(sent(1, 500))
    change(logOf(live), 'PRAGMA wal_checkpoint(RESTART)')
    const full = statSync(`${logOf(live)}-wal`).size
    await broker.publish(sent(501, 501))
    expect(statSync(`${logOf(live)}-wal`).size).toBe(full)
    expect(await saidOnOpening(copied(live))).toEqual([])
  })

  test('what another process is writing just now is not taken for torn', async () => {
    const dir = temporaryDir()
    await openLog(dir)
    const writer = new Database(logOf(dir))
    // So small a cache that frames reach the -wal before the commit.
    writer.pragma('cache_size = 2')
    writer.exec('BEGIN IMMEDIATE')
    const before = statSync(`${logOf(dir)}-wal`).size
    spill(writer)
    expect(statSync(`${logOf(dir)}-wal`).size).toBeGreaterThan(before)
    const { db, passedOver } = await openLogFile(logOf(dir))
    expect(passedOver).toBeUndefined()
    writer.exec('ROLLBACK')
    writer.close()
    db.close()
  })

  test('what a process that still has the log open gave up is mentioned, and no warning', async () => {
    const dir = temporaryDir()
    await openLog(dir)
    const writer = new Database(logOf(dir))
    writer.pragma('cache_size = 2')
    writer.exec('BEGIN IMMEDIATE')
    const before = statSync(`${logOf(dir)}-wal`).size
    spill(writer)
    writer.exec('ROLLBACK')
    const unfinished = statSync(`${logOf(dir)}-wal`).size - before
    expect(unfinished).toBeGreaterThan(0)
    expect(await saidOnOpening(dir)).toEqual(tail(unfinished, 'info'))
    writer.close()
  })

  function garble(path: string, at: number): void {
    const bytes = readFileSync(path)
    for (let i = at; i < at + 512; i++) bytes[i] = bytes[i]! ^ 0xff
    writeFileSync(path, bytes)
  }

  function spill(writer: Database.Database): void {
    const insert = writer.prepare('INSERT INTO keys (text, crc) VALUES (?, 0)')
    for (let i = 0; i < 200; i++) insert.run(`${i}`.padEnd(4_000, 'x'))
  }

  /** What a crash leaves: both files, synced, without the shared memory beside them. */
  function copied(live: string, ends = ['', '-wal']): string {
    const dir = temporaryDir()
    for (const end of ends) copyFileSync(logOf(live) + end, logOf(dir) + end)
    return dir
  }

  async function crashedLog(count: number): Promise<string> {
    const live = temporaryDir()
    const broker = await openLog(live)
    await broker.publish(sent(1, count))
    return copied(live)
  }

  async function saidOnOpening(dir: string): Promise<Said[]> {
    const { log, entries } = recordingLog()
    const broker = await openLog(dir, { log })
    await broker.close()
    return saidOf(entries())
  }

  type Said = { readonly level: string; readonly bytes: unknown }

  function saidOf(entries: readonly Record<string, unknown>[]): Said[] {
    return entries.map(({ level, bytes }) => ({ level: level === 40 ? 'warn' : 'info', bytes }))
  }

  function tail(bytes: number, level = 'warn'): Said[] {
    return bytes === 0 ? [] : [{ level, bytes }]
  }
})

describe('a bit that flips on the disk', () => {
  test('in the body of a record makes that one record corrupt, always, and no other', async () => {
    const dir = await closedLog(100)
    const good = readFileSync(logOf(dir))
    const below = chance(6)
    for (let flip = 0; flip < 200; flip++) {
      const n = 1 + below(100)
      const text = sent(n, n)[0]!.value
      const bytes = Buffer.from(good)
      // The last copy is the record: the table's first page keeps what it held before the table outgrew it.
      const at = bytes.lastIndexOf(text) + below(text.length)
      bytes[at] = bytes[at]! ^ (1 << below(8))
      writeFileSync(logOf(dir), bytes)
      const all = await readLog(dir)
      expect(all).toHaveLength(100)
      expect(all.filter(({ corrupt }) => corrupt)).toEqual([
        {
          offset: n - 1,
          key: null,
          run: null,
          n: null,
          appendedAtMs: 0,
          headers: null,
          value: null,
          corrupt: true,
        },
      ])
    }
  }, 60_000)

  test('anywhere among the records never gives a record that was not written', async () => {
    const dir = await closedLog(100)
    const before = await readLog(dir)
    const good = readFileSync(logOf(dir))
    const first = good.lastIndexOf(sent(50, 50)[0]!.value)
    const page = first - (first % 16_384)
    const below = chance(7)
    for (let flip = 0; flip < 200; flip++) {
      const bytes = Buffer.from(good)
      const at = page + below(16_384)
      bytes[at] = bytes[at]! ^ (1 << below(8))
      writeFileSync(logOf(dir), bytes)
      const all = await readLog(dir).catch((error: EngineError) => {
        expect(error.code).toBe('log-corrupt')
        return []
      })
      for (const each of all) if (!each.corrupt) expect(each).toEqual(before[each.offset])
    }
  }, 60_000)

  test('in the name of a key makes every record of that key corrupt', async () => {
    const dir = await closedLog(3)
    change(logOf(dir), "UPDATE keys SET text = 'BTC-USE'")
    expect((await readLog(dir)).map(({ corrupt }) => corrupt)).toEqual([true, true, true])
  })
})

describe('a record that is gone', () => {
  test('from the middle is handed over as corrupt, so that offsets stay dense', async () => {
    const dir = await closedLog(50)
    change(logOf(dir), 'DELETE FROM records_1 WHERE "offset" IN (0, 7, 20, 21, 22)')
    const all = await readLog(dir)
    expect(all.map(({ offset }) => offset)).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(all.filter(({ corrupt }) => corrupt).map(({ offset }) => offset)).toEqual([0, 7, 20, 21, 22])
  })

  test('reaches a consumer as corrupt too', async () => {
    const dir = await closedLog(5)
    change(logOf(dir), 'DELETE FROM records_1 WHERE "offset" = 2')
    const listener = await listen(await openLog(dir))
    await listener.until(5)
    expect(listener.heard.map(({ corrupt }) => corrupt)).toEqual([false, false, true, false, false])
  })

  test('with all after it is said when a position lies beyond the end', async () => {
    const dir = await closedLog(5)
    change(logOf(dir), 'DELETE FROM records_1 WHERE "offset" >= 2')
    const { consumer } = await listen(await openLog(dir), {
      onAssigned: async () => new Map([[`${BOOKS}/0`, 5]]),
    })
    await expect(consumer.done).rejects.toMatchObject({ code: 'log-lost' })
  })
})

describe('a file that is not a log of ours', () => {
  const cases: [what: string, code: string, make: (path: string) => void | Promise<void>][] = [
    [
      'a text',
      'log-foreign',
      (path) => writeFileSync(path, 'not a database, but long enough to be looked at as one'.repeat(30)),
    ],
    [
      "somebody's database",
      'log-foreign',
      (path) => change(path, 'CREATE TABLE orders (id); INSERT INTO orders VALUES (1)'),
    ],
    [
      "another program's database without tables",
      'log-foreign',
      (path) => change(path, 'PRAGMA application_id = 7'),
    ],
    [
      'a log of a later version',
      'log-newer',
      async (path) => {
        copyFileSync(logOf(await closedLog(1)), path)
        change(path, `PRAGMA user_version = ${LOG_VERSION + 1}`)
      },
    ],
    [
      'a log cut off in the middle',
      'log-corrupt',
      async (path) => {
        copyFileSync(logOf(await closedLog(500)), path)
        truncateSync(path, 16_384 + 100)
      },
    ],
    [
      'a log emptied beside its -wal',
      'log-corrupt',
      (path) => {
        writeFileSync(path, '')
        writeFileSync(`${path}-wal`, 'something')
      },
    ],
  ]
  test.each(cases)('%s is named (%s) and left as it is', async (_, code, make) => {
    const dir = temporaryDir()
    await make(logOf(dir))
    const before = readFileSync(logOf(dir))
    const error = await openLog(dir).catch((e: unknown) => e as EngineError)
    expect(error).toBeInstanceOf(EngineError)
    expect(error).toMatchObject({ code, hint: expect.stringMatching(/.{20}/) })
    expect(readFileSync(logOf(dir)).equals(before)).toBe(true)
    expect(existsSync(`${logOf(dir)}-shm`)).toBe(false)
  })

  test('a folder that cannot be is the disk’s fault', async () => {
    const file = join(temporaryDir(), 'file')
    writeFileSync(file, '')
    await expect(openLog(join(file, 'data'))).rejects.toMatchObject({ code: 'disk-failed' })
  })
})

describe('a log that is deleted or replaced while it is open', () => {
  test('acknowledges nothing more', async () => {
    const dir = temporaryDir()
    const broker = await openLog(dir)
    await broker.publish([record(1)])
    rmSync(logOf(dir))
    await expect(broker.publish([record(2)])).rejects.toMatchObject({ code: 'log-lost' })
    await expect(broker.publish([record(3)])).rejects.toMatchObject({ code: 'log-lost' })
  })

  test('ends its consumers, though nobody publishes', async () => {
    const dir = temporaryDir()
    const { consumer } = await listen(await openLog(dir))
    const ended = expect(consumer.done).rejects.toMatchObject({ code: 'log-lost' })
    rmSync(logOf(dir))
    await ended
  })

  test('whoever comes after begins a new log, with another id', async () => {
    const dir = temporaryDir()
    const old = await openLog(dir)
    await old.publish(records(1, 3))
    renameSync(logOf(dir), join(dir, 'old.db'))
    const fresh = await openLog(dir)
    expect(await readAll(fresh)).toEqual([])
    const idOf = async (broker: typeof old) => (await broker.topics())[0]!.logId
    expect(await idOf(fresh)).not.toBe(await idOf(old))
    await expect(old.publish([record(4)])).rejects.toMatchObject({ code: 'log-lost' })
    await fresh.publish([record(1)])
    expect(await readAll(fresh)).toHaveLength(1)
  })
})
