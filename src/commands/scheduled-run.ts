import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Logger } from 'pino'
import { isoTime } from '../models/time.ts'
import { type PartOptions, startPart } from './supervise.ts'

export type RunBounds = {
  readonly stop: AbortSignal
  /** A run that takes longer hangs. */
  readonly runMsMax: number
  /** A run that is under way when `stop` is aborted may take so much longer. */
  readonly drainMsMax: number
}

export type RunOptions = PartOptions & RunBounds & { readonly log: Logger }

/**
 * Answers one scheduled moment in a process of its own, because only a process can be stopped whatever it is doing: one
 * that runs out of its time is killed. Resolves when it is gone and never rejects: what went wrong with one run must not
 * end the schedule. A run tells its own failures; what it cannot tell is told here.
 */
export async function scheduledRun(slotMs: number, options: RunOptions): Promise<void> {
  const { log, stop } = options
  const slot = isoTime(slotMs)
  try {
    const child = startPart({ name: 'answer-slot', args: [slot] }, options)
    const { signal, killedFor } = await endOf(child, options)
    // Our SIGTERM, come before the run had set its own handler, is an end in order too.
    const isToldToStop = stop.aborted && signal === 'SIGTERM'
    if (killedFor !== undefined)
      log[stop.aborted ? 'warn' : 'error']({ slot }, `the run was killed: ${killedFor}`)
    else if (signal !== null && !isToldToStop) log.error({ slot, signal }, 'the run was ended from outside')
  } catch (error) {
    log.error({ err: error, slot }, 'the run could not be started')
  }
}

type RunEnd = { readonly signal: NodeJS.Signals | null; readonly killedFor: string | undefined }

async function endOf(child: ChildProcess, { stop, runMsMax, drainMsMax }: RunBounds): Promise<RunEnd> {
  let killedFor: string | undefined
  const kill = (reason: string): void => {
    killedFor = reason
    child.kill('SIGKILL')
  }
  let timer = setTimeout(kill, runMsMax, `it had not ended after ${runMsMax} ms`)
  const drain = (): void => {
    clearTimeout(timer)
    timer = setTimeout(kill, drainMsMax, `it had not ended ${drainMsMax} ms after it was told to stop`)
    child.kill('SIGTERM')
  }
  if (stop.aborted) drain()
  else stop.addEventListener('abort', drain, { once: true })
  try {
    const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    return { signal, killedFor }
  } finally {
    clearTimeout(timer)
    stop.removeEventListener('abort', drain)
  }
}
