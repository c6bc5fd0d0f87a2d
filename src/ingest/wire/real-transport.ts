import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import { HEADERS, REFUSAL_BYTES_MAX, readBody, reasonOf, retryAfterMs } from '../polling/fetch-body.ts'
import {
  type HttpAnswer,
  type RequestLimits,
  SEND_BYTES_MAX,
  type Socket,
  type SocketEnd,
  type SocketHandlers,
  type SocketLimits,
  type Transport,
} from '../transport.ts'
import type { HttpRequest } from '../venue.ts'

/** The peer has so long to say goodbye: we have no more to hear from it. */
const CLOSE_MS_MAX = 250
/**
 * What a socket may say at a stretch: some two hundred frames, a few milliseconds. Of what has piled up the system would hand
 * over 2 MB of every socket before anything else gets its turn; left where it is, it takes no memory of ours.
 */
const TURN_BYTES_MAX = 64 * 1024

/** The network, on real time. */
export function realTransport(): Transport {
  return { open: openSocket, request }
}

function openSocket(url: string, limits: SocketLimits, handlers: SocketHandlers): Socket {
  if (!URL.canParse(url) || !/^wss?:/i.test(url)) return nowhere(url, handlers)
  const ws = new WebSocket(url, {
    headers: { 'user-agent': HEADERS['user-agent'] },
    maxPayload: limits.frameBytesMax,
    // Bytes are cheap: packed, a fifteenth of the frames came through on loopback, with 50 MB more in memory.
    perMessageDeflate: false,
    // What is not UTF-8 is one bad frame, with its bytes to look at, and no reason to lose all the others.
    skipUTF8Validation: true,
  })
  return new RealSocket(ws, limits, handlers)
}

/** An address that is none is a failure like any other, and no exception. */
function nowhere(url: string, handlers: SocketHandlers): Socket {
  setImmediate(() => handlers.onClose({ message: `no WebSocket address: ${url}` }))
  return { send: () => {}, close: () => {} }
}

class RealSocket implements Socket {
  readonly #ws: WebSocket
  readonly #handlers: SocketHandlers
  readonly #timers: NodeJS.Timeout[] = []
  #end: SocketEnd | undefined
  #isClosing = false
  /** What it has said since others last had their turn. */
  #turnBytes = 0

