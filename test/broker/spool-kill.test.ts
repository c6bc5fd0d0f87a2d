import { spawn, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import type { Broker } from '../../src/broker/broker.ts'
import { openLog, readAll, temporaryDir } from './logs.ts'
import { openSpooling } from './spool-rig.ts'

const CHILD = 'test/broker/spool-child.mjs'
const [BEFORE, AFTER] = [60, 40]
/** What the child sends at once. */
const BATCH_RECORDS = 20

const STRACE = spawnSync('strace', ['-V']).status === 0
if (!STRACE) process.stderr.write('strace is not installed: a full disk under the spool is not tested\n')

/** Runs the child until it has said `line` so often, kills it there, and answers how many records it had been promised. */
async function killedAt(dirs: readonly string[], line: string, times: number): Promise<number> {
  const child = spawn(process.execPath, [CHILD, ...dirs, `${BEFORE}`, `${AFTER}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let [acknowledged, seen] = [0, 0]
  for await (const said of createInterface({ input: child.stdout })) {
    if (said.startsWith('acknowledged')) acknowledged = Number(said.split(' ')[1])
    if (said.startsWith(line) && ++seen === times) child.kill('SIGKILL')
  }
  return acknowledged
}

test.each([
  ['while the far side is away', 'acknowledged', 30],
  ['as draining begins', 'sent', 1],
  ['in the middle of draining', 'sent', 12],
  ['further on', 'sent', 31],
  ['when all is drained', 'drained', 1],
])(
  'a producer killed %s loses nothing acknowledged; the next one sends the rest, in order',
  async (_, line, times) => {
    const [dir, farDir] = [temporaryDir(), temporaryDir()]
    const acknowledged = await killedAt([dir, farDir], line, times)
    expect(acknowledged).toBeGreaterThanOrEqual(300)
    const far = await openLog(farDir)
    const { drained, broker } = await openSpooling({ connect: async () => notClosing(far) }, dir)
    await drained()
    await broker.close()

    const numbers = (await readAll(far)).map(({ n }) => n!)
    const twice = repeated(numbers)
    // Whoever reads keeps the last n and drops what is not above it.
    expect([...new Set(numbers)]).toEqual(Array.from({ length: new Set(numbers).size }, (_, i) => i + 1))
    expect(new Set(numbers).size).toBeGreaterThanOrEqual(acknowledged)
    expect(twice).toBeLessThanOrEqual(BATCH_RECORDS)
    expect(readdirSync(join(dir, '0'))).toEqual(['lock'])
  },
  60_000,
)

test.skipIf(!STRACE)(
  'a disk that fills under the spool refuses, and what was acknowledged before is sent when it can be',
  async () => {
    const [dir, farDir] = [temporaryDir(), temporaryDir()]
    const full = [
      'strace',
      '-f',
      '-qq',
      '-e',
      'trace=pwrite64',
      '-e',
      'inject=pwrite64:error=ENOSPC:when=200+',
    ]
    const [command, ...args] = [...full, process.execPath, CHILD, dir, farDir, '500', '0']
    const { stdout } = spawnSync(command!, args, { encoding: 'utf8', maxBuffer: 64e6 })
    const lines = stdout.split('\n')
    const acknowledged = lines.filter((line) => line.startsWith('acknowledged')).length * 10
    expect(acknowledged).toBeGreaterThan(0)
    expect(lines.filter((line) => line.startsWith('refused'))).toEqual(['refused spool-full'])

    const far = await openLog(farDir)
    const { drained } = await openSpooling({ connect: async () => notClosing(far) }, dir)
    await drained()
    expect((await readAll(far)).map(({ n }) => n)).toEqual(
      Array.from({ length: acknowledged }, (_, i) => i + 1),
    )
  },
  60_000,
)

function repeated(numbers: readonly number[]): number {
  return numbers.length - new Set(numbers).size
}

/** The far side stays open for the test to look at. */
function notClosing(far: Broker): Broker {
  return { ...far, close: async () => {} }
}
