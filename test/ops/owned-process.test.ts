import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type OwnedProcess, startOwned } from '../../ops/owned-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidebook-owned-'))
const logFile = join(folder, 'all.log')
afterAll(() => rmSync(folder, { recursive: true }))

describe('a process of ours', () => {
  test('ends with the signal or the code that ended it', async () => {
    expect(await (await shell('exit 3')).ended).toBe('exit 3')
    const sleeping = await shell('sleep 60')
    sleeping.signal('SIGKILL')
    expect(await sleeping.ended).toBe('SIGKILL')
  })

  test('is ended by force where it does not listen, and though it stands still', async () => {
    const deaf = await shellThatSays('ready', 'trap "" TERM; echo ready; sleep 60 & wait; sleep 60')
    await deaf.stop(200)
    expect(await deaf.ended).toBe('SIGKILL')
    const still = await shellThatSays('ready', 'trap "exit 0" TERM; echo ready; while :; do sleep 0.05; done')
    still.signal('SIGSTOP')
    await still.stop(60_000)
    expect(await still.ended).toBe('exit 0')
  })

  test('may be told to stop when it has ended already', async () => {
    const ended = await shell('exit 0')
    await ended.ended
    ended.signal('SIGTERM')
    await expect(ended.stop(1)).resolves.toBeUndefined()
  })

  test('leaves what it said, both ways, in its log file; the last of it is at hand', async () => {
    const talking = await shell('seq 1 100; echo trouble >&2')
    await talking.ended
    expect(talking.lastLines()).toContain('trouble')
    expect(talking.lastLines()).not.toMatch(/^1$/m)
    expect(readFileSync(logFile, 'utf8')).toMatch(/^1\n2\n3\n/m)
  })

  test('that does not exist is told', async () => {
    await expect(startOwned('/no/such/program', [], { logFile })).rejects.toThrow('ENOENT')
  })

  test.each(['SIGKILL', 'SIGTERM'] as const)('does not outlive its parent, ended by %s', async (signal) => {
    const parent = parentOf('sleep 60')
    const [pid] = (await once(parent.stdout!, 'data')) as [Buffer]
    parent.kill(signal)
    await gone(Number(pid))
  })
})

function shell(script: string, onLine?: (line: string) => void): Promise<OwnedProcess> {
  return startOwned('sh', ['-c', script], { logFile, ...(onLine && { onLine }) })
}

async function shellThatSays(word: string, script: string): Promise<OwnedProcess> {
  let said: () => void = () => {}
  const heard = new Promise<void>((done) => {
    said = done
  })
  const started = await shell(script, (line) => line === word && said())
  await heard
  return started
}

/** A Node process that owns a shell, and says the shell's pid. */
function parentOf(script: string): ChildProcess {
  const file = join(folder, 'parent.mjs')
  const module = resolve('dist/ops/owned-process.js')
  writeFileSync(
    file,
    `import { startOwned } from ${JSON.stringify(module)}
     const child = await startOwned('sh', ['-c', ${JSON.stringify(script)}], { logFile: ${JSON.stringify(logFile)} })
     console.log(child.pid)`,
  )
  return spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** There is no event for the end of another's child. */
async function gone(pid: number): Promise<void> {
  await expect.poll(() => isAlive(pid), { timeout: 20_000, interval: 20 }).toBe(false)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}
