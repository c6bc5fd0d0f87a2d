import { createReadStream, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { EngineError } from '../../models/engine-error.ts'
import { CAPTURE_ENDING } from './capture-file.ts'
import { CaptureLine } from './capture-line.ts'

/** Four times the longest frame that is read of any venue, in case every byte of it needs to be escaped. */
const LINE_BYTES_MAX = 64 * 1024 * 1024
const NEW_LINE = 0x0a

/** The capture files a path stands for: itself, or all in that folder, in the order of their names. */
export function captureFiles(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path]
    const files = readdirSync(path).filter((name) => name.endsWith(CAPTURE_ENDING))
    if (files.length > 0) return files.sort().map((name) => join(path, name))
  } catch (error) {
    throw unreadable(path, error)
  }
  throw new EngineError('usage', `there is no capture in ${path}`, {
    hint: `its files end in ${CAPTURE_ENDING}`,
  })
}

/**
 * The lines of captures, one file after the other. A file may break off anywhere, as a crash leaves it: what is whole is read.
 * Throws an EngineError `usage` where a file cannot be read or is no capture.
 */
export async function* readCapture(files: readonly string[]): AsyncGenerator<CaptureLine> {
  for (const file of files) {
    let number = 0
    for await (const line of linesOf(file)) {
      number++
      yield parsedLine(line, file, number)
    }
  }
}

/** When a capture began, where a made clock has to start to play it, and what its files say it is of. */
export async function captureBeginning(
  files: readonly string[],
): Promise<{ startMs: number; about: string }> {
  for await (const line of readCapture(files)) {
    if (line.does === 'begin') return { startMs: line.atMs, about: line.about }
    break
  }
  throw unreadable(files.join(', '), 'it has no beginning')
}

async function* linesOf(file: string): AsyncGenerator<string> {
  let begun: Buffer[] = []
  let begunBytes = 0
  for await (const chunk of unpacked(file)) {
    let from = 0
    for (let at = chunk.indexOf(NEW_LINE); at !== -1; at = chunk.indexOf(NEW_LINE, from)) {
      yield Buffer.concat([...begun, chunk.subarray(from, at)]).toString('utf8')
      begun = []
      begunBytes = 0
      from = at + 1
    }
    begun.push(chunk.subarray(from))
    begunBytes += chunk.length - from
    if (begunBytes > LINE_BYTES_MAX) throw unreadable(file, `a line of more than ${LINE_BYTES_MAX} bytes`)
  }
}

async function* unpacked(file: string): AsyncGenerator<Buffer> {
  const unzip = createGunzip()
  pipeline(createReadStream(file), unzip, () => {})
  try {
    for await (const chunk of unzip) yield chunk as Buffer
  } catch (error) {
    if (!isBrokenOff(error)) throw unreadable(file, error)
  }
}

function isBrokenOff(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'Z_BUF_ERROR'
}

function parsedLine(line: string, file: string, number: number): CaptureLine {
  try {
    return CaptureLine.parse(JSON.parse(line))
  } catch (error) {
    throw unreadable(`line ${number} of ${file}`, error)
  }
}

function unreadable(what: string, why: unknown): EngineError {
  const said = why instanceof Error ? why.message : String(why)
  return new EngineError('usage', `${what} cannot be read as a capture: ${said}`, {
    cause: why,
    hint: 'captures are what `npm run capture` writes',
  })
}
