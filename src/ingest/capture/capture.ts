import type { HttpAnswer, Socket, SocketHandlers, Transport } from '../transport.ts'
import { type CaptureEntry, holdBytes } from './capture-line.ts'

/** Where a capture goes. Stamps what it is given with the time it is given it. */
export type CaptureSink = { write(entry: CaptureEntry): void }

/** A transport that does what `transport` does, and writes down everything that goes over it. */
export function capturing(transport: Transport, sink: CaptureSink): Transport {
  let sockets = 0
  let requests = 0
  return {
    open(url, limits, handlers) {
      sink.write({ does: 'open', socket: ++sockets, url })
      return openCaptured((hearing) => transport.open(url, limits, hearing), handlers, sockets, sink)
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

/** `open` opens the socket that is captured; the answer is that socket as its owner has it. */
function openCaptured(
  open: (hearing: SocketHandlers) => Socket,
  handlers: SocketHandlers,
  socket: number,
  sink: CaptureSink,
): Socket {
  let isCut = false
  const inner = open({
    onOpen() {
      sink.write({ does: 'opened', socket })
      handlers.onOpen()
    },
    onFrame(frame) {
      sink.write({ does: 'frame', socket, ...holdBytes(frame) })
      handlers.onFrame(frame)
    },
    onAlive: () => handlers.onAlive?.(),
    onClose(end) {
      if (!isCut) sink.write({ does: 'close', socket, ...end })
      handlers.onClose(end)
    },
  })
  return {
    send(text) {
      sink.write({ does: 'send', socket, text })
      inner.send(text)
    },
    ping: () => inner.ping?.(),
    close() {
      if (!isCut) sink.write({ does: 'cut', socket })
      isCut = true
      inner.close()
    },
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
