import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** How many seconds `work` took. */
export async function timed(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now()
  await work()
  return (performance.now() - startMs) / 1_000
}

/** Work in a folder of its own below `below`, which is gone afterwards. */
export async function inFolder<T>(below: string, work: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(below, 'tidebook-bench-'))
  try {
    return await work(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
