import { setTimeout as delay } from 'node:timers/promises'
import { chance } from '../broker/logs.ts'
import { run, start, temporaryDir } from './commands.ts'
import { endInOrder, processAll, startProcess, type Tables, tablesIn } from './tables.ts'

/** A market that is made and processed at the same time by processes that are killed, and what came of it. */

const MARKET =
  '--products BTC-USD,ETH-USD,SOL-USD,XRP-USD --interval 1s --levels 20 --faults 0.02 --crossed 0.01'

/** So many seconds of a market, four books each. The same arguments make the same log, whoever was killed meanwhile. */
export function history(ticks: number, until = '2026-11-20T12:00:00Z'): string[] {
  return ['generate-mock', '--until', until, '--count', String(ticks), ...MARKET.split(' ')]
}

/** What a run that nobody disturbs makes of it. */
export async function undisturbed(ticks: number): Promise<Tables> {
  const dir = temporaryDir()
  const { code, stderr } = await run(dir, history(ticks))
  if (code !== 0) throw new Error(`generate-mock ended with ${code}: ${stderr}`)
  await processAll(dir)
  return tablesIn(dir)
}

export type KilledRun = {
  readonly dir: string
  /** From the start of a `process` that was killed before until it said that it processes; nothing cut these short. */
  readonly recoveriesMs: readonly number[]
}

/** A kill comes at a random moment within these after the last one: some fall into a start, most into work. */
const KILL_MS_MIN = 20
const KILL_MS_MAX = 900

/** So many of the kills are waited for until the process is back: how long the others took is not known. */
export const RECOVERIES = 5

/** Makes and processes `ticks` while kill -9 hits the one, the other or both; ends when both are through, in order. */
export async function killedRun(about: { ticks: number; kills: number; seed: number }): Promise<KilledRun> {
  const below = chance(about.seed)
  const dir = temporaryDir()
  const recoveriesMs: number[] = []
  let making = start(dir, history(about.ticks))
  let processing = startProcess(dir)
  for (let kill = 0; kill < about.kills; kill++) {
    await delay(KILL_MS_MIN + below(KILL_MS_MAX - KILL_MS_MIN))
    const victim = ['maker', 'processor', 'both'][below(3)]
    const hitsMaker = victim !== 'processor' && !making.hasEnded()
    const hitsProcessor = victim !== 'maker' || !hitsMaker
    if (hitsMaker) making.signal('SIGKILL')
    if (hitsProcessor) processing.signal('SIGKILL')
    if (hitsMaker) {
      await making.ended
      making = start(dir, history(about.ticks))
    }
    if (hitsProcessor) {
      await processing.ended
      processing = startProcess(dir)
    }
  }
  for (let i = 0; i < RECOVERIES; i++) {
    await delay(KILL_MS_MIN + below(KILL_MS_MAX - KILL_MS_MIN))
    processing.signal('SIGKILL')
    await processing.ended
    const startedMs = performance.now()
    processing = startProcess(dir)
    await processing.ready
    recoveriesMs.push(performance.now() - startedMs)
  }
  const made = await making.ended
  if (made.code !== 0) throw new Error(`generate-mock ended with ${made.code}: ${made.stderr}`)
  await endInOrder(dir, processing)
  return { dir, recoveriesMs }
}
