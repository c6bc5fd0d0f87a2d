import { createRequire } from 'node:module'
import { type BenchRow, holds, interleaved } from './row.ts'
import { BOOKS, bookMegabytes, LEVELS_A_SIDE } from './venues/book-memory.ts'
import { type Contender, ourBook, ours, TOP_LEVELS, tardis, tardisBook } from './venues/contenders.ts'
import { depthFrames } from './venues/depth-frames.ts'
import { ingestRows } from './venues/ingest.ts'

/**
 * From the raw frames of Binance to a book in step whose top is read after every event, and the book alone, beside the mapper
 * and the book of tardis-dev on the same frames in the same process. Then all of it: five venues at once, from sockets to the log.
 */
export async function run(): Promise<BenchRow[]> {
  const made = depthFrames()
  const seconds = await warm({
    tardis: () => secondsOf(() => tardis(made)),
    objects: () => secondsOf(() => ours(made, 'objects')),
    text: () => secondsOf(() => ours(made, 'text')),
  })
  const books = { tardis: tardisBook(made), ours: ourBook(made) }
  const alone = await warm({
    tardis: () => secondsOf(books.tardis),
    ours: () => secondsOf(books.ours),
  })
  agree([tardis(made), ours(made, 'objects'), ours(made, 'text'), books.tardis(), books.ours()])
  const { length } = made.frames
  const top = `${made.name} frames, top ${TOP_LEVELS} after each`
  return [
    row(`${top}, as objects`, 'events/s', length, seconds.objects, seconds.tardis, '>= 4'),
    row(`${top}, as published text`, 'events/s', length, seconds.text, seconds.tardis, '>= 3'),
    row(`the book alone, ${made.name} changes`, 'changes/s', made.changes, alone.ours, alone.tardis, '>= 4'),
    memoryRow(),
    ...(await ingestRows()),
  ]
}

const WARM_ROUNDS = 5
const ROUNDS = 25
/** A round of every contender takes as long, so that the machine's other work falls on all alike. */
const ROUND_MS = 40

const { version } = createRequire(import.meta.url)('tardis-dev/package.json') as { version: string }

/** Compiled code against compiled code: the first rounds of each do not count. */
async function warm<Name extends string>(
  contenders: Record<Name, () => number>,
): Promise<Record<Name, number>> {
  await interleaved(contenders, WARM_ROUNDS)
  return interleaved(contenders, ROUNDS)
}

/** Seconds of one pass over all frames, without what it takes to set a book to its snapshot. */
function secondsOf(open: () => Contender): number {
  let tookMs = 0
  let passes = 0
  for (; tookMs < ROUND_MS; passes++) {
    const contender = open()
    const startMs = performance.now()
    if (contender.run() === 0) throw new Error('nothing was read')
    tookMs += performance.now() - startMs
  }
  return tookMs / passes / 1_000
}

/** Figures of contenders that did not do the same would say nothing. */
function agree(contenders: readonly Contender[]): void {
  const tops = contenders.map((contender) => {
    contender.run()
    return JSON.stringify(contender.top())
  })
  if (new Set(tops).size !== 1) throw new Error(`the books differ: ${tops.join('\n')}`)
}

function row(
  name: string,
  unit: string,
  count: number,
  ourSeconds: number,
  otherSeconds: number,
  bound: string,
): BenchRow {
  const ratio = otherSeconds / ourSeconds
  const reference = `tardis-dev ${version}: ${Math.round(count / otherSeconds)} ${unit}`
  return { name, value: count / ourSeconds, unit, reference, ratio, bound, holds: holds(ratio, bound) }
}

function memoryRow(): BenchRow {
  const name = `${BOOKS} books of ${LEVELS_A_SIDE} levels a side`
  const value = bookMegabytes()
  const bareMegabytes = (BOOKS * LEVELS_A_SIDE * 4 * Float64Array.BYTES_PER_ELEMENT) / 1e6
  const ratio = value / bareMegabytes
  const reference = `their numbers alone: ${bareMegabytes} MB`
  return { name, value, unit: 'MB', reference, ratio, bound: '<= 1.3', holds: holds(ratio, '<= 1.3') }
}
