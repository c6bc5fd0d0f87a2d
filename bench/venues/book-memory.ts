import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Levels } from '../../src/ingest/levels.ts'
import { OrderBook } from '../../src/ingest/order-book.ts'

export const BOOKS = 2_000
export const LEVELS_A_SIDE = 1_000

/** Megabytes that `BOOKS` books of `LEVELS_A_SIDE` levels a side take, after garbage was collected. */
export function bookMegabytes(): number {
  const levels = new Levels()
  for (let i = 0; i < LEVELS_A_SIDE; i++) {
    levels.add('bid', `${60_000 - i}.5`, '1.25')
    levels.add('ask', `${60_001 + i}.5`, '0.75')
  }
  const before = usedBytes()
  const books = Array.from({ length: BOOKS }, () => {
    const book = new OrderBook()
    book.replace(levels, 0, levels.length, false)
    return book
  })
  const bytes = usedBytes() - before
  if (books.some(({ bidLevels }) => bidLevels !== LEVELS_A_SIDE)) throw new Error('levels are missing')
  return bytes / 1e6
}

function usedBytes(): number {
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
