import type { VirtualTimers } from '../../models/virtual-timers.ts'
import type { Socket, SocketEnd, SocketHandlers } from '../transport.ts'
import { type CaptureLine, heldBytes } from './capture-line.ts'

export type SocketLine = Extract<CaptureLine, { does: 'opened' | 'frame' | 'close' }>

/** Somebody who has opened a socket, and hears what was captured of one. */
export class Listener implements Socket {
  readonly path: string
  readonly #handlers: SocketHandlers
  #isOver = false

  constructor(path: string, handlers: SocketHandlers) {
    this.path = path
    this.#handlers = handlers
  }

  get isOver(): boolean {
    return this.#isOver
  }

  hear(line: SocketLine): void {
    if (this.#isOver) return
    if (line.does === 'opened') this.#handlers.onOpen()
    else if (line.does === 'frame') this.#handlers.onFrame(heldBytes(line))
    else {
      this.#isOver = true
      const { message, status, retryAfterMs } = line
      this.#handlers.onClose({
        message,
        ...(status !== undefined && { status }),
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      })
    }
  }

  /** What was sent then had its effect then. */
  send(): void {}

  /** Whoever was there then is there now. */
  ping(): void {
    queueMicrotask(() => {
      if (!this.#isOver) this.#handlers.onAlive?.()
    })
  }

  close(): void {
    this.endWith({ message: 'closed by us' })
  }

  endWith(end: SocketEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    // Made time may stand still by now.
    queueMicrotask(() => this.#handlers.onClose(end))
  }
}

/** Lines of one socket that wait for somebody to open it: ten seconds of the busiest there is. */
const WAITING_LINES_MAX = 100_000

/** A socket as it was captured. What comes before somebody listens is kept for a while. */
export class CapturedSocket {
  readonly path: string
  readonly openedMs: number
  readonly #keepMs: number
  #waiting: SocketLine[] = []
  #listener: Listener | undefined
  #isForgotten = false

  constructor(path: string, openedMs: number, keepMs: number) {
    this.path = path
    this.openedMs = openedMs
    this.#keepMs = keepMs
  }

  /** Whether nobody came in time. */
  get isForgotten(): boolean {
    return this.#isForgotten
  }

  /** What has waited is heard at once, but not from within this call. */
  join(listener: Listener, timers: VirtualTimers): void {
    this.#listener = listener
    timers.after(0, () => {
      for (const line of this.#waiting.splice(0)) listener.hear(line)
    })
  }

  /** Answers how many frames nobody will hear because of this line. */
  take(line: SocketLine): number {
    if (this.#listener !== undefined && this.#waiting.length === 0) {
      const unheard = this.#listener.isOver && line.does === 'frame' ? 1 : 0
      this.#listener.hear(line)
      return unheard
    }
    this.#waiting.push(line)
    const isLate = this.#listener === undefined && line.atMs - this.openedMs > this.#keepMs
    return isLate || this.#waiting.length > WAITING_LINES_MAX ? this.#forget() : 0
  }

  #forget(): number {
    this.#isForgotten = true
    return this.#waiting.splice(0).filter(({ does }) => does === 'frame').length
  }
}
