import type { HttpRequest } from './venue.ts'

/**
 * The way to venues: sockets and requests. The real one stands on `ws` and `fetch`; a simulator in the same process and a
 * capture file that is played again are others. One test suite runs against all of them.
 */
export type Transport = {
  /** Begins to open a socket. Its handlers are called later, never from within this call; after `onClose` none is. */
  open(url: string, limits: SocketLimits, handlers: SocketHandlers): Socket
  /** Asks once. Never rejects: `failed` is no connection, no whole answer in time, or the abort. */
  request(request: HttpRequest, limits: RequestLimits): Promise<HttpAnswer>
}

/** A peer that has not taken this much takes nothing any more: our messages are a few hundred bytes each. */
export const SEND_BYTES_MAX = 1024 * 1024

export type SocketLimits = {
  /** A longer frame closes the socket. */
  readonly frameBytesMax: number
  readonly openMsMax: number
}

export type SocketHandlers = {
  onOpen(): void
  /** One frame, text or binary, whole. The bytes are the transport's: keep a copy, not them. */
  onFrame(frame: Uint8Array): void
  /** The peer's WebSocket has given a sign of life below the frames: a ping of its own, or the answer to one of ours. */
  onAlive?(): void
  /** Always called, once, whether it ever opened or not. */
  onClose(about: SocketEnd): void
}

export type SocketEnd = {
  /** What people are told. */
  readonly message: string
  /** The HTTP status of a refused upgrade. */
  readonly status?: number
  readonly retryAfterMs?: number
}

/** No handler is called from within one of these. */
export type Socket = {
  /** Bytes that wait to be sent are bounded by `SEND_BYTES_MAX`: a peer that takes none is cut. */
  send(text: string): void
  /** A ping of the WebSocket's own, which every peer answers by itself; absent where the transport has no such thing. */
  ping?(): void
  /** Closes at once; `onClose` comes soon. */
  close(): void
}

export type RequestLimits = {
  readonly timeoutMs: number
  readonly bodyBytesMax: number
  readonly stop: AbortSignal
}

export type HttpAnswer =
  | { readonly kind: 'body'; readonly bytes: Uint8Array }
  /** Any status but 2xx. */
  | {
      readonly kind: 'refused'
      readonly status: number
      readonly message: string
      readonly retryAfterMs?: number
    }
  | { readonly kind: 'failed'; readonly message: string }
