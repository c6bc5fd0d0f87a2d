import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { type WebSocket, WebSocketServer } from 'ws'

/**
 * A peer on loopback whose addresses do what their names say. Whoever brings another transport to `transportSuite` brings
 * a peer of its own that does the same.
 *
 * Sockets: `/echo` sends back what comes, `/frames` sends the text `one`, the bytes 2 2 and the text `three`, `/big` sends
 * 2,000 bytes, `/not-utf8` sends a text frame of the bytes ff fe, `/bye` says goodbye with code 1012 and the word `restart`,
 * `/broken` breaks off, `/refused` answers 429 with Retry-After 7 and `too many`, `/mute` takes the connection and never
 * answers, `/stuck` opens and then neither hears nor says anything, not even goodbye, `/pings` sends a WebSocket ping.
 *
 * Requests: `/body` answers the method, `/gzip` 10,000 times `a` in gzip, `/status/<n>` answers so with the text `no` (429
 * with Retry-After 3), `/moved` points elsewhere, `/hang` never answers, `/drip` answers a byte now and then.
 */
export type TransportPeer = { readonly socketUrl: string; readonly restUrl: string; close(): Promise<void> }

export async function openTransportPeer(): Promise<TransportPeer> {
  const server = createServer(answer)
  const sockets = new WebSocketServer({ noServer: true })
  const mute = new Set<Socket>()
  server.on('upgrade', (request, socket: Socket, head) => {
    if (request.url === '/refused') return void socket.end(refusal('429 Too Many Requests', 'too many'))
    if (request.url === '/mute') return void mute.add(socket)
    sockets.handleUpgrade(request, socket, head, (ws) => talk(request.url!, ws, socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    socketUrl: `ws://127.0.0.1:${port}`,
    restUrl: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        for (const ws of sockets.clients) ws.terminate()
        for (const socket of mute) socket.destroy()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function talk(path: string, ws: WebSocket, socket: Socket): void {
  if (path === '/echo') ws.on('message', (data, binary) => ws.send(data, { binary }))
  if (path === '/frames') for (const data of ['one', Buffer.from([2, 2]), 'three']) ws.send(data)
  if (path === '/big') ws.send('x'.repeat(2_000))
  if (path === '/not-utf8') ws.send(Buffer.from([0xff, 0xfe]), { binary: false })
  if (path === '/bye') ws.close(1012, 'restart')
  if (path === '/broken') socket.resetAndDestroy()
  if (path === '/pings') ws.ping()
  if (path === '/stuck') ws.pause()
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const [, name, status] = request.url!.split('/')
  if (name === 'body') response.end(request.method)
  if (name === 'gzip')
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('a'.repeat(10_000)))
  if (name === 'status')
    response.writeHead(Number(status), status === '429' ? { 'retry-after': '3' } : {}).end('no')
  if (name === 'moved') response.writeHead(302, { location: '/body' }).end()
  if (name === 'drip') {
    response.writeHead(200)
    const timer = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(timer))
  }
}

function refusal(status: string, body: string): string {
  return `HTTP/1.1 ${status}\r\nretry-after: 7\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`
}
