import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import Database, { type Database as Connection } from 'better-sqlite3'
import { z } from 'zod'
import { brokenPromise, isBusy } from './sqlite/errors.ts'

/** Who holds a lock, as it said itself. */
const Holder = z.object({
  pid: z.int(),
  startedAtMs: z.int(),
  /** `process`, `insights`: what it holds the lock for. */
  does: z.string(),
})
export type Holder = z.infer<typeof Holder>

export type Lock = { release(): void }

/**
 * Takes the lock at `path`, or says who has it (null where the holder has not yet written its name). The kernel frees it
 * when the process ends, however it ends, kill -9 included: a lock file alone would stay, and a pid may be another's by now.
 *
 * It is an SQLite file (always empty) under an exclusive transaction, because SQLite's locks work on every system and Node
 * has none of its own. The holder's name stands beside it in `<path>.json`, not within: closing any handle on a file drops
 * the locks that its process has on it.
 */
export function takeLock(
  path: string,
  about: { does: string; startedAtMs: number },
): Lock | { heldBy: Holder | null } {
  const db = openFile(path)
  try {
    db.exec('BEGIN EXCLUSIVE')
    writeHolder(path, { pid: process.pid, ...about })
  } catch (error) {
    db.close()
    if (isBusy(error)) return { heldBy: readHolder(path) }
    throw brokenPromise(error, path)
  }
  return {
    release() {
      rmSync(`${path}.json`, { force: true })
      db.close()
    },
  }
}

function openFile(path: string): Connection {
  try {
    mkdirSync(dirname(path), { recursive: true })
    return new Database(path, { timeout: 0 })
  } catch (error) {
    throw brokenPromise(error, path)
  }
}

function writeHolder(path: string, holder: Holder): void {
  writeFileSync(`${path}.json.new`, JSON.stringify(holder))
  renameSync(`${path}.json.new`, `${path}.json`)
}

function readHolder(path: string): Holder | null {
  try {
    return Holder.parse(JSON.parse(readFileSync(`${path}.json`, 'utf8')))
  } catch {
    return null
  }
}
