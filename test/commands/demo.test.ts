import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import Database from 'better-sqlite3'
import { afterAll, describe, expect, test } from 'vitest'
import { takeLock } from '../../src/broker/os-lock.ts'

const BIN = resolve('dist/src/commands/tidebook.js')
const folder = mkdtempSync(join(tmpdir(), 'tidebook-demo-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the demo', () => {
  test('prints a report of half an hour, then a status line a second, and ends by itself', async () => {
    const ran = await demo('--for', '4s')
    expect(ran.stdout).toContain('coinbase, source mock')
    expect(ran.stdout).toMatch(/Highest bid and lowest ask/)
    expect(ran.stdout).toMatch(
      / UTC {2}7,\d{3} books .* BTC-USD [\d,.]+ \/ [\d,.]+ \(mock\) {2}rejections \d+ {2}digests \d+\n/,
    )
    expect(ran.code).toBe(0)
  })

  test('goes on where it ended when it is run again', async () => {
    const before = tables()
    const ran = await demo('--for', '3s')
    expect(ran.code).toBe(0)
    const after = tables()
    expect(after.books).toBeGreaterThan(before.books)
    expect(after.fromMs).toBe(before.fromMs)
  })

  test('leaves nothing running, even where it is killed', async () => {
    const child = start()
    const lines = createInterface({ input: child.stdout as Readable })
    for await (const line of lines) if (/ UTC {2}.* books/.test(line)) break
    child.kill('SIGKILL')
    await once(child, 'exit')
    // The lock is free only when the last process that made tables has ended.
    await expect.poll(() => lockIsFree(), { timeout: 15_000, interval: 200 }).toBe(true)
  })
})

function start(...args: readonly string[]): ChildProcess {
  const env = { PATH: process.env['PATH'], NO_COLOR: '1' }
  return spawn(process.execPath, [BIN, 'demo', ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function demo(...args: readonly string[]): Promise<{ code: number | null; stdout: string }> {
  const child = start(...args)
  let stdout = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout }
}

function tables(): { books: number; fromMs: number } {
  const db = new Database(join(folder, 'data/demo/store.db'), { readonly: true })
  try {
    const windows = db.prepare('SELECT sum(books) AS books, min(start_ms) AS fromMs FROM best_prices').get()
    return windows as { books: number; fromMs: number }
  } finally {
    db.close()
  }
}

function lockIsFree(): boolean {
  const lock = takeLock(join(folder, 'data/demo/process.lock'), { does: 'test', startedAtMs: 0 })
  if (!('release' in lock)) return false
  lock.release()
  return true
}
