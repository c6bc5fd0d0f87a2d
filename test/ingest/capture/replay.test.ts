import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { capturing } from '../../../src/ingest/capture/capture.ts'
import { openCaptureFile } from '../../../src/ingest/capture/capture-file.ts'
import type { CaptureEntry } from '../../../src/ingest/capture/capture-line.ts'
import { captureBeginning, captureFiles } from '../../../src/ingest/capture/read-capture.ts'
import { type Played, type Replay, replayTransport } from '../../../src/ingest/capture/replay.ts'
import type { HttpAnswer, Socket, Transport } from '../../../src/ingest/transport.ts'
import { realTransport } from '../../../src/ingest/wire/real-transport.ts'
import { type VirtualTimers, virtualTimers } from '../../../src/models/virtual-timers.ts'
import { connectionRig } from '../connection-rig.ts'
import { openTransportPeer } from '../transport-peer.ts'

const NOON_MS = Date.UTC(2026, 10, 20, 12)

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidebook-replay-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('what a capture of the network holds comes again as it came, at the same times', async () => {
  const peer = await openTransportPeer()
  const clock = virtualTimers(NOON_MS)
  const file = openCapture(clock)
  const told = await drive(capturing(realTransport(), file), clock, peer)
  file.close()
  await peer.close()

  const { startMs } = await captureBeginning(captureFiles(folder))
  const timers = virtualTimers(startMs)
  const replay = replayTransport(captureFiles(folder), timers)
  const again = drive(
    replay,
    timers,
    { socketUrl: 'wss://elsewhere.test', restUrl: 'https://elsewhere.test' },
    replay,
  )
  expect(await again).toEqual(told)
  expect(told.length).toBeGreaterThan(10)
})

test('a whole connection lives again through its capture: its losses, its refusals, its life', async () => {
  const clock = virtualTimers(NOON_MS)
  const file = openCapture(clock)
  const lived = connectionRig({ timers: clock, through: (transport) => capturing(transport, file) })
  for (let s = 1; s <= 60; s++) {
    await lived.until(s * 1_000)
    lived.peer.say(`n ${s}\nbook BTC`)
    if (s === 20) lived.peer.breakOff()
    if (s === 40) lived.peer.say('n 7')
  }
  file.close()
  expect(lived.told.filter((line) => line.includes('lost'))).toHaveLength(2)

  const timers = virtualTimers(NOON_MS)
  const replay = replayTransport(captureFiles(folder), timers)
  const again = connectionRig({ timers, through: () => replay })
  const played = await replay.play()
  expect(again.told).toEqual(lived.told)
  expect(again.frames).toEqual(lived.frames)
  expect(played).toMatchObject({ unheard: 0 })
})

