import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** How much of what a process said is told when it fails: a Java stack trace and the lines before it. */
const LAST_LINES = 40

export type OwnedProcess = {
  readonly pid: number
  /** How it ended, `exit 1` or `SIGKILL`. Never rejects. */
  readonly ended: Promise<string>
  /** Sends a signal to it and its children; nothing where it has ended. */
  signal(name: NodeJS.Signals): void
  /** Sends `name`, SIGTERM where not given, and SIGKILL where that has not ended it in time. Wakes it where it was stopped. */
  stop(graceMs: number, name?: NodeJS.Signals): Promise<void>
  /** What it said last, standard output and standard error as they came. */
  lastLines(): string
}

export type OwnedOptions = Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'> & {
  /** Everything it says is appended here. */
  readonly logFile: string
  readonly onLine?: (line: string) => void
}

/**
 * Starts a process that does not outlive this one, however this one ends: beside it waits a shell on a pipe that only we
 * hold, and kills its process group when that pipe closes. Rejects where the command cannot be started.
 */
export async function startOwned(
  command: string,
  args: readonly string[],
  options: OwnedOptions,
): Promise<OwnedProcess> {
  const { logFile, onLine, ...spawnOptions } = options
  const child = spawn(command, args, { ...spawnOptions, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  await once(child, 'spawn')
  const pid = child.pid!
  const guard = startGuard(pid)
  const lines = keepLines(child, logFile, onLine)
  const ended = once(child, 'close').then(([code, signal]) => {
    guard.kill('SIGKILL')
    return signal === null ? `exit ${code}` : String(signal)
  })
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null

  function signal(name: NodeJS.Signals): void {
    if (hasEnded()) return
    try {
      process.kill(-pid, name)
    } catch {
      // It has ended a moment ago.
    }
  }

  async function stop(graceMs: number, name: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    signal(name)
    signal('SIGCONT')
    const killer = setTimeout(() => signal('SIGKILL'), graceMs)
    await ended
    clearTimeout(killer)
  }

  return { pid, ended, signal, stop, lastLines: () => lines.join('\n') }
}

/** Reads until the pipe from us closes, then kills the group. It is killed itself first where the group ends before us. */
function startGuard(pid: number): ChildProcess {
  const guard = spawn('sh', ['-c', 'read -r nothing; kill -KILL "-$0"', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.unref()
  ;(guard.stdin as Socket).unref()
  return guard
}

/** The last lines of both outputs, kept up to date. The log file is held open: its folder may be removed meanwhile. */
function keepLines(child: ChildProcess, logFile: string, onLine: ((line: string) => void) | undefined) {
  const file = openSync(logFile, 'a')
  const lines: string[] = []
  for (const input of [child.stdout, child.stderr] as Readable[]) {
    createInterface({ input }).on('line', (line) => {
      writeSync(file, `${line}\n`)
      lines.push(line)
      if (lines.length > LAST_LINES) lines.shift()
      onLine?.(line)
    })
  }
  child.once('close', () => setImmediate(() => closeSync(file)))
  return lines
}
