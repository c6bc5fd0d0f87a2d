import type { LifeEvent } from '../connection.ts'
import type { ConnectionAbout } from '../socket.ts'
import type { Socket, SocketEnd } from '../transport.ts'
import type { Opening } from '../venue.ts'
import { type Refusing, refusalText, staysAwayMs } from './backoff.ts'
import type { WireBudget } from './budget.ts'
import { Conversation } from './conversation.ts'
import { requestWithin } from './request-within.ts'

const OPEN_MS_MAX = 10_000
/** An answer with an address in it is a kilobyte. */
const ADDRESS_BYTES_MAX = 64 * 1024
/** While a wire cannot be reached one of its connections tries for all; after so many failures in a row another does. */
const HOLDING_FAILURES_MAX = 20

export type AttemptAbout = ConnectionAbout & {
  /** Whose attempt it is. */
  readonly holder: object
  /** Failures in a row before this one. */
  readonly failures: number
  happen(event: LifeEvent): void
}

/** One way to an open socket (a turn, the address, the opening) and what is said on it then, until it ends. */
export class Attempt {
  /** Resolves when its socket, where it has one, has closed. */
  readonly closed: Promise<void>
  readonly #about: AttemptAbout
  readonly #ending = new AbortController()
  readonly #leave: () => void
  #socket: Socket | undefined
  #conversation: Conversation | undefined
  #onClosed: () => void = () => {}

  constructor(about: AttemptAbout) {
    this.#about = about
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve
    })
    const { budget, holder } = about
    this.#leave = budget.connects.turn(1, () => void this.#reach().catch((error) => this.#failBadly(error)), {
      holder,
    })
  }

  /** From the opening on. */
  get conversation(): Conversation | undefined {
    return this.#conversation
  }

  /** Cuts it off wherever it is. Nothing happens of it any more. */
  end(): void {
    this.#ending.abort()
    this.#leave()
    this.#conversation?.end()
    if (this.#socket === undefined) this.#onClosed()
    else this.#socket.close()
  }

  async #reach(): Promise<void> {
    const { wire, socketUrl, subscriptions } = this.#about
    const { opening } = wire
    if (opening.by === 'address') return this.#open(opening.url(socketUrl, subscriptions))
    const address = await this.#askForAddress(opening)
    if (this.#isOver) return
    if ('url' in address) this.#open(address.url, address.pingMs)
    else this.#fail(address)
  }

  async #askForAddress(
    opening: Extract<Opening, { by: 'request' }>,
  ): Promise<{ url: string; pingMs?: number } | Failure> {
    const { budget, transport, random, restUrl, socketUrl } = this.#about
    const answer = await requestWithin(budget, transport, opening.request(restUrl), {
      timeoutMs: OPEN_MS_MAX,
      bodyBytesMax: ADDRESS_BYTES_MAX,
      stop: this.#ending.signal,
      random,
    })
    if (answer.kind !== 'body') {
      const { kind: _, ...failure } = answer
      return { ...failure, message: `no address to connect to: ${answer.message}` }
    }
    const connectId = Math.floor(random() * 2 ** 52).toString(36)
    const parsed = opening.parse(answer.bytes, { connectId, socketUrl })
    if ('url' in parsed) return parsed
    return { message: `no address to connect to: ${parsed.refusal.message}` }
  }

  #open(url: string, pingMs?: number): void {
    const { wire, transport } = this.#about
    const limits = { frameBytesMax: wire.limits.frameBytesMax, openMsMax: OPEN_MS_MAX }
    this.#socket = transport.open(url, limits, {
      onOpen: () => this.#onOpen(pingMs),
      onFrame: (frame) => this.#conversation?.onFrame(frame),
      onAlive: () => this.#conversation?.onAlive(),
      onClose: (end) => this.#onClose(end),
    })
  }

  #onOpen(pingMs: number | undefined): void {
    if (this.#isOver) return
    releaseWire(this.#about.budget, this.#about.holder)
    this.#conversation = new Conversation({ ...this.#about, socket: this.#socket!, pingMs })
    this.#about.happen({ kind: 'opened' })
  }

  #onClose({ message, ...refusing }: SocketEnd): void {
    this.#onClosed()
    if (this.#isOver) return
    const { status } = refusing
    const failure = { message: status === undefined ? message : refusalText(status, message), ...refusing }
    if (this.#conversation === undefined) this.#fail(failure)
    else this.#about.happen({ kind: 'ended', ...failure })
  }

  /** A wire that cannot even say where it is breaks its promise. The others of its venue go on. */
  #failBadly(error: unknown): void {
    this.#about.log.error({ err: error }, 'no address')
    this.#fail({ message: `no address: ${error instanceof Error ? error.message : String(error)}` })
  }

  /** It never opened. What is the trouble of all of the wire is not tried out by each of its connections. */
  #fail(failure: Failure): void {
    const { budget, holder, failures, happen } = this.#about
    const awayMs = staysAwayMs(failure)
    if (awayMs !== undefined) budget.connects.pause(awayMs)
    if (!isOfWire(failure)) releaseWire(budget, holder)
    else if ((failures + 1) % HOLDING_FAILURES_MAX === 0) passWireOn(budget, holder)
    else holdWire(budget, holder)
    happen({ kind: 'ended', ...failure })
  }

  get #isOver(): boolean {
    return this.#ending.signal.aborted
  }
}

type Failure = { readonly message: string } & Refusing

/** Whether any other connection would have fared alike: no answer, the venue's own trouble, or all of us sent away. */
function isOfWire(refusing: Refusing): boolean {
  const { status } = refusing
  return status === undefined || status >= 500 || staysAwayMs(refusing) !== undefined
}

function holdWire({ connects }: WireBudget, holder: object): void {
  if (connects.holder === undefined) connects.holdFor(holder)
}

function passWireOn({ connects }: WireBudget, holder: object): void {
  if (connects.holder === holder) connects.holdFor(connects.next)
}

/** To be called as well when a connection ends for good. */
export function releaseWire({ connects }: WireBudget, holder: object): void {
  if (connects.holder === holder) connects.holdFor(undefined)
}
