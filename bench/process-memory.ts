import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const RECORDS = 200_000
const LOOK_MS = 50
const WAIT_MS_MAX = 60_000
const BIN = fileURLToPath(new URL('../src/commands/tidebook.js', import.meta.url))

/** The most memory `tidebook process` ever has while it reads 200,000 books of `products` products. */
export async function peakMegabytes(products: number): Promise<number> {
  const { fill, openBenchBroker } = await import('./process.ts')
  const dir = mkdtempSync(join(tmpdir(), 'tidebook-bench-'))
  await fill(dir, products, RECORDS)
  const child = spawn(process.execPath, [BIN, 'process'], {
    env: { ...process.env, DATA_DIR: dir, LOG_LEVEL: 'warn' },
    stdio: 'ignore',
  })
  const broker = await openBenchBroker(dir)
  try {
    let kilobytes = 0
    for (let waitedMs = 0; waitedMs < WAIT_MS_MAX; waitedMs += LOOK_MS) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
      kilobytes = Math.max(kilobytes, peakKilobytes(child.pid!))
      const done = (await broker.groups())
        .flatMap(({ offsets }) => offsets)
        .find(({ topic }) => topic === 'books.coinbase')
      if ((done?.offset ?? 0) >= RECORDS) return kilobytes / 1024
    }
    throw new Error(`not through after ${WAIT_MS_MAX} ms`)
  } finally {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await gone
    await broker.close()
    rmSync(dir, { recursive: true })
  }
}

function peakKilobytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
}
