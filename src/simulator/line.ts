import type { FrameFault } from './exchange-faults.ts'
import type { Feed } from './feeds.ts'
import { draw, keyOf } from './random.ts'

/** The far end of a socket, as a venue sees it. */
export type Peer = {
  /** `binary`: not text, whatever the bytes are. The bytes may be handed to other peers as well. */
  send(frame: Uint8Array, binary: boolean): void
  /** A ping of the WebSocket itself. */
  ping(): void
  /** The answer to one that came. */
  pong(): void
  /** 1006 ends the connection without a word. */
  close(code: number, reason: string): void
}

/** What a venue does about one socket. After `closed` nothing is called any more. */
export type Session = {
  receive(text: string): void
  /** The WebSocket's own answer to a ping. */
  pong(): void
  closed(): void
}

/** The same, as whoever carries the socket sees it. */
export type OpenLine = Session & {
  /** A ping of the WebSocket itself has come. */
  pinged(): void
}

const KEPT_BYTES_MAX = 16_777_216 // as much as a venue keeps for a reader that takes nothing

/** One socket of a venue, with what goes wrong on it. What is sent before it is open waits until then. */
export class Line {
  /** What it listens to. */
  readonly joined = new Map<Feed, Set<string>>()
  /** Frames numbered so far, on venues that number all frames of a connection. */
  numbered = 0
  #peer: Peer | undefined
  #isOver = false
  #end: { readonly code: number; readonly reason: string } | undefined
  #muted = false
  /** What waits; undefined where nothing has to. */
  #kept: { frame: Uint8Array; binary: boolean }[] | undefined = []
  #keptBytes = 0
  readonly #held = new Map<string, Uint8Array>()

  open(peer: Peer): void {
    this.#peer = peer
    this.resume()
    if (this.#end !== undefined) peer.close(this.#end.code, this.#end.reason)
  }

  /** An answer of the venue. */
  send(text: string): void {
    this.#put(Buffer.from(text), false)
  }

  /** A frame of market data. `series` names what comes one after the other: frames of one kind about one product. */
  deliver(frame: Uint8Array, series: string, fault?: FrameFault): void {
    if (fault === undefined && this.#held.size === 0) this.#put(frame, false)
    else this.#deliverFaulty(frame, series, fault)
  }

  ping(): void {
    if (!this.#isOver && !this.#muted && this.#kept === undefined) this.#peer?.ping()
  }

  pong(): void {
    if (!this.#isOver && !this.#muted && this.#kept === undefined) this.#peer?.pong()
  }

  close(code: number, reason: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#end = { code, reason }
    this.#peer?.close(code, reason)
  }

  /** The far end is gone. */
  ended(): void {
    this.#isOver = true
  }

  /** From now on nothing comes, and nobody says so. */
  mute(): void {
    this.#muted = true
  }

  /** Keeps everything back until `resume`. */
  stall(): void {
    this.#kept ??= []
  }

  resume(): void {
    const kept = this.#kept ?? []
    this.#kept = undefined
    this.#keptBytes = 0
    if (!this.#muted) for (const { frame, binary } of kept) this.#peer?.send(frame, binary)
  }

  #deliverFaulty(frame: Uint8Array, series: string, fault: FrameFault | undefined): void {
    if (fault === 'reorder' && !this.#held.has(series)) {
      this.#held.set(series, frame)
      return
    }
    for (const spoiled of spoiledFrames(frame, fault)) this.#put(spoiled.frame, spoiled.binary)
    const held = this.#held.get(series)
    if (held === undefined) return
    this.#held.delete(series)
    this.#put(held, false)
  }

  #put(frame: Uint8Array, binary: boolean): void {
    if (this.#isOver || this.#muted) return
    if (this.#kept === undefined) {
      this.#peer?.send(frame, binary)
      return
    }
    this.#kept.push({ frame, binary })
    this.#keptBytes += frame.length
    if (this.#keptBytes > KEPT_BYTES_MAX) this.close(1006, 'too slow')
  }
}

const OVERSIZED_BYTES = 33_554_432
const SPACE = 32

function spoiledFrames(frame: Uint8Array, fault: FrameFault | undefined) {
  const whole = { frame, binary: false }
  if (fault === 'drop') return []
  if (fault === 'duplicate') return [whole, whole]
  if (fault === 'garbage') return [{ frame: garbage(frame.length), binary: true }]
  if (fault === 'truncated') return [{ frame: frame.subarray(0, frame.length >> 1), binary: false }]
  if (fault !== 'oversized') return [whole]
  const oversized = new Uint8Array(OVERSIZED_BYTES).fill(SPACE)
  oversized.set(frame)
  return [{ frame: oversized, binary: false }]
}

function garbage(length: number): Uint8Array {
  const key = keyOf(`${length}`)
  return Uint8Array.from({ length: Math.max(1, length) }, (_, index) => draw(key, index) & 255)
}
