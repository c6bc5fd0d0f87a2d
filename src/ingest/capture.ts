import { type CaptureEntry, holdBytes } from './capture-line.ts'
import type { HttpAnswer, Socket, SocketEnd, SocketHandlers, Transport } from './transport.ts'

/** Where a capture goes. Stamps what it is given with the time it is given it. */
export type CaptureSink = { write(entry: CaptureEntry): void }

/** A transport that does what `transport` does, and writes down everything that goes over it. */
export function capturing(transport: Transport, sink: CaptureSink): Transport {
  let sockets = 0
  let requests = 0
  return {
    open(url, limits, handlers) {
      const socket = new CapturedSocket(++sockets, sink, handlers)
      sink.write({ does: 'open', socket: sockets, url })
      return socket.over(transport.open(url, limits, socket))
    },
    async request(request, limits) {
      const number = ++requests
      sink.write({ does: 'ask', request: number, method: request.method, url: request.url })
      const answer = await transport.request(request, limits)
      sink.write(answered(answer, number))
      return answer
    },
  }
}

class CapturedSocket implements SocketHandlers {
  readonly #number: number
  readonly #sink: CaptureSink
  readonly #handlers: SocketHandlers
  #isCut = false

  constructor(number: number, sink: CaptureSink, handlers: SocketHandlers) {
    this.#number = number
    this.#sink = sink
    this.#handlers = handlers
  }

  onOpen(): void {
    this.#sink.write({ does: 'opened', socket: this.#number })
    this.#handlers.onOpen()
  }

  onFrame(frame: Uint8Array): void {
    this.#sink.write({ does: 'frame', socket: this.#number, ...holdBytes(frame) })
    this.#handlers.onFrame(frame)
  }

  onAlive(): void {
    this.#handlers.onAlive?.()
  }

  onClose(end: SocketEnd): void {
    if (!this.#isCut) this.#sink.write({ does: 'close', socket: this.#number, ...end })
    this.#handlers.onClose(end)
  }

  /** The socket as its owner has it, over the one that is captured. */
  over(inner: Socket): Socket {
    return {
      send: (text) => {
        this.#sink.write({ does: 'send', socket: this.#number, text })
        inner.send(text)
      },
      ping: () => inner.ping?.(),
      close: () => {
        if (!this.#isCut) this.#sink.write({ does: 'cut', socket: this.#number })
        this.#isCut = true
        inner.close()
      },
    }
  }
}

function answered(answer: HttpAnswer, request: number): CaptureEntry {
  switch (answer.kind) {
    case 'body':
      return { does: 'body', request, ...holdBytes(answer.bytes) }
    case 'refused': {
      const { kind: does, ...about } = answer
      return { does, request, ...about }
    }
    case 'failed':
      return { does: 'failed', request, message: answer.message }
  }
}
