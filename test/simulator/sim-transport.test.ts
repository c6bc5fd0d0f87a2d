import { describe, expect, test } from 'vitest'
import { realTimers } from '../../src/commands/real-timers.ts'
import type { SocketEnd } from '../../src/ingest/transport.ts'
import type { NoAnswer, SimAnswer } from '../../src/simulator/exchange.ts'
import type { OpenLine, Peer } from '../../src/simulator/line.ts'
import { simTransport, type Venues } from '../../src/simulator/sim-transport.ts'
import { transportSuite } from '../ingest/transport-suite.ts'
import { rig } from './tap.ts'

transportSuite('the simulator in the same process', async () => ({
  transport: simTransport(suitePeer, realTimers({ nowMs: () => 0, monotonicMs: () => performance.now() })),
  socketUrl: 'ws://here',
  restUrl: 'http://here',
  close: async () => {},
}))

const LIMITS = { frameBytesMax: 1_000_000, openMsMax: 1_000 }
const REQUEST = { method: 'GET', weight: 1 } as const

describe('a socket in the same process', () => {
  test('opens, says and hears, each a moment later, and ends once', async () => {
    const { timers, open, heard } = wired()
    const socket = open('ws://here/binance/spot/ws')
    expect(heard.opens).toBe(0)
    await timers.advanceBy(10)
    socket.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
    expect(heard.frames).toEqual([])
    await timers.advanceBy(10)
    expect([heard.opens, heard.frames]).toEqual([1, ['{"result":[],"id":1}']])
    socket.close()
    socket.close()
    expect(heard.ends).toEqual([])
    await timers.advanceBy(10)
    expect(heard.ends).toEqual([{ message: 'closed by us' }])
    socket.send('{}')
    await timers.advanceBy(60_000)
    expect([heard.frames.length, heard.ends.length]).toEqual([1, 1])
  })

  test('keeps the order of what comes', async () => {
    const { timers, open, heard } = wired()
    open('ws://here/binance/spot/ws/btcusdt@depth@100ms')
    await timers.advanceBy(20_000)
    const updates = heard.frames.map((text) => JSON.parse(text) as { U: number; u: number })
    expect(updates).toHaveLength(200)
    expect(updates.slice(1).every(({ U }, index) => U === updates[index]!.u + 1)).toBe(true)
  })

  test('answers pings by itself, and tells of them', async () => {
    const { timers, open, heard } = wired()
    open('ws://here/binance/spot/ws')
    await timers.advanceBy(600_000)
    expect([heard.alive, heard.ends.length]).toEqual([29, 0])
  })

  test('has its own pings answered, unless the venue is as good as gone', async () => {
    const { timers, simulator, open, heard } = wired()
    const socket = open('ws://here/binance/spot/ws')
    await timers.advanceBy(10)
    socket.ping!()
    await timers.advanceBy(10)
    expect(heard.alive).toBe(1)
    simulator.fault({ venue: 'binance', fault: 'half-open' })
    socket.ping!()
    await timers.advanceBy(10)
    expect(heard.alive).toBe(1)
  })

  test('ends with the status of a refusal, and when to come back', async () => {
    const { timers, simulator, open, heard } = wired()
    simulator.fault({ venue: 'binance', fault: '418', forMs: 30_000 })
    open('ws://here/binance/spot/ws')
    await timers.advanceBy(10)
    expect(heard.ends).toMatchObject([{ status: 418, retryAfterMs: 30_000 }])
    expect(heard.opens).toBe(0)
  })

  test('ends where nobody answers, and where a frame is longer than anybody reads', async () => {
    const { timers, simulator, open, heard } = wired()
    simulator.fault({ venue: 'okx', fault: 'down', forMs: 30_000 })
    open('ws://here/okx/public/ws/v5/public')
    await timers.advanceBy(10)
    expect(heard.ends).toEqual([{ message: 'connection refused' }])
    open('ws://here/binance/spot/ws/btcusdt@depth@100ms')
    simulator.fault({ venue: 'binance', fault: 'oversized' })
    await timers.advanceBy(1_000)
    expect(heard.ends[1]).toEqual({ message: 'a frame of more than 1000000 bytes' })
    expect(simulator.connections('binance')).toBe(0)
  })

  test('leaves nothing behind when it has ended', async () => {
    const { timers, simulator, open } = wired()
    const socket = open('ws://here/okx/public/ws/v5/public')
    await timers.advanceBy(10)
    socket.send('{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}')
    await timers.advanceBy(1_000)
    socket.close()
    await timers.advanceBy(1_000)
    expect([simulator.connections('okx'), timers.waiting]).toEqual([0, 0])
  })
})

