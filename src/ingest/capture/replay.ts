import type { Timers } from '../../models/timers.ts'
import type { VirtualTimers } from '../../models/virtual-timers.ts'
import type {
  HttpAnswer,
  RequestLimits,
  Socket,
  SocketHandlers,
  SocketLimits,
  Transport,
} from '../transport.ts'
import type { HttpRequest } from '../venue.ts'
import { type CaptureLine, heldBytes } from './capture-line.ts'
import { readCapture } from './read-capture.ts'
import { CapturedSocket, Listener, type SocketLine } from './replayed-socket.ts'

/** What was captured and nobody asks for within so long is not theirs: whoever comes back takes some seconds. */
const UNASKED_MS_MAX = 10_000

export type Replay = Transport & {
  /**
   * Plays everything, once: the made clock goes on to each line's time before it is handed over, and stands at the last
   * one's at the end. Throws what `readCapture` throws.
   */
  play(about?: PlayAbout): Promise<Played>
}

export type PlayAbout = {
  /** So many times as fast as it was, by these clocks; where it is left out, as fast as it goes. */
  readonly speed?: { readonly factor: number; readonly timers: Timers }
  readonly stop?: AbortSignal
}

export type Played = {
  readonly lines: number
  readonly frames: number
  /** Frames that nobody was there for. */
  readonly unheard: number
}

/**
 * The network as a capture has it. A socket that is opened is answered by the next captured one of the same path, a request
 * by the next captured answer to the same method, path and query; hosts do not matter, nor what is sent. Everything comes
 * at the time it came at then, or at once where that has passed. The clock starts at `captureBeginning`.
 */
export function replayTransport(files: readonly string[], timers: VirtualTimers): Replay {
  return new CaptureReplay(files, timers)
}

/** A request somebody waits for, and an answer nobody has asked for yet. */
type Asked = { readonly key: string; readonly answer: (answer: HttpAnswer) => void }
type Answered = { readonly key: string; readonly atMs: number; readonly answer: HttpAnswer }

class CaptureReplay implements Replay {
  readonly #files: readonly string[]
  readonly #timers: VirtualTimers
  /** By their numbers in the capture. */
  readonly #sockets = new Map<number, CapturedSocket>()
  readonly #requests = new Map<number, string>()
  /** What we closed then, while it was captured. */
  #cutOff: CapturedSocket[] = []
  /** Of one path or key, only one of each pair has any. */
  #unopened: CapturedSocket[] = []
  #listeners: Listener[] = []
  #unasked: Answered[] = []
  #asked: Asked[] = []
  readonly #played = { lines: 0, frames: 0, unheard: 0 }

  constructor(files: readonly string[], timers: VirtualTimers) {
    this.#files = files
    this.#timers = timers
  }

