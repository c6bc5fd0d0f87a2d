import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { type Bell, openBell } from '../../../src/broker/sqlite/bell.ts'
import { temporaryDir } from '../logs.ts'

// Polls happen only when a test moves the clock; what the watch hears comes by itself.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

function bellAt(path: string | undefined, changed: () => boolean): Bell {
  const bell = openBell(path, changed)
  onTestFinished(() => bell.close())
  return bell
}

function heardBy(bell: Bell): { count(): number; next: Promise<void> } {
  let heard = 0
  const next = new Promise<void>((resolve) => {
    bell.listen(() => {
      heard++
      resolve()
    })
  })
  return { count: () => heard, next }
}

test('a ring is heard at once in the same process', () => {
  const bell = bellAt(undefined, () => false)
  const { count } = heardBy(bell)
  bell.ring()
  expect(count()).toBe(1)
})

test('a ring is heard through the file by whoever watches it, without a poll', async () => {
  const path = join(temporaryDir(), 'log.bell')
  const ringer = bellAt(path, () => false)
  const { next } = heardBy(bellAt(path, () => true))
  ringer.ring()
  await next
})

test('what the watch missed is found by the poll', () => {
  let changed = false
  const { count } = heardBy(bellAt(join(temporaryDir(), 'log.bell'), () => changed))
  vi.advanceTimersByTime(1_000)
  expect(count()).toBe(0)
  changed = true
  vi.advanceTimersByTime(250)
  expect(count()).toBe(1)
})

test('where the file cannot be watched any more, polls come fast', async () => {
  const path = join(temporaryDir(), 'log.bell')
  const { count } = heardBy(bellAt(path, () => true))
  const before = count()
  renameSync(path, `${path}.gone`)
  await vi.waitFor(
    () => {
      vi.advanceTimersByTime(10)
      expect(count()).toBeGreaterThan(before)
    },
    { interval: 1, timeout: 200 },
  )
})

test('nobody is woken after leaving', () => {
  const bell = bellAt(join(temporaryDir(), 'log.bell'), () => true)
  let heard = 0
  const leave = bell.listen(() => heard++)
  leave()
  bell.ring()
  vi.advanceTimersByTime(1_000)
  expect(heard).toBe(0)
})
