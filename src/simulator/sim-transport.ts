import type {
  HttpAnswer,
  RequestLimits,
  Socket,
  SocketEnd,
  SocketHandlers,
  SocketLimits,
  Transport,
} from '../ingest/transport.ts'
import type { HttpRequest } from '../ingest/venue.ts'
import type { Timers } from '../models/timers.ts'
import type { NoAnswer, SimAnswer } from './exchange.ts'
import type { OpenLine } from './line.ts'
import type { Simulator } from './sim.ts'

/**
 * The simulator in the same process, as a way to venues: no sockets, every byte `latencyMs` under way, everything in its
 * order, on whatever clock `timers` is.
 */
export function simTransport(simulator: Venues, timers: Timers, latencyMs = LATENCY_MS): Transport {
  return {
    open: (url, limits, handlers) => openSocket(simulator, timers, latencyMs, url, limits, handlers),
    request: (request, limits) => ask(simulator, timers, latencyMs, request, limits),
  }
}

export type Venues = Pick<Simulator, 'http' | 'connect'>

const LATENCY_MS = 2

/** Calls in the order they were handed over, each so much later; many at a time take one timer. */
function pipe(timers: Timers, latencyMs: number) {
  let waiting: (() => void)[] = []
  let cancel: (() => void) | undefined
  function flush(): void {
    const calls = waiting
    waiting = []
    cancel = undefined
    for (const call of calls) call()
  }
  return {
    push(call: () => void): void {
      waiting.push(call)
      cancel ??= timers.after(latencyMs, flush)
    },
    clear(): void {
      waiting = []
      cancel?.()
      cancel = undefined
    },
  }
}

function openSocket(
  simulator: Venues,
  timers: Timers,
  latencyMs: number,
  url: string,
  limits: SocketLimits,
  handlers: SocketHandlers,
): Socket {
  let session: OpenLine | undefined
  let isOver = false
  const toUs = pipe(timers, latencyMs)
  const toVenue = pipe(timers, latencyMs)
  const cancelOpen = timers.after(limits.openMsMax, () =>
    end({ message: `not opened within ${limits.openMsMax} ms` }),
  )

  function end(about: SocketEnd): void {
    if (isOver) return
    isOver = true
    cancelOpen()
    toUs.clear()
    toVenue.clear()
    session?.closed()
    handlers.onClose(about)
  }

  function admit(): void {
    const admission = simulator.connect(url)
    if (admission === 'silent') return
    if (admission === 'refused') end({ message: 'connection refused' })
    else if ('status' in admission) end(endOf(admission))
    else {
      cancelOpen()
      toUs.push(handlers.onOpen)
      session = admission.open({
        send: (frame) => toUs.push(() => take(frame)),
        ping: () => toUs.push(answerPing),
        pong: () => toUs.push(alive),
        close: (code, reason) => toUs.push(() => end({ message: `closed with ${code} ${reason}`.trim() })),
      })
    }
  }

  function take(frame: Uint8Array): void {
    if (isOver) return
    if (frame.length > limits.frameBytesMax)
      end({ message: `a frame of more than ${limits.frameBytesMax} bytes` })
    else handlers.onFrame(frame)
  }

  function alive(): void {
    if (!isOver) handlers.onAlive?.()
  }

  function answerPing(): void {
    if (isOver) return
    alive()
    toVenue.push(() => session?.pong())
  }

  toVenue.push(admit)
  return {
    send(text) {
      if (!isOver) toVenue.push(() => session?.receive(text))
    },
    ping() {
      if (!isOver) toVenue.push(() => session?.pinged())
    },
    close() {
      if (isOver) return
      toVenue.clear()
      toUs.clear()
      toUs.push(() => end({ message: 'closed by us' }))
    },
  }
}

function endOf({ status, headers, body }: SimAnswer): SocketEnd {
  const retryAfterMs = retryAfterOf(headers)
  return {
    message: body.slice(0, MESSAGE_LETTERS_MAX),
    status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}

function retryAfterOf(headers: SimAnswer['headers']): number | undefined {
  const seconds = headers?.['retry-after']
  return seconds === undefined ? undefined : Number(seconds) * 1_000
}

function ask(
  simulator: Venues,
  timers: Timers,
  latencyMs: number,
  request: HttpRequest,
  limits: RequestLimits,
): Promise<HttpAnswer> {
  return new Promise((resolve) => {
    const cancels: (() => void)[] = []
    const stopped = () => answer({ kind: 'failed', message: 'stopped' })
    function answer(result: HttpAnswer): void {
      limits.stop.removeEventListener('abort', stopped)
      for (const cancel of cancels) cancel()
      resolve(result)
    }
    if (limits.stop.aborted) return stopped()
    limits.stop.addEventListener('abort', stopped)
    cancels.push(
      timers.after(limits.timeoutMs, () => answer({ kind: 'failed', message: 'no answer in time' })),
    )
    const arrive = () => {
      const said = simulator.http(request.method, request.url)
      if (said === 'silent') return
      const delayMs = said === 'refused' ? 0 : (said.delayMs ?? 0)
      cancels.push(timers.after(latencyMs + delayMs, () => answer(resultOf(said, limits))))
    }
    cancels.push(timers.after(latencyMs, arrive))
  })
}

function resultOf(said: SimAnswer | Exclude<NoAnswer, 'silent'>, limits: RequestLimits): HttpAnswer {
  if (said === 'refused') return { kind: 'failed', message: 'connection refused' }
  const { status, body, headers } = said
  const retryAfterMs = retryAfterOf(headers)
  if (status < 200 || status > 299) {
    const message = body.slice(0, MESSAGE_LETTERS_MAX)
    return { kind: 'refused', status, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  }
  const bytes = Buffer.from(body)
  return bytes.length > limits.bodyBytesMax
    ? { kind: 'failed', message: `an answer of ${bytes.length} bytes` }
    : { kind: 'body', bytes }
}

const MESSAGE_LETTERS_MAX = 300