describe('a replay', () => {
  test('gives whoever comes late what has come by then at once, and what comes later in its time', async () => {
    const { replay, timers } = await written([
      [0, { does: 'open', socket: 1, url: 'ws://venue.test/ws?token=1' }],
      [10, { does: 'opened', socket: 1 }],
      [20, { does: 'frame', socket: 1, text: 'one' }],
      [5_000, { does: 'frame', socket: 1, base64: '//4=' }],
      [6_000, { does: 'close', socket: 1, message: 'bye', status: 503, retryAfterMs: 1_000 }],
    ])
    const heard: string[] = []
    timers.after(3_000, () => listen(replay, 'wss://other.test/ws?token=2', timers, heard))
    await replay.play()
    expect(heard).toEqual(['3000 open', '3000 frame 6f6e65', '5000 frame fffe', '6000 close bye 503 1000'])
  })

  test('answers each socket by the next captured one of its path', async () => {
    const { replay, timers } = await written([
      [0, { does: 'open', socket: 1, url: 'ws://venue.test/a' }],
      [0, { does: 'open', socket: 2, url: 'ws://venue.test/b' }],
      [0, { does: 'open', socket: 3, url: 'ws://venue.test/a' }],
      ...[1, 2, 3].map((socket): Written => [10, { does: 'opened', socket }]),
      ...[1, 2, 3].map((socket): Written => [20, { does: 'frame', socket, text: String(socket) }]),
    ])
    const heard: Record<string, string[]> = { b: [], first: [], second: [] }
    listen(replay, 'ws://venue.test/b', timers, heard['b']!)
    listen(replay, 'ws://venue.test/a', timers, heard['first']!)
    listen(replay, 'ws://venue.test/a', timers, heard['second']!)
    await replay.play()
    expect(heard).toEqual({
      b: ['10 open', '20 frame 32'],
      first: ['10 open', '20 frame 31'],
      second: ['10 open', '20 frame 33'],
    })
  })

  test('keeps open what we closed then, until there is another of its path', async () => {
    const { replay, timers } = await written([
      [0, { does: 'open', socket: 1, url: 'ws://venue.test/ws' }],
      [10, { does: 'opened', socket: 1 }],
      [1_000, { does: 'cut', socket: 1 }],
      [5_000, { does: 'open', socket: 2, url: 'ws://venue.test/ws' }],
      [5_010, { does: 'opened', socket: 2 }],
      [6_000, { does: 'cut', socket: 2 }],
      [9_000, { does: 'opened', socket: 3 }],
    ])
    const heard: string[] = []
    listen(replay, 'ws://venue.test/ws', timers, heard)
    timers.after(5_001, () => listen(replay, 'ws://venue.test/ws', timers, heard))
    await replay.play()
    expect(heard).toEqual(['10 open', '5000 close the capture goes on with another connection', '5010 open'])
  })

  test('fails what was not captured, when its time is over', async () => {
    const { replay, timers } = await written([[10_000, { does: 'opened', socket: 9 }]])
    const heard: string[] = []
    listen(replay, 'ws://venue.test/ws', timers, heard)
    const answer = ask(replay, 'http://venue.test/book')
    await replay.play()
    expect(heard).toEqual(['5000 close not in the capture'])
    expect(await answer).toEqual({ kind: 'failed', message: 'not in the capture' })
  })

  test('answers requests by method, path and query, in their time or at once', async () => {
    const { replay } = await written([
      [0, { does: 'ask', request: 1, method: 'GET', url: 'http://venue.test/book?of=A' }],
      [0, { does: 'ask', request: 2, method: 'GET', url: 'http://venue.test/book?of=B' }],
      [100, { does: 'refused', request: 2, status: 429, message: 'later', retryAfterMs: 50 }],
      [200, { does: 'body', request: 1, text: 'book of A' }],
    ])
    const [a, b] = ['A', 'B'].map((name) => ask(replay, `https://other.test/book?of=${name}`))
    await replay.play()
    expect(await a).toEqual({ kind: 'body', bytes: Buffer.from('book of A') })
    expect(await b).toEqual({ kind: 'refused', status: 429, message: 'later', retryAfterMs: 50 })
  })

  test('does not give anybody an answer that is old', async () => {
    const { replay, timers } = await written([
      [0, { does: 'ask', request: 1, method: 'GET', url: 'http://venue.test/book' }],
      [100, { does: 'body', request: 1, text: 'old' }],
      [60_000, { does: 'ask', request: 2, method: 'GET', url: 'http://venue.test/book' }],
      [60_100, { does: 'body', request: 2, text: 'new' }],
    ])
    let answer: Promise<HttpAnswer> | undefined
    timers.after(58_000, () => {
      answer = ask(replay, 'http://venue.test/book')
    })
    await replay.play()
    expect(await answer).toEqual({ kind: 'body', bytes: Buffer.from('new') })
  })

  test('counts what nobody was there for', async () => {
    const { replay, timers } = await written([
      [0, { does: 'open', socket: 1, url: 'ws://venue.test/ws' }],
      [0, { does: 'opened', socket: 1 }],
      [1_000, { does: 'frame', socket: 1, text: 'one' }],
      [20_000, { does: 'frame', socket: 1, text: 'two' }],
      [30_000, { does: 'frame', socket: 1, text: 'three' }],
      [30_000, { does: 'frame', socket: 7, text: 'of a file that is gone' }],
    ])
    const heard: string[] = []
    timers.after(25_000, () => listen(replay, 'ws://venue.test/ws', timers, heard))
    expect(await replay.play()).toEqual({ lines: 7, frames: 4, unheard: 4 } satisfies Played)
    expect(heard).toEqual(['30000 close not in the capture'])
  })

  test('stops when it is told to', async () => {
    const { replay, timers } = await written([
      [0, { does: 'open', socket: 1, url: 'ws://venue.test/ws' }],
      [1_000, { does: 'opened', socket: 1 }],
      [2_000, { does: 'frame', socket: 1, text: 'one' }],
    ])
    const stopping = new AbortController()
    timers.after(1_500, () => stopping.abort())
    const heard: string[] = []
    listen(replay, 'ws://venue.test/ws', timers, heard)
    await replay.play({ stop: stopping.signal })
    expect(heard.filter((line) => line.includes('frame'))).toHaveLength(1)
    const { replay: other } = await written([[0, { does: 'opened', socket: 1 }]])
    expect(await other.play({ stop: AbortSignal.abort() })).toMatchObject({ lines: 0 })
  })

  test('takes its time where it is told how fast to go', async () => {
    const { replay, timers } = await written([
      [0, { does: 'opened', socket: 1 }],
      [60_000, { does: 'opened', socket: 2 }],
      [90_000, { does: 'opened', socket: 3 }],
    ])
    const real = virtualTimers(0)
    const playing = replay.play({ speed: { factor: 10, timers: real } })
    const seenMs: number[] = []
    for (const ms of [60_000, 90_000]) timers.after(ms, () => seenMs.push(real.monotonicMs()))
    let isOver = false
    void playing.then(() => {
      isOver = true
    })
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve))
      await real.step()
    }
    expect(seenMs).toEqual([6_000, 9_000])
  })
})

