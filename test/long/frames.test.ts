import { describe, expect, test } from 'vitest'
import { fuzzReaders, LARGE_BYTES } from '../ingest/fuzz-corpus.ts'
import { fuzz, type Read } from '../ingest/fuzz-run.ts'
import { LONG } from './long.ts'

const FRAMES = 1_000_000
const FRAME_MS_P99 = 1
/** Snapshots and lists, whose reading grows with their bytes. */
const LARGE_MS_A_MB_P95 = 250
const MB = 1_000_000

describe.skipIf(!LONG)(`${FRAMES / MB} million spoiled frames and bodies`, () => {
  /** Frames by venue, then those of all venues that are large. */
  const times = new Map<string, Times>()

  test('break no promise', async () => {
    expect(fuzz(await fuzzReaders(), FRAMES, note)).toEqual([])
    for (const [name, { ms, slowest }] of times) process.stderr.write(`${lineOf(name, ms, slowest)}\n`)
  }, 900_000)

  test(`are each read within ${FRAME_MS_P99} ms, 99 times of 100, on every wire`, () => {
    const slow = [...times].filter(([name, { ms }]) => name !== LARGE && quantile(ms, 0.99) > FRAME_MS_P99)
    expect([times.size, slow.map(([name]) => name)]).toEqual([9, []])
  })

  test(`take ${LARGE_MS_A_MB_P95} ms a megabyte where they are large, 95 times of 100`, () => {
    expect(quantile(times.get(LARGE)!.ms, 0.95)).toBeLessThanOrEqual(LARGE_MS_A_MB_P95)
  })

  /** Of large ones the milliseconds are those of a megabyte. */
  function note(read: Read): void {
    const isLarge = read.bytes.length > LARGE_BYTES
    if (read.reader.reads !== 'frame' && !isLarge) return
    const name = isLarge ? LARGE : read.reader.name
    const ms = isLarge ? (read.ms / read.bytes.length) * MB : read.ms
    const known = times.get(name)
    if (known === undefined) {
      times.set(name, { ms: [ms], slowest: { ...read, ms } })
      return
    }
    known.ms.push(ms)
    if (ms > known.slowest.ms) known.slowest = { ...read, ms }
  }
})

type Times = { readonly ms: number[]; slowest: Read }

const LARGE = 'large, a megabyte'

function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.floor(share * (sorted.length - 1))]!
}

function lineOf(name: string, ms: readonly number[], { number, reader, bytes, by, ms: maxMs }: Read): string {
  const [p50, p99] = [quantile(ms, 0.5), quantile(ms, 0.99)].map((value) => value.toFixed(3))
  const slowest = `${number} ${reader.name}, ${bytes.length} bytes, by ${by.join(', ') || 'nothing'}`
  return `${name}: n ${ms.length}, p50 ${p50} ms, p99 ${p99} ms, max ${maxMs.toFixed(1)} ms (${slowest})`
}
