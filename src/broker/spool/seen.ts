import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { PartitionCounts } from './placing.ts'

const Seen = z.record(z.string(), z.int().positive())

/**
 * How many partitions the far side's topics had when it was last reached from this data folder: `<dir>/topics.json`. A
 * guess that saves work, so it is neither synced nor missed: empty where there is none.
 */
export function readSeenCounts(dir: string): PartitionCounts {
  try {
    return new Map(Object.entries(Seen.parse(JSON.parse(readFileSync(seenFile(dir), 'utf8')))))
  } catch {
    return new Map()
  }
}

export function writeSeenCounts(dir: string, counts: PartitionCounts): void {
  const text = JSON.stringify(Object.fromEntries(counts))
  try {
    mkdirSync(dir, { recursive: true })
    writeFileSync(`${seenFile(dir)}.${process.pid}`, text)
    renameSync(`${seenFile(dir)}.${process.pid}`, seenFile(dir))
  } catch {
    // A full disk is met, and told, by what needs it.
  }
}

function seenFile(dir: string): string {
  return join(dir, 'topics.json')
}
