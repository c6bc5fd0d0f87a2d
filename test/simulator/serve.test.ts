import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { Timers } from '../../src/models/timers.ts'
import { type ServedSimulator, serveSimulator } from '../../src/simulator/serve.ts'
import { openSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/sim.ts'

const timers: Timers = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

const closings: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close()
})

describe('the simulator over real HTTP and WebSocket', () => {
  test('answers what the venue would answer, statuses included', async () => {
    const { url } = await served()
    const products = await fetch(`${url}/coinbase/exchange/products`)
    expect(await products.json()).toMatchObject([{ id: 'BTC-USD', base_currency: 'BTC', status: 'online' }])
    const unknown = await fetch(`${url}/binance/spot/api/v3/depth?symbol=NOPE`)
    expect([unknown.status, await unknown.json()]).toEqual([400, { code: -1121, msg: 'Invalid symbol.' }])
    expect((await fetch(`${url}/nowhere`)).status).toBe(404)
  })

  test('speaks to any WebSocket client', async () => {
    const { url } = await served()
    const socket = await connected(`${url}/binance/spot/stream`)
    socket.send('{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":7}')
    expect(await frames(socket, 3)).toEqual([
      { result: null, id: 7 },
      { stream: 'btcusdt@depth@100ms', data: expect.objectContaining({ e: 'depthUpdate', s: 'BTCUSDT' }) },
      { stream: 'btcusdt@depth@100ms', data: expect.objectContaining({ e: 'depthUpdate', s: 'BTCUSDT' }) },
    ])
  })

  test('answers pings of the WebSocket itself, unless it is as good as gone', async () => {
    const { url, simulator } = await served()
    const socket = await connected(`${url}/binance/spot/stream`)
    let pongs = 0
    socket.on('pong', () => pongs++)
    socket.ping()
    await once(socket, 'pong')
    simulator.fault({ venue: 'binance', fault: 'half-open', forMs: 60_000 })
    const next = await connected(`${url}/okx/public/ws/v5/public`)
    socket.ping()
    next.ping()
    await once(next, 'pong')
    expect(pongs).toBe(1)
  })

  test('hands out an address of its own with each token of KuCoin', async () => {
    const { url } = await served()
    const bullet = await fetch(`${url}/kucoin/spot/api/v1/bullet-public`, { method: 'POST' })
    const { data } = (await bullet.json()) as {
      data: { token: string; instanceServers: [{ endpoint: string }] }
    }
    const address = `${data.instanceServers[0].endpoint}?token=${data.token}&connectId=abc`
    expect(await frames(await connected(address), 1)).toEqual([{ id: 'abc', type: 'welcome' }])
    const twice = await connected(address)
    const end = once(twice, 'close')
    expect(await frames(twice, 1)).toEqual([
      { id: 'abc', type: 'error', code: 401, data: 'token is invalid' },
    ])
    await end
  })

  test('refuses with a status before the socket is open', async () => {
    const { url, simulator } = await served()
    simulator.fault({ venue: 'okx', fault: '429', forMs: 60_000 })
    const socket = new WebSocket(wsUrl(`${url}/okx/public/ws/v5/public`))
    const [, response] = (await once(socket, 'unexpected-response')) as [
      unknown,
      { statusCode: number; headers: Record<string, string> },
    ]
    expect(response.statusCode).toBe(429)
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(50)
    socket.on('error', () => {})
    socket.terminate()
  })

  test('a venue that is down answers nothing and takes nobody', async () => {
    const { url, simulator } = await served()
    const socket = await connected(`${url}/deribit/main/ws/api/v2`)
    const end = once(socket, 'close')
    simulator.fault({ venue: 'deribit', fault: 'down', forMs: 60_000 })
    expect((await end)[0]).toBe(1006)
    await expect(fetch(`${url}/deribit/main/api/v2/public/get_time`)).rejects.toThrow()
    const again = new WebSocket(wsUrl(`${url}/deribit/main`))
    await once(again, 'error')
  })

  test('a venue that cannot be reached says nothing at all', async () => {
    const { url, simulator } = await served()
    simulator.fault({ venue: 'okx', fault: 'unreachable', forMs: 60_000 })
    const socket = new WebSocket(wsUrl(`${url}/okx/public/ws/v5/public`))
    const time = `${url}/okx/public/api/v5/public/time`
    await expect(fetch(time, { signal: AbortSignal.timeout(100) })).rejects.toThrow(/timeout/)
    expect(socket.readyState).toBe(WebSocket.CONNECTING)
    const error = once(socket, 'error')
    socket.terminate()
    await error
  })

  test('a handshake that is none leaves nobody connected', async () => {
    const { url, simulator } = await served()
    const { port } = new URL(url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(
      'GET /binance/spot/ws/btcusdt@depth@100ms HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    )
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 400/)
    expect(simulator.connections('binance')).toBe(0)
    socket.destroy()
  })

  test('cuts whoever does not read', async () => {
    const { url, simulator } = await served({ rates: { stepsPerSecond: 100 } }, 262_144)
    const socket = await connected(`${url}/okx/public/ws/v5/public`)
    const args = simulator.products('okx').map((product) => ({ channel: 'books', instId: product }))
    socket.pause()
    const end = new Promise((resolve) => socket.once('close', resolve))
    const ask = setInterval(() => {
      for (const op of ['unsubscribe', 'subscribe']) socket.send(JSON.stringify({ op, args }))
    }, 1)
    await vi.waitFor(() => expect(simulator.connections('okx')).toBe(0), { timeout: 20_000 })
    clearInterval(ask)
    socket.terminate()
    await end
  })

  test('a port that is taken is said to be', async () => {
    const { url, simulator } = await served()
    const port = Number(new URL(url).port)
    await expect(serveSimulator(simulator, { port, after: timers.after })).rejects.toMatchObject({
      code: 'service-failed',
    })
  })
})

async function served(options: Partial<SimulatorOptions> = {}, bufferBytesMax?: number) {
  const simulator: Simulator = openSimulator({
    seed: 1,
    timers,
    limited: false,
    products: {
      coinbase: ['BTC-USD'],
      binance: ['BTC-USDT'],
      kucoin: ['BTC-USDT'],
      okx: ['BTC-USDT'],
      deribit: [],
    },
    ...options,
  })
  const about = { port: 0, after: timers.after, ...(bufferBytesMax === undefined ? {} : { bufferBytesMax }) }
  const server: ServedSimulator = await serveSimulator(simulator, about)
  closings.push(async () => {
    simulator.close()
    await server.close()
  })
  return { url: server.url, simulator }
}

function wsUrl(url: string): string {
  return url.replace(/^http/, 'ws')
}

const arrived = new WeakMap<WebSocket, string[]>()

async function connected(url: string): Promise<WebSocket> {
  const socket = new WebSocket(wsUrl(url), { perMessageDeflate: false })
  const texts: string[] = []
  arrived.set(socket, texts)
  socket.on('message', (data) => texts.push(String(data)))
  await once(socket, 'open')
  return socket
}

/** The first so many frames, read. */
async function frames(socket: WebSocket, count: number): Promise<unknown[]> {
  const texts = arrived.get(socket)!
  while (texts.length < count) await once(socket, 'message')
  return texts.slice(0, count).map((text) => JSON.parse(text) as unknown)
}
