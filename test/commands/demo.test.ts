import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import Database from 'better-sqlite3'
import { afterAll, describe, expect, test } from 'vitest'

const BIN = resolve('dist/src/commands/tidebook.js')
const folder = mkdtempSync(join(tmpdir(), 'tidebook-demo-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the demo', () => {
  test('prints a report of half an hour, then a status line a second until Ctrl-C', async () => {
    const child = start()
    const exited = once(child, 'exit')
    const lines = await linesUntil(child, 2)
    const text = lines.join('\n')
    expect(text).toContain('coinbase, source simulator')
    expect(text).toMatch(/Highest bid and lowest ask/)
    expect(lines.at(-1)).toMatch(
      / UTC {2}2\d,\d{3} books .* BTC-USD [\d,.]+ \/ [\d,.]+ \(simulated\) {2}rejections \d+ {2}digests \d+$/,
    )
    child.kill('SIGINT')
    expect(await exited).toEqual([0, null])
  }, 60_000)

  test('goes on where it ended when it is run again, and ends by itself where it is told to', async () => {
    const before = tables()
    const child = start('--for', '8s')
    child.stdout?.resume()
    expect(await once(child, 'exit')).toEqual([0, null])
    const after = tables()
    expect(after.books).toBeGreaterThan(before.books)
    expect(after.fromMs).toBe(before.fromMs)
  })

  // Linux tells whose child is whose; elsewhere the parts end the same way.
  test.runIf(existsSync('/proc/self/task'))('leaves nothing running, even where it is killed', async () => {
    const child = start()
    await linesUntil(child, 1)
    const parts = childrenOf(child.pid!)
    expect(parts).toHaveLength(3)
    child.kill('SIGKILL')
    await expect.poll(() => parts.filter(isRunning), { timeout: 15_000, interval: 100 }).toEqual([])
  })
})

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
}

/** A zombie has ended; that nobody has asked how is not its fault. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

function start(...args: readonly string[]): ChildProcess {
  const env = { PATH: process.env['PATH'], NO_COLOR: '1' }
  return spawn(process.execPath, [BIN, 'demo', ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** What the demo has said by its n-th status line. */
async function linesUntil(child: ChildProcess, n: number): Promise<string[]> {
  const lines: string[] = []
  const input = createInterface({ input: child.stdout as Readable })
  for await (const line of input) {
    lines.push(line)
    if (lines.filter((said) => / UTC {2}.* books/.test(said)).length === n) break
  }
  return lines
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
