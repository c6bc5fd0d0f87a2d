import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, describe, expect, test } from 'vitest'
import { supervise } from '../../src/commands/supervise.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidebook-supervise-'))
afterAll(() => rmSync(folder, { recursive: true }))

const SIGNALS = resolve('dist/src/commands/signals.js')
const SUPERVISE = resolve('dist/src/commands/supervise.js')

/** Stands in for the command line: its verbs live as parts do, and die as parts do. */
const parts = script(
  'parts.mjs',
  `import { writeFileSync } from 'node:fs'
   import { stopOnSignals } from '${SIGNALS}'
   const quiet = { debug() {}, error() {} }
   const [verb, word] = process.argv.slice(2)
   if (verb === 'fails') { process.stderr.write('cannot go on\\n'); process.exit(1) }
   if (verb === 'ends') { process.stdout.write('{"level":30,"time":"2026-11-20T14:35:00.000Z","part":"ends","msg":"done"}\\n'); process.exit(0) }
   const stop = stopOnSignals(quiet, () => performance.now())
   const alive = setInterval(() => {}, 1000)
   process.stdout.write('up ' + (word ?? '') + ' ' + (process.env.WORD ?? '') + '\\n')
   stop.addEventListener('abort', () => { clearInterval(alive); if (process.env.GOODBYE) writeFileSync(process.env.GOODBYE, stop.reason); else process.stdout.write('stopping: ' + stop.reason + '\\n'); process.exit(0) })`,
)

describe('supervised parts', () => {
  test('are told apart by their names, log lines stay whole', async () => {
    const { lines, ended } = start(['lives', 'ends'])
    await lines.seen((line) => line.includes('"msg":"done"'))
    await lines.seen((line) => line.startsWith('lives         | up '))
    lines.stop()
    expect(await ended).toEqual([])
  })

  test('get their arguments and their environment', async () => {
    const { lines, ended } = start(['lives'], ['hello'], { WORD: 'world' })
    await lines.seen((line) => line.endsWith('hello world'))
    lines.stop()
    await ended
  })

  test('that give up stay down and are named; the rest goes on until it is stopped', async () => {
    const { lines, ended } = start(['fails', 'lives'])
    await lines.seen((line) => line === 'fails         | cannot go on')
    await lines.seen((line) => line.includes('fails gave up (exit 1) and stays down; the rest goes on'))
    await lines.seen((line) => line.startsWith('lives         | up '))
    lines.stop()
    await lines.seen((line) => line === 'lives         | stopping: SIGTERM')
    expect(await ended).toEqual(['fails'])
  })

  test('stop after those whose records they read: the last one last', async () => {
    const { lines, ended } = start(['lives', 'lives-too', 'reads'])
    for (const name of ['lives', 'lives-too', 'reads'])
      await lines.seen((line) => line.startsWith(`${name} `))
    lines.stop()
    expect(await ended).toEqual([])
    const stops = lines.all.filter((line) => line.includes('stopping')).map((line) => line.split(' ')[0])
    expect(stops).toHaveLength(3)
    expect(stops.at(-1)).toBe('reads')
  })

  test('stop after what others write for them, however that is run', async () => {
    const sources = start(['lives'])
    const { lines, ended } = start(['reads'], [], {}, sources.ended)
    await sources.lines.seen((line) => line.startsWith('lives '))
    await lines.seen((line) => line.startsWith('reads '))
    lines.stop()
    const atOnce = await Promise.race([ended, delay(500, 'still there')])
    sources.lines.stop()
    expect([await sources.ended, await ended, atOnce]).toEqual([[], [], 'still there'])
  })

  test('end with their supervisor, even where that is killed', async () => {
    const goodbye = join(folder, 'goodbye')
    const parent = script(
      'parent.mjs',
      `import { supervise } from '${SUPERVISE}'
       const log = { debug() {}, error() {} }
       supervise([{ name: 'lives', args: [] }], { env: { GOODBYE: '${goodbye}' }, log, stop: new AbortController().signal,
         human: false, color: false, bin: '${parts}', say: (line) => process.stdout.write(line + '\\n') })`,
    )
    const child = spawn(process.execPath, [parent], { stdio: ['ignore', 'pipe', 'inherit'] })
    await firstLine(child)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await expect
      .poll(() => existsSync(goodbye) && readFileSync(goodbye, 'utf8'), { timeout: 10_000 })
      .toBe('the parent process is gone')
  })
})

describe('signals', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s stops in order', async (signal) => {
    const child = spawn(process.execPath, [parts, 'lives'], { stdio: ['ignore', 'pipe', 'inherit'] })
    await firstLine(child)
    child.kill(signal)
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  const stuck = script(
    'stuck.mjs',
    `import { stopOnSignals } from '${SIGNALS}'
     let ms = 0
     const stop = stopOnSignals({ debug() {}, error() {} }, () => ms)
     setInterval(() => {}, 1000)
     stop.addEventListener('abort', () => { process.stdout.write('asked\\n'); ms = Number(process.argv[2]) })
     process.on('SIGINT', () => process.stdout.write('heard\\n'))
     process.stdout.write('up\\n')`,
  )

  test('a second one exits at once', async () => {
    const { child, lines } = startStuck('1000')
    await lines.next()
    child.kill('SIGINT')
    await lines.next()
    await lines.next()
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([130, null])
  })

  test('one key press that arrives twice is one signal', async () => {
    const { child, lines } = startStuck('100')
    await lines.next()
    child.kill('SIGINT')
    expect([await lines.next(), await lines.next()].map(({ value }) => value)).toEqual(['asked', 'heard'])
    child.kill('SIGINT')
    expect((await lines.next()).value).toBe('heard')
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    expect(await exited).toEqual([null, 'SIGKILL'])
  })

  function startStuck(laterMs: string) {
    const child = spawn(process.execPath, [stuck, laterMs], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    return { child, lines }
  }
})

function start(
  names: readonly string[],
  args: readonly string[] = [],
  env: Record<string, string> = {},
  others: Promise<unknown> = Promise.resolve(),
) {
  const lines = collector()
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => lines.add(line.trimEnd()) })
  const ended = supervise(
    names.map((name) => ({ name, args })),
    { env, log, stop: lines.signal, others, human: false, color: false, bin: parts, say: lines.add },
  )
  return { lines, ended }
}

/** Lines as they come, and promises of lines to come. */
function collector() {
  const controller = new AbortController()
  const all: string[] = []
  const waiting = new Set<() => void>()
  return {
    all,
    signal: controller.signal,
    stop: () => controller.abort(),
    add: (line: string) => {
      all.push(line)
      for (const look of waiting) look()
    },
    seen: (wanted: (line: string) => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!all.some(wanted)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [line] = (await once(createInterface({ input: child.stdout as Readable }), 'line')) as [string]
  return line
}

function script(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