  constructor(ws: WebSocket, limits: SocketLimits, handlers: SocketHandlers) {
    this.#ws = ws
    this.#handlers = handlers
    const late = { message: `not open within ${limits.openMsMax} ms` }
    this.#timers.push(setTimeout(() => this.#cut(late), limits.openMsMax))
    ws.on('open', () => this.#onOpen())
    ws.on('message', (data) => this.#onMessage(data as Buffer))
    ws.on('ping', () => this.#onAlive())
    ws.on('pong', () => this.#onAlive())
    ws.on('unexpected-response', (_, response) => this.#onRefusal(response))
    ws.on('error', (error) => this.#onError(error, limits))
    ws.on('close', (code, reason) => this.#onClose(code, reason))
  }

  send(text: string): void {
    if (this.#ws.readyState !== WebSocket.OPEN || this.#isClosing) return
    if (this.#ws.bufferedAmount > SEND_BYTES_MAX) {
      this.#cut({ message: `the peer has not taken ${SEND_BYTES_MAX} bytes` })
    } else this.#ws.send(text)
  }

  ping(): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.ping()
  }

  close(): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#end ??= { message: 'closed by us' }
    this.#timers.push(setTimeout(() => this.#ws.terminate(), CLOSE_MS_MAX))
    this.#ws.close(1000)
  }

  #onOpen(): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer)
    if (!this.#isClosing) this.#handlers.onOpen()
  }

  #onMessage(data: Buffer): void {
    if (this.#isClosing) return
    if (this.#turnBytes === 0) setImmediate(() => this.#goOn())
    this.#turnBytes += data.length
    if (this.#turnBytes >= TURN_BYTES_MAX) this.#ws.pause()
    this.#handlers.onFrame(data)
  }

  #goOn(): void {
    this.#turnBytes = 0
    if (this.#ws.isPaused) this.#ws.resume()
  }

  #onAlive(): void {
    if (!this.#isClosing) this.#handlers.onAlive?.()
  }

  #onRefusal(response: IncomingMessage): void {
    void readRefusal(response).then((end) => this.#cut(end))
  }

  #onError(error: Error & { code?: string }, { frameBytesMax }: SocketLimits): void {
    const isTooLong = error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
    this.#end ??= { message: isTooLong ? `a frame of more than ${frameBytesMax} bytes` : reasonOf(error) }
  }

  #onClose(code: number, reason: Buffer): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#handlers.onClose(this.#end ?? { message: closeText(code, reason.toString()) })
  }

  #cut(end: SocketEnd): void {
    this.#end ??= end
    this.#isClosing = true
    this.#ws.terminate()
  }
}

/** A refused upgrade: its body says why, in a few words, if it comes soon. */
async function readRefusal(response: IncomingMessage): Promise<SocketEnd> {
  const { statusCode: status = 0, headers } = response
  const wait = waitOf(headers['retry-after'], headers.date)
  const timer = setTimeout(() => response.destroy(), CLOSE_MS_MAX)
  let text = ''
  try {
    for await (const chunk of response) {
      text += (chunk as Buffer).toString('latin1')
      if (text.length >= REFUSAL_BYTES_MAX) break
    }
  } catch {
    // What has come of it by now is all that is told.
  } finally {
    clearTimeout(timer)
  }
  const message = text.slice(0, REFUSAL_BYTES_MAX).trim()
  return { message, status, ...wait }
}

function closeText(code: number, reason: string): string {
  const said = reason === '' ? `${code}` : `${code} ${reason}`
  return code === NO_CLOSING ? 'the connection broke' : `the peer closed it: ${said}`
}

/** What `ws` says where the peer said nothing. */
const NO_CLOSING = 1006

/** A date in a Retry-After is read by the server's own clock, and says nothing where that is not told. */
function waitOf(
  retryAfter: string | null | undefined,
  date: string | null | undefined,
): { retryAfterMs?: number } {
  const waitMs = retryAfterMs(retryAfter ?? null, Date.parse(date ?? ''))
  return waitMs === undefined || Number.isNaN(waitMs) ? {} : { retryAfterMs: waitMs }
}

async function request({ method, url }: HttpRequest, limits: RequestLimits): Promise<HttpAnswer> {
  const { timeoutMs, bodyBytesMax, stop } = limits
  const ending = new AbortController()
  const end = () => ending.abort()
  const timer = setTimeout(end, timeoutMs)
  stop.addEventListener('abort', end)
  try {
    stop.throwIfAborted()
    // A redirect is not followed: what another host says must not be stamped with this venue's name.
    const response = await fetch(url, { method, headers: HEADERS, redirect: 'manual', signal: ending.signal })
    return await answerOf(response, bodyBytesMax)
  } catch (error) {
    if (stop.aborted) return { kind: 'failed', message: 'stopped' }
    const late = ending.signal.aborted
    return { kind: 'failed', message: late ? `no whole answer within ${timeoutMs} ms` : reasonOf(error) }
  } finally {
    clearTimeout(timer)
    stop.removeEventListener('abort', end)
    ending.abort()
  }
}

async function answerOf(response: Response, bodyBytesMax: number): Promise<HttpAnswer> {
  const { status, headers } = response
  if (!response.ok) {
    const { bytes } = await readBody(response, REFUSAL_BYTES_MAX)
    const message = new TextDecoder().decode(bytes)
    return { kind: 'refused', status, message, ...waitOf(headers.get('retry-after'), headers.get('date')) }
  }
  const { bytes, whole } = await readBody(response, bodyBytesMax)
  return whole ? { kind: 'body', bytes } : { kind: 'failed', message: `longer than ${bodyBytesMax} bytes` }
}
