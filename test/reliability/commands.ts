import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach } from 'vitest'

/**
 * Real processes: the compiled commands, each in a data folder of the test. Whatever a test leaves running is ended when it
 * is over, however it went.
 */
const BIN = resolve('dist/src/commands/tidebook.js')

export type Ending = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export type Running = {
  readonly pid: number
  readonly ended: Promise<Ending>
  hasEnded(): boolean
  /** Resolves when standard output or error holds it; rejects with what was said where the process ends without. */
  said(text: string): Promise<void>
  signal(name: NodeJS.Signals): void
}

export type StartOptions = {
  readonly env?: Readonly<Record<string, string>>
  /** A command line that runs the one after it: a shell with limits, a tracer. */
  readonly behind?: readonly string[]
}

const running = new Set<Running>()
const folders: string[] = []

afterEach(async () => {
  const left = [...running]
  for (const each of left) each.signal('SIGKILL')
  await Promise.all(left.map(({ ended }) => ended))
})
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'tidebook-real-'))
  folders.push(dir)
  return dir
}

/** Starts `tidebook ...args` on the data in `dir`. It says errors only, unless `env` asks for more. */
export function start(dir: string, args: readonly string[], options: StartOptions = {}): Running {
  const [command, ...rest] = [...(options.behind ?? []), process.execPath, BIN, ...args]
  const env = { PATH: process.env['PATH'], NO_COLOR: '1', LOG_LEVEL: 'error', DATA_DIR: dir, ...options.env }
  // A process group of its own: a tracer that is killed lets go of what it traces, so both must be reached.
  const child = spawn(command!, rest, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const started = follow(child, `${args[0]}`)
  running.add(started)
  started.ended.finally(() => running.delete(started))
  return started
}

/** Runs `tidebook ...args` to its end. */
export function run(dir: string, args: readonly string[], options: StartOptions = {}): Promise<Ending> {
  return start(dir, args, options).ended
}

function follow(child: ChildProcess, name: string): Running {
  const texts = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  let over = false
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]!.setEncoding('utf8').on('data', (text: string) => {
      texts[stream] += text
      for (const listen of [...listeners]) listen()
    })
  }
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      over = true
      resolve({ code, signal, ...texts })
      for (const listen of [...listeners]) listen()
    })
  })

  function said(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const listen = () => {
        const heard = texts.stdout.includes(text) || texts.stderr.includes(text)
        if (!heard && !over) return
        listeners.delete(listen)
        if (heard) resolve()
        else reject(new Error(`${name} ended without saying "${text}":\n${texts.stdout}${texts.stderr}`))
      }
      listeners.add(listen)
      listen()
    })
  }

  function signal(name: NodeJS.Signals): void {
    if (!over) signalGroup(child.pid!, name)
  }

  return { pid: child.pid!, ended, hasEnded: () => over, said, signal }
}

/** Its end may be on the way to us already: then there is nobody to reach. */
function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
