import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Database as Connection } from 'better-sqlite3'
import { isBusy } from './errors.ts'

/**
 * What SQLite passed over at the end of a -wal: a write that was never finished, or was torn by whatever ended the machine.
 * It was acknowledged to nobody unless the disk lost what it had promised; either way people are told how much it was.
 */
export type PassedOver = {
  readonly bytes: number
  /** No other process had the log open: it is what a crash left. Otherwise it may have been told before, by another opener. */
  readonly isOurFind: boolean
}

// https://www.sqlite.org/fileformat2.html#the_write_ahead_log
//
//   32 bytes: magic, version, page size, checkpoints, two salts (16..24), checksum of the 24 before it
//   frames:   page number, pages after a commit, the two salts (8..16), checksum so far (24 bytes); then the page
//
// A -wal is written again from its beginning, with new salts; frames of other salts are remains of older generations.

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
/** Each generation counts its first salt up by one: so far behind, a frame's salt is remains and no damage. */
const GENERATIONS_MAX = 1_000_000
/** The lowest bit says whether checksums are taken of big-endian words. */
const MAGIC = 0x377f0682

/**
 * The bytes of the present generation behind the last commit that SQLite accepts; 0 where there are none, and where another
 * process is writing just now: its commit is no torn one. Reads only, and leaves the log as it is.
 */
export function bytesPassedOver(db: Connection, path: string): number {
  const framesBefore = acceptedFrames(db)
  const bytes = whileNobodyWrites(db, () =>
    tailBytes(`${path}-wal`, framesBefore, db.pragma('page_size', { simple: true }) as number),
  )
  return acceptedFrames(db) === framesBefore ? bytes : 0
}

/** Frames up to the last commit, by SQLite's own recovery, which checked every one of them. NOOP came with SQLite 3.51. */
function acceptedFrames(db: Connection): number {
  const [answer] = db.pragma('wal_checkpoint(NOOP)') as { log: number }[]
  return Math.max(0, answer?.log ?? 0)
}

/** Holding the write lock, we know that no frame is under way. */
function whileNobodyWrites(db: Connection, look: () => number): number {
  try {
    return db.transaction(look).immediate()
  } catch (error) {
    if (isBusy(error)) return 0
    throw error
  }
}

function tailBytes(walPath: string, accepted: number, pageBytes: number): number {
  const wal = openSync(walPath, 'r')
  try {
    const { size } = fstatSync(wal)
    const header = readAt(wal, 0, HEADER_BYTES)
    if (size <= HEADER_BYTES) return 0
    // Without its header no frame counts, so all of them were passed over.
    if (!isValidHeader(header)) return size
    const frameBytes = FRAME_HEADER_BYTES + pageBytes
    const from = HEADER_BYTES + accepted * frameBytes
    let end = from
    for (let at = from; at < size; at += frameBytes) {
      const salts = readAt(wal, at + 8, 8)
      const isOurs = salts.equals(header.subarray(16, 24))
      // Torn off, garbled, or not yet filled in, as in a commit that is too large for the cache.
      const isDamaged = end === at && !isOfOlderGeneration(salts, header)
      if (isOurs || isDamaged) end = Math.min(at + frameBytes, size)
    }
    return end - from
  } finally {
    closeSync(wal)
  }
}

function isOfOlderGeneration(salts: Buffer, header: Buffer): boolean {
  if (salts.length < 4) return false
  const generationsAgo = (header.readUInt32BE(16) - salts.readUInt32BE(0)) >>> 0
  return generationsAgo >= 1 && generationsAgo <= GENERATIONS_MAX
}

function readAt(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  return bytes.subarray(0, readSync(file, bytes, 0, length, at))
}

function isValidHeader(header: Buffer): boolean {
  const magic = header.readUInt32BE(0)
  if ((magic & ~1) >>> 0 !== MAGIC) return false
  const word = (at: number) => ((magic & 1) === 1 ? header.readUInt32BE(at) : header.readUInt32LE(at))
  let [sum, sumOfSums] = [0, 0]
  for (let at = 0; at < 24; at += 8) {
    sum = (sum + word(at) + sumOfSums) >>> 0
    sumOfSums = (sumOfSums + word(at + 4) + sum) >>> 0
  }
  return sum === header.readUInt32BE(24) && sumOfSums === header.readUInt32BE(28)
}
