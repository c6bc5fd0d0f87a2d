import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { EngineError } from '../../models/engine-error.ts'
import { isoTime } from '../../models/time.ts'
import type { Timers } from '../../models/timers.ts'
import type { CaptureSink } from './capture.ts'
import type { CaptureEntry } from './capture-line.ts'

export const CAPTURE_ENDING = '.ndjson.gz'

/** Lines wait together so long or until they are so many bytes: what a crash can lose, and what is worth packing at once. */
const WAIT_MS = 1_000
const WAIT_BYTES_MAX = 256 * 1024
/** Packs to a fifth at a hundred megabytes a second. */
const GZIP_LEVEL = 1

export type CaptureFileAbout = {
  readonly folder: string
  /** Files are called `<name>-<time>-<part>.ndjson.gz`: in the order of their names they are one story. */
  readonly name: string
  /** What is captured, for people. */
  readonly about: string
  /** A file is followed by the next once it has this size, packed. */
  readonly fileBytesMax: number
  /** When there are more, the oldest of this capture goes. */
  readonly filesMax: number
  readonly timers: Timers
  /** Called once: nothing has been written from here on. */
  readonly onFailure: (error: EngineError) => void
}

export type CaptureFile = CaptureSink & {
  /** Bytes and lines written so far. */
  readonly written: { readonly bytes: number; readonly lines: number }
  /** Writes what waits. Nothing may be written after it. */
  close(): void
}

/**
 * Writes a capture. A file is a row of gzip members, each whole by itself, so that whatever a crash leaves can be read up to
 * its last second. Throws an EngineError `disk-failed` or `disk-full` where not even the first file can be begun.
 */
export function openCaptureFile(about: CaptureFileAbout): CaptureFile {
  const { timers } = about
  const files: string[] = []
  const written = { bytes: 0, lines: 0 }
  const startedMs = timers.nowMs()
  let file = -1
  let fileBytes = 0
  let parts = 0
  let waiting: string[] = []
  let waitingBytes = 0
  let isOver = false
  let unwake: (() => void) | undefined

  function begin(): void {
    parts++
    const path = join(about.folder, `${about.name}-${compactTime(startedMs)}-${part(parts)}${CAPTURE_ENDING}`)
    file = openSync(path, 'ax')
    fileBytes = 0
    files.push(path)
    while (files.length > about.filesMax) rmSync(files.shift()!, { force: true })
    put({ does: 'begin', capture: 1, part: parts, about: about.about })
  }

  function put(entry: CaptureEntry): void {
    const line = `${JSON.stringify({ atMs: timers.nowMs(), ...entry })}\n`
    waiting.push(line)
    waitingBytes += line.length
    written.lines++
  }

  function flush(): void {
    unwake?.()
    unwake = undefined
    const member = gzipSync(waiting.join(''), { level: GZIP_LEVEL })
    waiting = []
    waitingBytes = 0
    for (let at = 0; at < member.length; ) at += writeSync(file, member, at)
    fileBytes += member.length
    written.bytes += member.length
    if (fileBytes < about.fileBytesMax || isOver) return
    closeSync(file)
    begin()
  }

  function attempt(write: () => void): void {
    if (isOver) return
    try {
      write()
    } catch (error) {
      isOver = true
      unwake?.()
      about.onFailure(diskError(error, about.folder))
    }
  }

  try {
    mkdirSync(about.folder, { recursive: true })
    begin()
  } catch (error) {
    throw diskError(error, about.folder)
  }

  return {
    written,
    write: (entry) =>
      attempt(() => {
        put(entry)
        if (waitingBytes >= WAIT_BYTES_MAX) flush()
        else unwake ??= timers.after(WAIT_MS, () => attempt(flush))
      }),
    close: () =>
      attempt(() => {
        isOver = true
        flush()
        closeSync(file)
      }),
  }
}

/** `20261121T040000Z` */
function compactTime(timeMs: number): string {
  return isoTime(timeMs).replace(/\.\d+|[-:]/g, '')
}

function part(number: number): string {
  return String(number).padStart(4, '0')
}

function diskError(error: unknown, folder: string): EngineError {
  const isFull =
    error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
  const message = `${folder} takes no capture: ${error instanceof Error ? error.message : String(error)}`
  return new EngineError(isFull ? 'disk-full' : 'disk-failed', message, {
    cause: error,
    hint: isFull ? 'free some space, or name another folder' : 'see whether the folder can be written to',
  })
}