type Written = [ms: number, entry: CaptureEntry]

/** A capture of these lines, `ms` after noon, and what plays it. */
async function written(lines: readonly Written[]): Promise<{ replay: Replay; timers: VirtualTimers }> {
  const clock = virtualTimers(NOON_MS)
  const file = openCapture(clock)
  for (const [ms, entry] of lines) {
    await clock.advanceTo(NOON_MS + ms)
    file.write(entry)
  }
  file.close()
  const timers = virtualTimers(NOON_MS)
  return { replay: replayTransport(captureFiles(folder).slice(-1), timers), timers }
}

function openCapture(timers: VirtualTimers) {
  return openCaptureFile({
    folder,
    name: `test-${captures++}`,
    about: 'of a test',
    fileBytesMax: 1_000_000,
    filesMax: 10,
    timers,
    onFailure: (error) => {
      throw error
    },
  })
}
let captures = 0

/** Everything a transport may bring, one thing after the other, half a second apart, with the times it came at. */
async function drive(
  transport: Transport,
  timers: VirtualTimers,
  { socketUrl, restUrl }: { socketUrl: string; restUrl: string },
  replay?: Replay,
): Promise<string[]> {
  const told: string[] = []
  const playing = replay?.play()
  const paths = ['/frames', '/not-utf8', '/bye', '/broken', '/refused']
  for (const [at, path] of paths.entries()) {
    if (replay === undefined) await timers.advanceTo(NOON_MS + at * 500)
    const ended = new Promise<void>((resolve) => {
      const heard: string[] = []
      const socket = listen(transport, socketUrl + path, timers, heard, (line) => {
        told.push(`${path} ${line}`)
        if (line.includes('close')) resolve()
        else if (heard.length === (path === '/frames' ? 4 : 2)) setImmediate(() => socket.close())
      })
    })
    await ended
  }
  for (const path of ['/body', '/status/429', '/status/503']) {
    const answer = await ask(transport, restUrl + path)
    const body = answer.kind === 'body' ? { bytes: Buffer.from(answer.bytes).toString() } : {}
    told.push(`${path} ${JSON.stringify({ ...answer, ...body })}`)
  }
  await playing
  return told
}

function listen(
  transport: Transport,
  url: string,
  timers: VirtualTimers,
  heard: string[],
  onLine: (line: string) => void = () => {},
): Socket {
  const hear = (what: string) => {
    const line = `${timers.nowMs() - NOON_MS} ${what}`
    heard.push(line)
    onLine(line)
  }
  return transport.open(
    url,
    { frameBytesMax: 10_000, openMsMax: 5_000 },
    {
      onOpen: () => hear('open'),
      onFrame: (frame) => hear(`frame ${Buffer.from(frame).toString('hex')}`),
      onClose: ({ message, status, retryAfterMs }) =>
        hear(['close', message, status, retryAfterMs].filter((one) => one !== undefined).join(' ')),
    },
  )
}

function ask(transport: Transport, url: string): Promise<HttpAnswer> {
  const limits = { timeoutMs: 5_000, bodyBytesMax: 10_000, stop: new AbortController().signal }
  return transport.request({ method: 'GET', url, weight: 1 }, limits)
}
