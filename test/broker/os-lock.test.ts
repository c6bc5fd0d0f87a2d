import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Lock, takeLock } from '../../src/broker/os-lock.ts'
import { temporaryDir } from './logs.ts'

const about = { does: 'insights', startedAtMs: 1_700_000_000_000 }

test('a lock is taken once, and free again after release', () => {
  const path = join(temporaryDir(), 'process.lock')
  const first = takeLock(path, about) as Lock
  expect(takeLock(path, about)).toEqual({ heldBy: { pid: process.pid, ...about } })
  first.release()
  const second = takeLock(path, about)
  expect(second).not.toHaveProperty('heldBy')
  ;(second as Lock).release()
})

test('being refused does not free the lock of the one who has it', () => {
  const path = join(temporaryDir(), 'process.lock')
  const first = takeLock(path, about) as Lock
  for (let i = 0; i < 3; i++) expect(takeLock(path, about)).toHaveProperty('heldBy')
  first.release()
})

test('another process says who it is and what it does, and kill -9 frees its lock', async () => {
  const path = join(temporaryDir(), 'process.lock')
  const holder = spawn(process.execPath, ['test/broker/lock-child.mjs', path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void holder.kill('SIGKILL'))
  const [said] = await once(holder.stdout, 'data')
  expect(String(said)).toBe('taken\n')
  expect(takeLock(path, about)).toEqual({
    heldBy: { pid: holder.pid, does: 'process', startedAtMs: 1_700_000_000_000 },
  })

  holder.kill('SIGKILL')
  await once(holder, 'exit')
  const taken = takeLock(path, about)
  expect(taken).not.toHaveProperty('heldBy')
  ;(taken as Lock).release()
})

test('where a lock cannot be made, the disk is named, not a holder', () => {
  const file = join(temporaryDir(), 'a file')
  writeFileSync(file, '')
  expect(() => takeLock(join(file, 'process.lock'), about)).toThrow(
    expect.objectContaining({ code: 'disk-failed' }),
  )
})
