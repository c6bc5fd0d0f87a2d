import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import type { Environment } from '../config.ts'
import { humanLine, PART_WIDTH } from './logging.ts'

/** One verb of ours that runs beside others, as a process of its own. */
export type Part = { readonly name: string; readonly args: readonly string[] }

export type Supervision = {
  /** Settles when every part has ended, with the names of those that gave up. Never rejects. */
  readonly ended: Promise<readonly string[]>
}

/** A part that has not drained by then is killed: before our own watchdog would leave it to itself. */
const KILL_AFTER_MS = 9_000

/** The command line beside this file: `tidebook.js` where we are compiled. */
const BIN = fileURLToPath(new URL(`./tidebook${extname(import.meta.url)}`, import.meta.url))

/**
 * Runs the parts until they end or `stop` is aborted. A part that gives up stays down and is said; the rest goes on. Every
 * part holds a channel to this process: should we be killed, however hard, it notices and stops in order. Parts are
 * processes apart from our terminal, so that one Ctrl-C reaches each of them once, through us.
 */
export function supervise(
  parts: readonly Part[],
  about: {
    env: Environment
    log: Logger
    stop: AbortSignal
    human: boolean
    color: boolean
    bin?: string
    say(line: string): void
  },
): Supervision {
  const running = parts.map((part) => {
    const child = spawn(process.execPath, [about.bin ?? BIN, part.name, ...part.args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
      env: about.env,
    })
    tellLines(part, child, about)
    return endOf(part, child, about)
  })
  return { ended: Promise.all(running).then((gaveUp) => gaveUp.flat()) }
}

/** Resolves with the part's name where it gave up, else with nothing. */
async function endOf(
  part: Part,
  child: ChildProcess,
  about: { log: Logger; stop: AbortSignal },
): Promise<string[]> {
  let killer: NodeJS.Timeout | undefined
  const drain = () => {
    child.kill('SIGTERM')
    killer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
  }
  if (about.stop.aborted) drain()
  else about.stop.addEventListener('abort', drain, { once: true })
  const [code, signal] = (await once(child, 'close').catch((error: Error) => [error.message, null])) as [
    number | string | null,
    NodeJS.Signals | null,
  ]
  clearTimeout(killer)
  about.stop.removeEventListener('abort', drain)
  // Ours, come before the part had set its own handler: an end in order.
  const asked = about.stop.aborted && signal === 'SIGTERM'
  if (code === 0 || asked) {
    about.log.debug(`${part.name} ended`)
    return []
  }
  about.log.error(`${part.name} gave up (${signal ?? `exit ${code}`}) and stays down; the rest goes on`)
  return [part.name]
}

/** Logs of a part say themselves whose they are; any other line gets the part's name in front. */
function tellLines(
  part: Part,
  child: ChildProcess,
  about: { human: boolean; color: boolean; say(line: string): void },
): void {
  const { stdout, stderr } = child as { stdout: Readable; stderr: Readable }
  for (const input of [stdout, stderr]) {
    createInterface({ input }).on('line', (line) => {
      if (!line.startsWith('{"level":')) about.say(`${part.name.padEnd(PART_WIDTH)} | ${line}`)
      else about.say(about.human ? humanLine(line, about.color) : line)
    })
  }
}