  open(url: string, limits: SocketLimits, handlers: SocketHandlers): Socket {
    const path = pathOf(url)
    const listener = new Listener(path, handlers)
    this.#unopened = this.#unopened.filter((one) => !one.isForgotten && this.#isFresh(one.openedMs))
    const captured = takeFirst(this.#unopened, (one) => one.path === path)
    if (captured === undefined) this.#await(listener, limits)
    else captured.join(listener, this.#timers)
    return listener
  }

  request({ method, url }: HttpRequest, { timeoutMs, stop }: RequestLimits): Promise<HttpAnswer> {
    if (stop.aborted) return Promise.resolve(failed('stopped'))
    const key = keyOf(method, url)
    this.#unasked = this.#unasked.filter(({ atMs }) => this.#isFresh(atMs))
    const answered = takeFirst(this.#unasked, (one) => one.key === key)
    if (answered !== undefined) return Promise.resolve(answered.answer)
    return new Promise((resolve) => {
      const answer = (with_: HttpAnswer) => {
        takeFirst(this.#asked, (one) => one === asked)
        cancel()
        stop.removeEventListener('abort', end)
        resolve(with_)
      }
      const end = () => answer(failed('stopped'))
      const asked: Asked = { key, answer }
      const cancel = this.#timers.after(timeoutMs, () => answer(failed('not in the capture')))
      stop.addEventListener('abort', end)
      this.#asked.push(asked)
    })
  }

  async play({ speed, stop }: PlayAbout = {}): Promise<Played> {
    const pace = paceOf(speed)
    for await (const line of readCapture(this.#files)) {
      if (stop?.aborted === true) break
      await pace(line.atMs)
      await this.#timers.advanceTo(line.atMs)
      this.#played.lines++
      this.#hand(line)
    }
    await this.#timers.advanceBy(0)
    return this.#played
  }

  #await(listener: Listener, { openMsMax }: SocketLimits): void {
    this.#listeners.push(listener)
    this.#timers.after(openMsMax, () => {
      const isWaiting = takeFirst(this.#listeners, (one) => one === listener) !== undefined
      if (isWaiting) listener.endWith({ message: 'not in the capture' })
    })
  }

  #hand(line: CaptureLine): void {
    switch (line.does) {
      case 'begin':
        if (line.part === 1) this.#endAll(line.atMs)
        break
      case 'send':
        break
      case 'open':
        this.#begin(new CapturedSocket(pathOf(line.url), line.atMs, UNASKED_MS_MAX), line.socket)
        break
      case 'opened':
      case 'frame':
      case 'close':
        this.#handToSocket(line)
        break
      case 'cut':
        this.#cut(line.socket)
        break
      case 'ask':
        this.#requests.set(line.request, keyOf(line.method, line.url))
        break
      case 'body':
      case 'refused':
      case 'failed':
        this.#answer(line)
    }
  }

  /** Another capture follows, whose numbers are its own: the sockets of the one before have ended with it. */
  #endAll(atMs: number): void {
    for (const captured of [...this.#sockets.values(), ...this.#cutOff]) {
      captured.take({ does: 'close', atMs, socket: 0, message: 'the capture ends here' })
    }
    this.#sockets.clear()
    this.#cutOff = []
    this.#requests.clear()
  }

  /** Whoever listens now may find no reason to cut it, and then hears nothing more until there is another socket. */
  #cut(number: number): void {
    const captured = this.#sockets.get(number)
    if (captured !== undefined) this.#cutOff.push(captured)
    this.#sockets.delete(number)
  }

  #begin(captured: CapturedSocket, number: number): void {
    this.#sockets.set(number, captured)
    const before = takeFirst(this.#cutOff, (one) => one.path === captured.path)
    const message = 'the capture goes on with another connection'
    before?.take({ does: 'close', atMs: captured.openedMs, socket: number, message })
    const listener = takeFirst(this.#listeners, (one) => one.path === captured.path && !one.isOver)
    if (listener === undefined) this.#unopened.push(captured)
    else captured.join(listener, this.#timers)
  }

  /** The beginning of a socket may lie in a file that is not there. */
  #handToSocket(line: SocketLine): void {
    const captured = this.#sockets.get(line.socket)
    if (line.does === 'frame') {
      this.#played.frames++
      if (captured === undefined || captured.isForgotten) this.#played.unheard++
    }
    if (captured?.isForgotten === false) this.#played.unheard += captured.take(line)
    if (line.does === 'close') this.#sockets.delete(line.socket)
  }

  #answer(line: Extract<CaptureLine, { does: 'body' | 'refused' | 'failed' }>): void {
    const key = this.#requests.get(line.request)
    this.#requests.delete(line.request)
    if (key === undefined) return
    const answer = answerOf(line)
    const asked = this.#asked.find((one) => one.key === key)
    if (asked === undefined) this.#unasked.push({ key, atMs: line.atMs, answer })
    else asked.answer(answer)
  }

  #isFresh(atMs: number): boolean {
    return this.#timers.nowMs() - atMs <= UNASKED_MS_MAX
  }
}

/** Resolves when a line of that time may be played. */
function paceOf(speed: PlayAbout['speed']): (atMs: number) => Promise<void> {
  if (speed === undefined) return async () => {}
  const { factor, timers } = speed
  const beganMs = timers.monotonicMs()
  let firstMs: number | undefined
  return async (atMs) => {
    firstMs ??= atMs
    const waitMs = (atMs - firstMs) / factor - (timers.monotonicMs() - beganMs)
    if (waitMs > 0) await new Promise<void>((resolve) => timers.after(waitMs, resolve))
  }
}

function answerOf(line: Extract<CaptureLine, { does: 'body' | 'refused' | 'failed' }>): HttpAnswer {
  switch (line.does) {
    case 'body':
      return { kind: 'body', bytes: heldBytes(line) }
    case 'failed':
      return failed(line.message)
    case 'refused': {
      const { message, status = 0, retryAfterMs } = line
      return { kind: 'refused', status, message, ...(retryAfterMs !== undefined && { retryAfterMs }) }
    }
  }
}

function failed(message: string): HttpAnswer {
  return { kind: 'failed', message }
}

function takeFirst<T>(from: T[], isMeant: (one: T) => boolean): T | undefined {
  const at = from.findIndex(isMeant)
  return at === -1 ? undefined : from.splice(at, 1)[0]
}

/** Tokens and the like stand in the query. */
function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname : url
}

/** Which product is asked for stands in the query. */
function keyOf(method: string, url: string): string {
  return URL.canParse(url) ? `${method} ${new URL(url).pathname}${new URL(url).search}` : `${method} ${url}`
}
