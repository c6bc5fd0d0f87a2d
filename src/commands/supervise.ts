import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import type { Environment } from '../config.ts'
import { humanLine, PART_WIDTH } from './logging.ts'

/** One verb of ours that runs beside others, as a process of its own. */
export type Part = { readonly name: string; readonly args: readonly string[] }

export type PartOptions = {
  readonly env: Environment
  /** Log lines of parts are shown for people, or passed on as they are for programs. */
  readonly human: boolean
  readonly color: boolean
  readonly say: (line: string) => void
  /** The command line that knows the parts' names, ours unless told otherwise. */
  readonly bin?: string
}

export type SuperviseOptions = PartOptions & {
  readonly log: Logger
  readonly stop: AbortSignal
  /** Resolves when others have ended whose writing the last part reads as well. */
  readonly others?: Promise<unknown>
}

/** A part that has not drained by then is killed: before our own watchdog would leave it to itself. */
const KILL_AFTER_MS = 9_000
/** The last part is told to stop when those before it have ended, or are this late. */
const OTHERS_MS_MAX = 3_000
/** What the others wrote last is with the last part by then: it is woken within 20 ms and commits within 100. */
const HAND_OVER_MS = 300

/** The command line beside this file: `tidebook.js` where we are compiled. */
const BIN = fileURLToPath(new URL(`./tidebook${extname(import.meta.url)}`, import.meta.url))

/**
 * Runs the parts until they end or `stop` is aborted, and answers the names of those that gave up; never rejects. A part
 * that gives up stays down and is said; the rest goes on. The last part reads what the others write: it stops after them.
 */
export async function supervise(parts: readonly Part[], options: SuperviseOptions): Promise<string[]> {
  const children = parts.map((part) => startPart(part, options))
  const ends = parts.map((part, i) => endOf(part, children[i]!, options))
  const before = [...ends.slice(0, -1), ...(options.others === undefined ? [] : [options.others])]
  const stopAll = () => stopInOrder(children, ends, before)
  if (options.stop.aborted) stopAll()
  else options.stop.addEventListener('abort', stopAll, { once: true })
  const gaveUp = (await Promise.all(ends)).flat()
  options.stop.removeEventListener('abort', stopAll)
  return gaveUp
}

/**
 * Starts a part and tells its lines. It holds a channel to this process: should we be killed, however hard, it notices and
 * stops in order. It is a process group of its own, so that one Ctrl-C reaches it once, through us.
 */
export function startPart(part: Part, options: PartOptions): ChildProcess {
  const child = spawn(process.execPath, [options.bin ?? BIN, part.name, ...part.args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
    env: options.env,
  })
  tellLines(part, child, options)
  return child
}

async function stopInOrder(
  children: readonly ChildProcess[],
  ends: readonly Promise<unknown>[],
  before: readonly Promise<unknown>[],
): Promise<void> {
  const killer = setTimeout(() => {
    for (const child of children) child.kill('SIGKILL')
  }, KILL_AFTER_MS)
  Promise.all(ends).then(() => clearTimeout(killer))
  for (const child of children.slice(0, -1)) child.kill('SIGTERM')
  if (before.length > 0) {
    await Promise.race([Promise.all(before), delay(OTHERS_MS_MAX, undefined, { ref: false })])
    await delay(HAND_OVER_MS)
  }
  children.at(-1)?.kill('SIGTERM')
}

/** Resolves with the part's name where it gave up, else with nothing. */
async function endOf(part: Part, child: ChildProcess, about: SuperviseOptions): Promise<string[]> {
  const [code, signal] = (await once(child, 'close').catch((error: Error) => [error.message, null])) as [
    number | string | null,
    NodeJS.Signals | null,
  ]
  // Our SIGTERM, come before the part had set its own handler, is an end in order too.
  if (code === 0 || (about.stop.aborted && signal === 'SIGTERM')) return []
  about.log.error(`${part.name} gave up (${signal ?? `exit ${code}`}) and stays down; the rest goes on`)
  return [part.name]
}

/** Logs of a part say themselves whose they are; any other line gets the part's name in front. */
function tellLines(part: Part, child: ChildProcess, { human, color, say }: PartOptions): void {
  const { stdout, stderr } = child as { stdout: Readable; stderr: Readable }
  for (const input of [stdout, stderr]) {
    createInterface({ input }).on('line', (line) => {
      if (!line.startsWith('{"level":')) say(`${part.name.padEnd(PART_WIDTH)} | ${line}`)
      else say(human ? humanLine(line, color) : line)
    })
  }
}
