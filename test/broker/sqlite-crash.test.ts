import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { openLog, readAll, record, temporaryDir } from './logs.ts'

const CHILD = 'test/broker/publish-child.mjs'
const STRACE = spawnSync('strace', ['-V']).status === 0
if (!STRACE) process.stderr.write('strace is not installed: crashes at chosen system calls are not tested\n')

type Ending = { readonly acknowledged: number; readonly refusals: readonly string[]; readonly traced: number }

/** Runs the publishing child behind a wrapper (strace, a shell with limits) and says what it had been promised. */
function publishBehind(wrapper: readonly string[], dir: string, records: number, perCall: number): Ending {
  const [command, ...args] = [...wrapper, process.execPath, CHILD, dir, 'run-1', `${records}`, `${perCall}`]
  const { stdout, stderr } = spawnSync(command!, args, { encoding: 'utf8', maxBuffer: 64e6 })
  const lines = stdout.split('\n')
  const acknowledged = Number(lines.findLast((line) => line.startsWith('acknowledged'))?.split(' ')[1] ?? 0)
  return {
    acknowledged,
    refusals: lines.filter((line) => line.startsWith('refused')).map((line) => line.split(' ')[1]!),
    traced: stderr.split('\n').filter((line) => /\b(pwrite64|fsync|fdatasync)\(/.test(line)).length,
  }
}

/** The log holds whole calls only, dense and undamaged, at least all that was acknowledged; and it goes on from there. */
async function expectKept(dir: string, acknowledged: number, perCall: number): Promise<void> {
  const broker = await openLog(dir)
  const kept = await readAll(broker)
  expect(kept.map(({ n }) => n)).toEqual(kept.map((_, i) => i + 1))
  expect(kept.every(({ corrupt, n, value }) => !corrupt && value!.startsWith(`run-1-${n} `))).toBe(true)
  expect(kept.length).toBeGreaterThanOrEqual(acknowledged)
  expect(kept.length % perCall).toBe(0)
  await broker.publish([record(kept.length + 1)])
  expect(await readAll(broker)).toHaveLength(kept.length + 1)
  await broker.close()
  const db = new Database(join(dir, 'log.db'), { readonly: true })
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  db.close()
}

const strace = (inject: string) => [
  'strace',
  '-f',
  '-qq',
  '-e',
  'trace=pwrite64,fsync,fdatasync',
  '-e',
  `inject=${inject}`,
]

describe.skipIf(!STRACE)('a process killed at a system call of its own', () => {
  const RECORDS = 60
  const PER_CALL = 3

  test('loses nothing acknowledged and leaves no half of a call, at whichever write or sync', async () => {
    const whole = publishBehind(strace('fsync:signal=KILL:when=60000'), temporaryDir(), RECORDS, PER_CALL)
    expect(whole.acknowledged).toBe(RECORDS)
    expect(whole.traced).toBeGreaterThan(RECORDS / PER_CALL)
    const POINTS = 20
    for (let point = 0; point < POINTS; point++) {
      const dir = temporaryDir()
      const when = 1 + Math.floor((point * whole.traced) / POINTS)
      const inject = `pwrite64,fsync,fdatasync:signal=KILL:when=${when}`
      const { acknowledged } = publishBehind(strace(inject), dir, RECORDS, PER_CALL)
      await expectKept(dir, acknowledged, PER_CALL)
    }
  }, 120_000)

  test('acknowledges nothing more after an fsync that failed, though later ones would succeed', async () => {
    for (const when of [12, 17]) {
      const dir = temporaryDir()
      const ending = publishBehind(strace(`fsync,fdatasync:error=EIO:when=${when}`), dir, RECORDS, PER_CALL)
      expect(ending.refusals).toEqual(['disk-failed', 'disk-failed', 'disk-failed'])
      expect(ending.acknowledged).toBeLessThan(RECORDS)
      expect(ending.acknowledged).toBeGreaterThan(0)
      await expectKept(dir, ending.acknowledged, PER_CALL)
    }
  }, 60_000)

  test('refuses while the disk has no room', async () => {
    const dir = temporaryDir()
    const ending = publishBehind(strace('pwrite64:error=ENOSPC:when=120+'), dir, RECORDS, PER_CALL)
    expect(ending.refusals).toEqual(['disk-full', 'disk-full', 'disk-full'])
    expect(ending.acknowledged).toBeGreaterThan(0)
    await expectKept(dir, ending.acknowledged, PER_CALL)
  }, 60_000)
})

test('a process killed at any moment loses nothing acknowledged', async () => {
  for (const killAt of [1, 40, 90, 170]) {
    const dir = temporaryDir()
    const child = spawn(process.execPath, [CHILD, dir, 'run-1', '100000', '5'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let acknowledged = 0
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith('acknowledged')) acknowledged = Number(line.split(' ')[1])
      if (acknowledged >= killAt * 5) child.kill('SIGKILL')
    }
    await expectKept(dir, acknowledged, 5)
  }
}, 60_000)

test('a file that may not grow refuses, and what was acknowledged is kept', async () => {
  const dir = temporaryDir()
  const limited = ['sh', '-c', 'ulimit -f 3000; exec "$@"', 'sh'] // 512-byte blocks: 1.5 MB
  const ending = publishBehind(limited, dir, 10_000, 50)
  expect(ending.refusals).toHaveLength(3)
  expect(ending.acknowledged).toBeGreaterThan(0)
  await expectKept(dir, ending.acknowledged, 50)
}, 60_000)

test('two processes that write at once make one dense log, each in its own order', async () => {
  const dir = temporaryDir()
  const [total, perCall] = [1_500, 10]
  const children = ['run-1', 'run-2'].map((run) =>
    spawn(process.execPath, [CHILD, dir, run, `${total}`, `${perCall}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  )
  await Promise.all(children.map((child) => once(child, 'exit')))
  const all = await readAll(await openLog(dir))
  expect(all.map(({ offset }) => offset)).toEqual(all.map((_, i) => i))
  for (const run of ['run-1', 'run-2']) {
    const own = all.filter((each) => each.run === run).map(({ n }) => n)
    expect(own).toEqual(Array.from({ length: total }, (_, i) => i + 1))
  }
}, 60_000)
