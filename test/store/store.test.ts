import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openReadStore } from '../../src/store/open-store.ts'
import { openSqliteStore } from '../../src/store/sqlite-store.ts'
import { idOf, type Store } from '../../src/store/store.ts'
import { PROCESSORS } from '../processors/running/rig.ts'
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

function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'tidebook-store-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
