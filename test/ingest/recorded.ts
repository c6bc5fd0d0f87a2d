import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, test } from 'vitest'

/**
 * Reads recordings of real venues, which stand outside of the project: in the folder that RECORDINGS_DIR names. Three line
 * formats are known, told apart by the end of the file's name (before `.gz`):
 *
 * | `.hftbacktest`             | `<received, ns> <frame>`; a body that was asked for stands among the frames        |
 * | `.cryptofeed`              | `<received, s>: <frame>`, or `<url> -> <received, s>: <body>`; others are notes    |
 * | `.crypto-msg-parser.jsonl` | `{"test":<what it is>,"raw":<frame>}`                                              |
 */
const folder = process.env.RECORDINGS_DIR ?? ''

/** A group of tests that need recordings. Without RECORDINGS_DIR, or without this file, it says so and is skipped. */
export function describeRecorded(path: string, tests: () => void): void {
  if (folder === '') test.skip(`${path}: RECORDINGS_DIR names no folder of recordings`, () => undefined)
  else if (!existsSync(join(folder, path))) test.skip(`${path} is not in RECORDINGS_DIR`, () => undefined)
  else describe(path, tests)
}

/** A file of the recordings, unzipped; `path` is below RECORDINGS_DIR. */
export function recordedFile(path: string): Buffer {
  const bytes = readFileSync(join(folder, path))
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes
}

export type RecordedFrame = {
  readonly receivedAtMs: number
  /** A frame, or where `url` stands the body that came from there. Bytes of its own, not a part of a larger buffer. */
  readonly bytes: Uint8Array
  readonly url: string | null
}

/** What came in, in its order: every line that holds a frame or a body. Notes of the recorder are left out. */
export function recordedFrames(path: string): RecordedFrame[] {
  return linesOf(path).flatMap((line) => frameOf(line) ?? [])
}

/** What the recorder itself sent on its connection, such as what it subscribed to. */
export function recordedSent(path: string): string[] {
  return linesOf(path).flatMap((line) => /^\S+ <- [\d.]+: (.*)$/.exec(line)?.[1] ?? [])
}

/** Single messages, each with what the collection says that it is: `spot`, `linear_swap`, `option`. */
export function recordedMessages(path: string): { readonly what: string; readonly bytes: Uint8Array }[] {
  return linesOf(path).flatMap((line) => {
    const parts = /^\{"test":"([^"]*)","raw":(.*)\}$/.exec(line)
    return parts === null ? [] : [{ what: parts[1]!, bytes: new TextEncoder().encode(parts[2]) }]
  })
}

function linesOf(path: string): string[] {
  return recordedFile(path).toString('utf8').split('\n')
}

function frameOf(line: string): RecordedFrame | undefined {
  const parts = /^(?:(\d{19}) |(?:(\S+) -> )?(\d+(?:\.\d+)?): )(.*)$/s.exec(line)
  if (parts === null) return undefined
  const [, receivedNs, url, receivedS, text] = parts
  const receivedAtMs =
    receivedNs === undefined ? Math.floor(Number(receivedS) * 1_000) : Number(receivedNs.slice(0, -6))
  return { receivedAtMs, bytes: new TextEncoder().encode(text), url: url ?? null }
}
