import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { EngineError } from '../models/engine-error.ts'
import type { Timers } from '../models/timers.ts'
import type { SimAnswer } from './exchange.ts'
import type { Peer } from './line.ts'
import type { Simulator } from './sim.ts'
import type { Admission } from './sim-venue.ts'

/** The simulator over real HTTP and WebSocket, on this machine alone. */
export type ServedSimulator = {
  /** Such as `http://127.0.0.1:7300`; `<url>/<venue>/<wire>` stands in for a venue's own hosts, with `ws` for sockets. */
  readonly url: string
  close(): Promise<void>
}

export type ServeOptions = {
  /** 0: any that is free. */
  readonly port: number
  readonly after: Timers['after']
  /** Bytes that may wait for a reader; one that lets more wait is cut, as venues do it. */
  readonly bufferBytesMax?: number
}

const HOST = '127.0.0.1'
const BUFFER_BYTES_MAX = 16_777_216 // many seconds of any connection's frames, and every snapshot of it at once
const MESSAGE_BYTES_MAX = 1_048_576 // no venue takes a message of so many

/** Rejects with EngineError `service-failed` where the port cannot be had. */
export async function serveSimulator(simulator: Simulator, options: ServeOptions): Promise<ServedSimulator> {
  const { after } = options
  const bufferBytesMax = options.bufferBytesMax ?? BUFFER_BYTES_MAX
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    autoPong: false, // who is as good as gone does not answer
    maxPayload: MESSAGE_BYTES_MAX,
  })
  const unanswered = new Set<Duplex>()
  function keepSilent(socket: Duplex): void {
    unanswered.add(socket)
    socket.once('close', () => unanswered.delete(socket))
  }
  const server = createServer((request, response) => answer(simulator, after, request, response))
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    const admission = simulator.connect(urlOf(request))
    if (admission === 'refused') socket.destroy()
    else if (admission === 'silent') keepSilent(socket)
    else if ('status' in admission) refuse(socket, admission)
    else {
      let ws: WebSocket | undefined
      // Called at once, or never: a handshake that is none is answered with a status.
      sockets.handleUpgrade(request, socket, head, (opened) => {
        ws = opened
      })
      if (ws === undefined) admission.open(NOBODY).closed()
      else speak(ws, socket as Socket, admission, bufferBytesMax)
    }
  })
  const { port } = await listening(server, options.port)
  return {
    url: `http://${HOST}:${port}`,
    close: () =>
      new Promise((resolve) => {
        for (const ws of sockets.clients) ws.terminate()
        for (const socket of unanswered) socket.destroy()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function listening(server: ReturnType<typeof createServer>, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const hint = 'another program may have it; --port 0 takes any that is free'
      reject(new EngineError('service-failed', `port ${port} of ${HOST} cannot be had`, { hint, cause }))
    })
    server.listen(port, HOST, () => resolve(server.address() as AddressInfo))
  })
}

function urlOf(request: IncomingMessage): string {
  return `http://${request.headers.host ?? HOST}${request.url ?? '/'}`
}

function answer(
  simulator: Simulator,
  after: Timers['after'],
  request: IncomingMessage,
  response: ServerResponse,
): void {
  request.resume()
  const said = simulator.http(request.method ?? 'GET', urlOf(request))
  if (said === 'refused') request.socket.destroy()
  if (typeof said === 'string') return
  const send = () => {
    response.writeHead(said.status, said.headers)
    response.end(said.body)
  }
  if (said.delayMs) response.once('close', after(said.delayMs, send))
  else send()
}

function refuse(socket: Duplex, { status, headers, body }: SimAnswer): void {
  const lines = Object.entries({ ...headers, connection: 'close', 'content-length': Buffer.byteLength(body) })
  socket.end(
    `HTTP/1.1 ${status} Refused\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  )
}

function speak(ws: WebSocket, socket: Socket, admission: Admission, bufferBytesMax: number): void {
  const session = admission.open(peerOf(ws, socket, bufferBytesMax))
  ws.on('message', (data) => session.receive(data.toString()))
  ws.on('pong', () => session.pong())
  ws.on('ping', () => session.pinged())
  ws.on('error', () => ws.terminate())
  ws.on('close', () => session.closed())
}

function peerOf(ws: WebSocket, socket: Socket, bufferBytesMax: number): Peer {
  let isCorked = false
  /** Everything of one moment leaves together: a system call a frame would be most of the work. */
  function cork(): void {
    if (isCorked) return
    isCorked = true
    socket.cork()
    process.nextTick(() => {
      isCorked = false
      socket.uncork()
    })
  }
  return {
    send(frame, binary) {
      if (ws.readyState !== ws.OPEN) return
      cork()
      ws.send(frame, { binary })
      if (ws.bufferedAmount > bufferBytesMax) ws.terminate()
    },
    ping() {
      if (ws.readyState === ws.OPEN) ws.ping()
    },
    pong() {
      if (ws.readyState === ws.OPEN) ws.pong()
    },
    close(code, reason) {
      if (code === NO_WORD) ws.terminate()
      else ws.close(code, reason)
    },
  }
}

const NO_WORD = 1006

const NOBODY: Peer = { send() {}, ping() {}, pong() {}, close() {} }
