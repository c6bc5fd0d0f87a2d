import { closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError } from '../../models/engine-error.ts'
import { type Lock, takeLock } from '../os-lock.ts'
import { brokenPromise } from '../sqlite/errors.ts'
import {
  openSegment,
  recordBytes,
  type Segment,
  type SegmentBatch,
  type SpooledRecord,
  type SpoolFileOptions,
} from './segment.ts'

/**
 * A queue of records on the own disk, oldest first, durable at every acknowledgement. In `dir` each producer has a folder
 * of its own under a lock that the system frees however its process ends:
 *
 *     dir/0/lock          held by the producer whose spool this is
 *     dir/0/00000001/     a segment: an embedded log; goes as a whole when it is drained
 *     dir/0/00000002/     the segment that is written
 *
 * Folders that nobody holds were left by processes that died: whoever comes next takes them over and drains them first.
 */
export type Spool = {
  /** What waits. */
  readonly records: number
  readonly bytes: number
  /** Durable when it resolves, all or nothing. */
  append(records: readonly SpooledRecord[]): Promise<void>
  /** The oldest records, until they are `drained`. Only where there are any. */
  oldest(recordsMax?: number): Promise<SpoolBatch>
  /** They have reached the far side. Once everything has, the disk is given back. */
  drained(batch: SpoolBatch): Promise<void>
  close(): Promise<void>
}

export type SpoolBatch = SegmentBatch & { readonly segment: Segment }

export type SpoolOptions = SpoolFileOptions & {
  readonly dir: string
  readonly limits?: Partial<SpoolFileLimits>
}

export type SpoolFileLimits = {
  /** Drained records are given back to the disk by the segment: so much more than what waits may lie on it. */
  readonly segmentBytesMax: number
  /** What is handed out at once. A far side takes such batches well, and a kill repeats at most one of them. */
  readonly batchRecordsMax: number
  readonly batchBytesMax: number
}

export const SPOOL_FILE_LIMITS: SpoolFileLimits = {
  segmentBytesMax: 64 * 1024 * 1024,
  batchRecordsMax: 1_000,
  batchBytesMax: 512 * 1024,
}

/** Producers that may share a data folder, far more than anybody starts on one machine. */
const FOLDERS_MAX = 1_000
const SEGMENT_DIGITS = 8
const DRAINED = '.drained'

type Folder = { readonly path: string; readonly lock: Lock }
type PlacedSegment = { readonly segment: Segment; readonly folder: Folder }

/** Opens a folder of its own in `dir` and takes over what the dead have left. Rejects with an EngineError. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { dir } = options
  const limits = { ...SPOOL_FILE_LIMITS, ...options.limits }
  const folders = takeFolders(dir, options.nowMs())
  const own = folders[0]!
  const held = new Set(folders)
  const segments: PlacedSegment[] = []
  /** It must not go while records are on their way to it. */
  let appendingTo: Segment | undefined
  /** Bytes written to the newest segment; undefined where none is being written. */
  let written: number | undefined
  let lastNumber = 0

  async function adopt(): Promise<void> {
    for (const folder of folders) {
      for (const name of segmentsIn(folder.path)) {
        if (folder === own) lastNumber = Math.max(lastNumber, Number(name))
        const segment = await openSegment(join(folder.path, name), options)
        segments.push({ segment, folder })
        await segment.rest()
      }
    }
    await removeEmpty()
    for (const folder of folders) releaseIfEmpty(folder)
  }

  async function removeEmpty(): Promise<void> {
    for (;;) {
      const segment = segments[0]?.segment
      if (segment === undefined || segment.records > 0 || segment === appendingTo) return
      await removeOldest()
    }
  }

  async function removeOldest(): Promise<void> {
    const [gone] = segments.splice(0, 1)
    const { segment, folder } = gone!
    if (segments.length === 0) written = undefined
    await segment.rest()
    // Renamed first: what a crash leaves of it must not be taken for a segment.
    renameSync(segment.dir, segment.dir + DRAINED)
    rmSync(segment.dir + DRAINED, { recursive: true, force: true })
    releaseIfEmpty(folder)
  }

  function releaseIfEmpty(folder: Folder): void {
    if (folder === own || segments.some((placed) => placed.folder === folder)) return
    if (held.delete(folder)) folder.lock.release()
  }

  async function writable(): Promise<Segment> {
    const newest = segments.at(-1)?.segment
    if (newest !== undefined && written !== undefined && written < limits.segmentBytesMax) return newest
    const path = join(own.path, String(lastNumber + 1).padStart(SEGMENT_DIGITS, '0'))
    const segment = await openSegment(path, options)
    syncFolder(own.path)
    lastNumber++
    // Only the oldest and the newest are at work; a long outage must not keep hundreds of files open.
    if (segments.length > 1) await newest?.rest()
    segments.push({ segment, folder: own })
    written = 0
    return segment
  }

  async function oldest(recordsMax = limits.batchRecordsMax): Promise<SpoolBatch> {
    const { segment } = segments[0]!
    const count = Math.min(recordsMax, limits.batchRecordsMax)
    return { ...(await segment.read(count, limits.batchBytesMax)), segment }
  }

  async function drained(batch: SpoolBatch): Promise<void> {
    try {
      await batch.segment.drained(batch)
    } catch (error) {
      // A full disk: how far it is drained is known here; a crash would repeat it, and readers drop what came twice.
      if (!(error instanceof EngineError) || error.code !== 'disk-full') throw error
    }
    await removeEmpty()
  }

  const spool: Spool = {
    get records() {
      return segments.reduce((sum, { segment }) => sum + segment.records, 0)
    },
    get bytes() {
      return segments.reduce((sum, { segment }) => sum + segment.bytes, 0)
    },
    async append(records) {
      const segment = await writable()
      appendingTo = segment
      try {
        await segment.append(records)
        written! += records.reduce((sum, record) => sum + recordBytes(record), 0)
      } finally {
        appendingTo = undefined
      }
    },
    oldest,
    drained,
    async close() {
      for (const { segment } of segments) await segment.rest()
      for (const { lock } of held) lock.release()
    },
  }
  try {
    await adopt()
  } catch (error) {
    for (const { lock } of held) lock.release()
    throw error
  }
  return spool
}

/** Every folder that nobody holds, ours first: the lowest of them, or a new one. */
function takeFolders(dir: string, startedAtMs: number): Folder[] {
  const folders: Folder[] = []
  const known = numbersIn(dir)
  for (let k = 0; k < FOLDERS_MAX; k++) {
    if (!known.has(k) && folders.length > 0) continue
    const path = join(dir, String(k))
    const lock = takeLock(join(path, 'lock'), { does: 'ingest', startedAtMs })
    if (!('heldBy' in lock)) folders.push({ path, lock })
  }
  if (folders.length > 0) return folders
  throw new EngineError('lock-held', `all ${FOLDERS_MAX} spools in ${dir} are held by other processes`)
}

function numbersIn(dir: string): Set<number> {
  const names = existsSync(dir) ? readdirSync(dir) : []
  return new Set(names.filter((name) => /^\d{1,3}$/.test(name)).map(Number))
}

/** Names of the segments in a folder, oldest first; what was about to be removed is removed. */
function segmentsIn(path: string): string[] {
  const names = readdirSync(path).sort()
  for (const name of names)
    if (name.endsWith(DRAINED)) rmSync(join(path, name), { recursive: true, force: true })
  return names.filter((name) => /^\d{8}$/.test(name))
}

/** A new folder is durable when the one it stands in is synced. */
function syncFolder(path: string): void {
  try {
    const fd = openSync(path, 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw brokenPromise(error, path)
  }
}
