import type {
  HttpAnswer,
  RequestLimits,
  Socket,
  SocketEnd,
  SocketHandlers,
  SocketLimits,
  Transport,
} from '../../src/ingest/transport.ts'
import type { HttpRequest } from '../../src/ingest/venue.ts'
import type { VirtualTimers } from '../../src/models/virtual-timers.ts'

/**
 * A venue on made time that speaks the words of `plain-wire.ts`. It is `well` until it is told to misbehave:
 *
 * - away: nobody answers a connect; what is open breaks
 * - refusing: a connect is answered with `refusal`
 * - mute: connects are taken, nothing is said any more and nothing that is sent is heard
 */
export type PlainPeer = Transport & {
  mode: 'well' | 'away' | 'refusing' | 'mute'
  refusal: { status: number; retryAfterMs?: number }
  /** A path that is never reached. */
  deadEnd: string
  /** What it answers to a message, instead of what it should. */
  answers: (text: string) => readonly string[] | undefined
  /** Whether it answers the pings of the WebSocket's own. */
  pongs: boolean
  /** What it answers to requests, in turn; the last one again and again. */
  bodies: HttpAnswer[]
  /** How many sockets are open. */
  readonly openCount: number
  /** Everything that reached it, with the milliseconds since the start: `0 connect <path>`, `20 sub 1 books:BTC`. */
  readonly log: readonly string[]
  /** The moments of connects, of messages by connection, and of requests. */
  readonly connectsMs: readonly number[]
  readonly messagesMs: readonly (readonly number[])[]
  readonly requestsMs: readonly number[]
  /** Says something on every open socket. */
  say(frame: string): void
  /** Breaks every open socket. */
  breakOff(): void
}

/** One way through the network. */
const LATENCY_MS = 10

export function plainPeer(timers: VirtualTimers): PlainPeer {
  return new Peer(timers)
}

type Open = {
  readonly number: number
  readonly handlers: SocketHandlers
  readonly limits: SocketLimits
  readonly path: string
  isOver: boolean
}

class Peer implements PlainPeer {
  mode: PlainPeer['mode'] = 'well'
  refusal: PlainPeer['refusal'] = { status: 503 }
  deadEnd = ''
  answers: PlainPeer['answers'] = () => undefined
  pongs = true
  bodies: HttpAnswer[] = [{ kind: 'failed', message: 'no answer' }]
  readonly log: string[] = []
  readonly connectsMs: number[] = []
  readonly messagesMs: number[][] = []
  readonly requestsMs: number[] = []
  readonly #timers: VirtualTimers
  readonly #sockets = new Set<Open>()

  constructor(timers: VirtualTimers) {
    this.#timers = timers
  }

  get openCount(): number {
    return this.#sockets.size
  }

  open(url: string, limits: SocketLimits, handlers: SocketHandlers): Socket {
    const { pathname, search } = new URL(url)
    const one: Open = { number: this.connectsMs.length, handlers, limits, path: pathname, isOver: false }
    this.#note(`connect ${pathname}${search}`)
    this.connectsMs.push(this.#timers.monotonicMs())
    this.messagesMs.push([])
    this.#later(() => this.#answerOpening(one))
    return {
      send: (text) => this.#hear(one, text),
      ping: () => this.#hear(one, undefined),
      close: () => this.#later(() => this.#end(one, { message: 'closed by us' })),
    }
  }

  async request({ method, url }: HttpRequest, { stop }: RequestLimits): Promise<HttpAnswer> {
    const { pathname, search } = new URL(url)
    this.#note(`${method} ${pathname}${search}`)
    this.requestsMs.push(this.#timers.monotonicMs())
    await new Promise<void>((resolve) => this.#later(resolve))
    if (stop.aborted) return { kind: 'failed', message: 'stopped' }
    return this.bodies.length > 1 ? this.bodies.shift()! : this.bodies[0]!
  }

  say(frame: string): void {
    for (const one of this.#sockets) this.#deliver(one, frame)
  }

  breakOff(): void {
    for (const one of this.#sockets) this.#end(one, { message: 'broken' })
  }

  #answerOpening(one: Open): void {
    if (one.isOver) return
    if (this.mode === 'away' || one.path === this.deadEnd) this.#end(one, { message: 'nobody there' })
    else if (this.mode === 'refusing') this.#end(one, { message: 'go away', ...this.refusal })
    else {
      this.#sockets.add(one)
      one.handlers.onOpen()
    }
  }

  /** `undefined` is a ping of the WebSocket's own. */
  #hear(one: Open, text: string | undefined): void {
    if (one.isOver) return
    this.messagesMs[one.number]!.push(this.#timers.monotonicMs())
    this.#note(text ?? 'ws-ping')
    if (this.mode === 'mute') return
    this.#later(() => {
      if (text !== undefined)
        for (const frame of this.answers(text) ?? wellAnswers(text)) this.#deliver(one, frame)
      else if (this.pongs && !one.isOver) one.handlers.onAlive?.()
    })
  }

  #deliver(one: Open, frame: string): void {
    if (one.isOver || this.mode === 'mute') return
    if (frame.length > one.limits.frameBytesMax) this.#end(one, { message: 'a frame that is too long' })
    else one.handlers.onFrame(new TextEncoder().encode(frame))
  }

  #end(one: Open, end: SocketEnd): void {
    if (one.isOver) return
    one.isOver = true
    this.#sockets.delete(one)
    one.handlers.onClose(end)
  }

  #later(call: () => void): void {
    this.#timers.after(LATENCY_MS, call)
  }

  #note(what: string): void {
    this.log.push(`${this.#timers.monotonicMs()} ${what}`)
  }
}

function wellAnswers(text: string): readonly string[] {
  const [verb, id] = text.split(' ')
  if (verb === 'sub') return [`ok ${id}`]
  return verb === 'ping' ? ['pong'] : []
}
