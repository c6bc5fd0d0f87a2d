import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { chance } from '../broker/logs.ts'
import { type Running, run, temporaryDir } from './commands.ts'
import { sameLog } from './kill-points.ts'
import { history } from './kills.ts'
import { differences, processAll, startProcess, tablesIn } from './tables.ts'

/** 40,000 books: more than is processed before the first kill. */
const TICKS = 10_000
const DEEP = 10
/** Log and store are opened, recovered and claimed within some tens of milliseconds of taking the lock. */
const RECOVERY_MS = 60

test(`killed ${DEEP} times in a row while it recovers from the kill before, process converges and leaves nothing behind`, async () => {
  const whole = temporaryDir()
  expect((await run(whole, history(TICKS))).code).toBe(0)
  const killed = sameLog(whole)
  const below = chance(4)

  const first = startProcess(killed)
  await first.ready
  await untilRows(killed)
  first.signal('SIGKILL')
  await first.ended
  const sizes = [walBytes(killed)]
  expect(sizes[0]).toBeGreaterThan(0)
  const files = filesIn(killed)

  for (let depth = 0; depth < DEEP; depth++) {
    const again = startProcess(killed)
    await untilLockedBy(killed, again)
    await delay(below(RECOVERY_MS))
    again.signal('SIGKILL')
    expect((await again.ended).signal).toBe('SIGKILL')
    sizes.push(walBytes(killed))
  }
  expect(filesIn(killed)).toEqual(files)
  // Each time at most what one commit of a start writes, far below what the work itself has written.
  expect(Math.max(...sizes)).toBeLessThan(sizes[0]! + 8_000_000)

  await processAll(killed)
  await processAll(whole)
  expect(differences(await tablesIn(killed), await tablesIn(whole))).toEqual([])
  expect(walBytes(killed)).toBe(0)
}, 120_000)

const LOOK_MS = 2

/** Rows of a commit lie in the -wal. */
async function untilRows(dir: string): Promise<void> {
  while (walBytes(dir) < 1_000_000) await delay(LOOK_MS)
}

/** The lock comes first: what follows it is recovery. */
async function untilLockedBy(dir: string, { pid, hasEnded }: Running): Promise<void> {
  const holder = join(dir, 'process.lock.json')
  const hold = () =>
    existsSync(holder) ? (JSON.parse(readFileSync(holder, 'utf8')) as { pid: number }).pid : 0
  while (hold() !== pid && !hasEnded()) await delay(LOOK_MS)
}

function walBytes(dir: string): number {
  return statSync(join(dir, 'store.db-wal'), { throwIfNoEntry: false })?.size ?? 0
}

function filesIn(dir: string): string[] {
  return readdirSync(dir).sort()
}
