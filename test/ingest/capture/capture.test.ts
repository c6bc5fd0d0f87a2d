import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CaptureFile, openCaptureFile } from '../../../src/ingest/capture/capture-file.ts'
import type { CaptureLine } from '../../../src/ingest/capture/capture-line.ts'
import { captureBeginning, captureFiles, readCapture } from '../../../src/ingest/capture/read-capture.ts'
import type { EngineError } from '../../../src/models/engine-error.ts'
import { type VirtualTimers, virtualTimers } from '../../../src/models/virtual-timers.ts'

const NOON_MS = Date.UTC(2026, 10, 20, 12)

let folder: string
let timers: VirtualTimers
let failures: EngineError[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidebook-capture-'))
  timers = virtualTimers(NOON_MS)
  failures = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a capture file', () => {
  test('holds every line with its time, in order, after a line that says what it is', async () => {
    const file = open()
    file.write({ does: 'open', socket: 1, url: 'ws://venue.test/ws' })
    await timers.advanceBy(250)
    file.write({ does: 'frame', socket: 1, text: 'line\u2028separators, "quotes" and ü' })
    file.close()
    expect(await linesOf()).toEqual([
      { atMs: NOON_MS, does: 'begin', capture: 1, part: 1, about: 'of a test' },
      { atMs: NOON_MS, does: 'open', socket: 1, url: 'ws://venue.test/ws' },
      { atMs: NOON_MS + 250, does: 'frame', socket: 1, text: 'line\u2028separators, "quotes" and ü' },
    ])
    expect(readdirSync(folder)).toEqual(['test-20261120T120000Z-0001.ndjson.gz'])
    expect(await captureBeginning(captureFiles(folder))).toEqual({ startMs: NOON_MS, about: 'of a test' })
  })

  test('has what was written a second ago on disk', async () => {
    const file = open()
    file.write({ does: 'opened', socket: 1 })
    expect(file.written.bytes).toBe(0)
    await timers.advanceBy(1_000)
    expect(await linesOf()).toHaveLength(2)
    file.write({ does: 'opened', socket: 2 })
    await timers.advanceBy(1_000)
    expect(await linesOf()).toHaveLength(3)
    file.close()
    expect(timers.waiting).toBe(0)
  })

  test('is followed by the next when it is full, and the oldest goes when there are too many', async () => {
    const file = open({ fileBytesMax: 2_000, filesMax: 3 })
    for (let i = 1; i <= 20; i++) {
      file.write({ does: 'frame', socket: 1, text: noise(i) })
      await timers.advanceBy(1_000)
    }
    file.close()
    const names = readdirSync(folder).sort()
    expect(names).toHaveLength(3)
    expect(names.every((name) => statSync(join(folder, name)).size < 2_000 + 1_100)).toBe(true)
    const lines = await linesOf()
    const kept = lines.flatMap((line) => (line.does === 'frame' ? [line.text] : []))
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => noise(20 - kept.length + i + 1)))
    expect(lines.filter(({ does }) => does === 'begin')).toHaveLength(3)
  })

  test('that breaks off anywhere is read up to there', async () => {
    const file = open()
    for (let i = 1; i <= 5; i++) {
      file.write({ does: 'frame', socket: i, text: noise(i).slice(0, 40) })
      await timers.advanceBy(1_000)
    }
    file.close()
    const [path] = captureFiles(folder)
    const whole = readFileSync(path!)
    const all = await linesOf()
    const counts = new Set<number>()
    for (let length = 0; length <= whole.length; length++) {
      writeFileSync(path!, whole.subarray(0, length))
      const lines = await linesOf()
      expect(lines).toEqual(all.slice(0, lines.length))
      counts.add(lines.length)
    }
    expect([...counts]).toEqual([0, 1, 2, 3, 4, 5, 6])
  })

  test('leaves its lines behind when the process is killed', async () => {
    const child = spawn(process.execPath, ['test/ingest/capture/capture-child.mjs', folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')
    const lines = await linesOf()
    const numbers = lines.flatMap((line) => (line.does === 'frame' ? [Number.parseInt(line.text!, 10)] : []))
    expect(numbers).toEqual(numbers.map((_, i) => i + 1))
    expect(numbers.length).toBeGreaterThan(750)
  })

  test('that cannot be begun says so', () => {
    writeFileSync(join(folder, 'taken'), '')
    expect(() => open({ folder: join(folder, 'taken') })).toThrow(
      expect.objectContaining({ code: 'disk-failed', hint: expect.any(String) }),
    )
  })

  test('that cannot be gone on with says so once, and writes no more', async () => {
    const file = open({ fileBytesMax: 1 })
    rmSync(folder, { recursive: true })
    for (let i = 0; i < 5; i++) {
      file.write({ does: 'opened', socket: 1 })
      await timers.advanceBy(1_000)
    }
    expect(failures.map(({ code }) => code)).toEqual(['disk-failed'])
  })
})

describe('what is no capture', () => {
  test.each([
    ['a file that is not there', undefined],
    ['other bytes', Buffer.from('hello')],
    ['other lines', gzipSync('{"hello":1}\n')],
    ['no JSON', gzipSync('hello\n')],
  ])('%s is said to be none', async (_, bytes) => {
    const path = join(folder, 'other.ndjson.gz')
    if (bytes !== undefined) writeFileSync(path, bytes)
    await expect(all(path)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('other'),
    })
  })

  test('an empty folder is said to hold none', async () => {
    await expect(all(folder)).rejects.toMatchObject({ code: 'usage' })
  })

  test('damage in the middle is found', async () => {
    const file = open()
    for (let i = 1; i <= 5; i++) file.write({ does: 'frame', socket: i, text: noise(i) })
    file.close()
    const [path] = captureFiles(folder)
    const bytes = readFileSync(path!)
    bytes[Math.floor(bytes.length / 2)]! ^= 0x10
    writeFileSync(path!, bytes)
    expect(() => gunzipSync(bytes)).toThrow()
    await expect(linesOf()).rejects.toMatchObject({ code: 'usage' })
  })
})

function open(about: { folder?: string; fileBytesMax?: number; filesMax?: number } = {}): CaptureFile {
  return openCaptureFile({
    folder,
    name: 'test',
    about: 'of a test',
    fileBytesMax: 1_000_000,
    filesMax: 10,
    timers,
    onFailure: (error) => failures.push(error),
    ...about,
  })
}

async function all(path: string): Promise<CaptureLine[]> {
  const lines: CaptureLine[] = []
  for await (const line of readCapture(captureFiles(path))) lines.push(line)
  return lines
}

function linesOf(): Promise<CaptureLine[]> {
  return all(folder)
}

/** A thousand characters that do not pack well, others for every number. */
function noise(number: number): string {
  let state = number
  return Array.from({ length: 1_000 }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return String.fromCharCode(33 + ((state >> 16) % 90))
  }).join('')
}