describe('a request in the same process', () => {
  test('is answered with the whole body, or with why not', async () => {
    const { timers, ask } = wired()
    const answers = ['binance/spot/api/v3/ping', 'binance/spot/api/v3/depth?symbol=NOPE', 'nowhere'].map(
      (path) => ask(path),
    )
    await timers.advanceBy(10)
    expect(await Promise.all(answers)).toMatchObject([
      { kind: 'body' },
      { kind: 'refused', status: 400, message: '{"code":-1121,"msg":"Invalid symbol."}' },
      { kind: 'refused', status: 404 },
    ])
  })

  test('fails where nobody answers, where it takes too long, and where it is stopped', async () => {
    const { timers, simulator, ask } = wired()
    simulator.fault({ venue: 'binance', fault: 'late-snapshot', lateMs: 20_000, forMs: 60_000 })
    const late = ask('binance/spot/api/v3/depth?symbol=BTCUSDT')
    await timers.advanceBy(5_000)
    expect(await late).toEqual({ kind: 'failed', message: 'no answer in time' })
    const stop = new AbortController()
    const stopped = ask('binance/spot/api/v3/depth?symbol=BTCUSDT', stop.signal)
    stop.abort()
    expect(await stopped).toEqual({ kind: 'failed', message: 'stopped' })
    simulator.fault({ venue: 'binance', fault: 'down', forMs: 60_000 })
    const down = ask('binance/spot/api/v3/ping')
    await timers.advanceBy(10)
    expect(await down).toEqual({ kind: 'failed', message: 'connection refused' })
    expect(timers.waiting).toBe(0)
  })
})

function wired() {
  const { timers, simulator } = rig()
  const transport = simTransport(simulator, timers)
  const heard = { opens: 0, alive: 0, frames: [] as string[], ends: [] as SocketEnd[] }
  return {
    timers,
    simulator,
    heard,
    open: (url: string) =>
      transport.open(url, LIMITS, {
        onOpen: () => {
          heard.opens++
        },
        onAlive: () => {
          heard.alive++
        },
        onFrame: (frame) => heard.frames.push(Buffer.from(frame).toString()),
        onClose: (end) => heard.ends.push(end),
      }),
    ask: (path: string, stop = new AbortController().signal) =>
      transport.request(
        { ...REQUEST, url: `http://here/${path}` },
        { timeoutMs: 4_000, bodyBytesMax: 1_000_000, stop },
      ),
  }
}

const ANSWERS: Readonly<Record<string, SimAnswer | NoAnswer>> = {
  gzip: { status: 200, body: 'a'.repeat(10_000) },
  moved: { status: 302, body: '', headers: { location: '/body' } },
  drip: { status: 200, body: ' ', delayMs: 60_000 },
  hang: 'silent',
}

/** Does what the names of its addresses say: see `transport-peer.ts`. */
const suitePeer: Venues = {
  http(method, url) {
    const [name = '', status] = new URL(url).pathname.slice(1).split('/')
    if (name === 'body') return { status: 200, body: method }
    if (name !== 'status') return ANSWERS[name] ?? { status: 404, body: '' }
    return { status: Number(status), body: 'no', headers: status === '429' ? { 'retry-after': '3' } : {} }
  },
  connect(url) {
    const name = URL.canParse(url) ? new URL(url).pathname.slice(1) : 'nonsense'
    if (name === 'mute') return 'silent'
    if (name === 'nonsense') return 'refused'
    if (name === 'refused') return { status: 429, body: 'too many', headers: { 'retry-after': '7' } }
    return { open: (peer) => suiteSession(name, peer) }
  },
}

function suiteSession(name: string, peer: Peer): OpenLine {
  const say = (...frames: (string | Uint8Array)[]) => {
    for (const frame of frames) peer.send(typeof frame === 'string' ? Buffer.from(frame) : frame, false)
  }
  if (name === 'frames') say('one', Uint8Array.of(2, 2), 'three')
  if (name === 'big') say('x'.repeat(2_000))
  if (name === 'not-utf8') say(Uint8Array.of(0xff, 0xfe))
  if (name === 'bye') peer.close(1012, 'restart')
  if (name === 'broken') peer.close(1006, '')
  if (name === 'pings') peer.ping()
  return { receive: (text) => (name === 'echo' ? say(text) : undefined), pong() {}, pinged() {}, closed() {} }
}
