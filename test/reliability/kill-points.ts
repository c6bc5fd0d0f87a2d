import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { run, temporaryDir } from './commands.ts'
import { history } from './kills.ts'
import { injecting, tracedCalls, WRITES_AND_SYNCS } from './strace.ts'
import { processAll, startProcess, type Tables, tablesIn, untilThrough } from './tables.ts'

/** `process` over one small log, killed at its N-th write or sync. */

/** 2,400 books: several commits, hundreds of writes. */
export const SMALL_HISTORY = history(600)
/** Never reached; strace counts no further than 65,535. */
const NEVER = 60_000

export type Undisturbed = {
  readonly dir: string
  readonly tables: Tables
  /** Writes and syncs that `process` makes from its start to its end. */
  readonly calls: number
}

/** Makes the log, and its tables in a folder of their own. */
export async function undisturbedPoints(): Promise<Undisturbed> {
  const dir = temporaryDir()
  const { code, stderr } = await run(dir, SMALL_HISTORY)
  if (code !== 0) throw new Error(`generate-mock ended with ${code}: ${stderr}`)
  const twin = sameLog(dir)
  await killedAt(twin, NEVER)
  return { dir, tables: await tablesIn(twin), calls: tracedCalls(twin) }
}

/** A new folder with the same log and no tables. */
export function sameLog(dir: string): string {
  const copy = temporaryDir()
  copyFileSync(join(dir, 'log.db'), join(copy, 'log.db'))
  return copy
}

/** Runs `process` up to its `when`-th write or sync, or to its end in order. Answers whether it was killed. */
export async function killedAt(dir: string, when: number): Promise<boolean> {
  const behind = injecting(dir, `${WRITES_AND_SYNCS}:signal=KILL:when=${when}`)
  const processing = startProcess(dir, [], { behind })
  const { ended } = processing
  const through = untilThrough(dir, processing).then(
    () => processing.signal('SIGTERM'),
    () => undefined, // killed before
  )
  const { code, signal, stderr } = await ended
  await through
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`process ended with ${code ?? signal}: ${stderr}`)
  return signal === 'SIGKILL'
}

/** The tables after a restart that nobody disturbs. */
export async function recovered(dir: string): Promise<Tables> {
  await processAll(dir)
  return tablesIn(dir)
}
