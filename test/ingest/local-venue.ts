import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

/** What a server does with one request: the n-th (from 1) for its product. */
export type Reply = (response: ServerResponse, request: IncomingMessage) => void

export type LocalVenue = {
  readonly baseUrl: string
  /** Every call, in order, with the moment it came. */
  readonly calls: readonly { readonly product: string; readonly atMs: number }[]
  close(): Promise<void>
}

/** A Coinbase on loopback that answers as the test wants it to. */
export async function openLocalVenue(reply: (product: string, call: number) => Reply): Promise<LocalVenue> {
  const calls: { product: string; atMs: number }[] = []
  const server = createServer((request, response) => {
    const product = decodeURIComponent(request.url!.split('/')[2]!)
    calls.push({ product, atMs: performance.now() })
    const call = calls.filter((earlier) => earlier.product === product).length
    reply(product, call)(response, request)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A small book, good but for what the test changes. */
export function bookBody(sequence: number, bid = '100.00', ask = '101.00'): string {
  return JSON.stringify({
    sequence,
    bids: [
      [bid, '1.5', 2],
      ['50', '3', 1],
    ],
    asks: [[ask, '0.25', 1]],
  })
}

export const book = (sequence: number): Reply => body(bookBody(sequence))

export function body(text: string | Uint8Array, headers: Record<string, string> = {}): Reply {
  return (response) => response.writeHead(200, headers).end(text)
}

export function gzipped(text: string | Uint8Array): Reply {
  return body(gzipSync(text), { 'content-encoding': 'gzip' })
}

export function status(code: number, headers: Record<string, string> = {}, text = ''): Reply {
  return (response) => response.writeHead(code, headers).end(text)
}

/** Takes the request and says nothing. */
export const hang: Reply = () => {}

/** A byte every `everyMs`, for ever: never silent, never done. */
export function drip(everyMs: number): Reply {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const timer = setInterval(() => response.write(' '), everyMs)
    response.on('close', () => clearInterval(timer))
  }
}

export const reset: Reply = (_, request) => {
  request.socket.resetAndDestroy()
}

/** The head and half of the body, then nothing but a closed connection. */
export function breakOff(text: string): Reply {
  return (response) => {
    response.writeHead(200, { 'content-length': String(text.length) })
    response.write(text.slice(0, text.length / 2), () => response.destroy())
  }
}

export function afterMs(waitMs: number, then: Reply): Reply {
  return (response, request) => {
    setTimeout(() => then(response, request), waitMs)
  }
}
