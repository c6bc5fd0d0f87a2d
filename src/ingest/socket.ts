import type { Logger } from 'pino'
import type { HoleReason } from '../models/feed-records.ts'
import type { Timers } from '../models/timers.ts'
import {
  type ConnectionState,
  type LifeAction,
  type LifeEvent,
  type LifeStep,
  NEW_LIFE,
  nextLife,
  STEADY_MS,
} from './connection.ts'
import type { Levels } from './levels.ts'
import type { Transport } from './transport.ts'
import type { Subscription, Wire, WireEvent } from './venue.ts'
import { Attempt, releaseWire } from './wire/attempt.ts'
import type { WireBudget } from './wire/budget.ts'

export type ConnectionAbout = {
  readonly wire: Wire
  /** What this connection carries: no more than `splitSubscriptions` puts on one. */
  readonly subscriptions: readonly Subscription[]
  readonly restUrl: string
  readonly socketUrl: string
  readonly transport: Transport
  readonly timers: Timers
  readonly random: () => number
  /** Shared by all connections of the wire. */
  readonly budget: WireBudget
  readonly levels: Levels
  readonly log: Logger
  /** Everything a frame says, in order. The connection has seen to its own part of it; `resync` is for who keeps books. */
  onFrame(events: readonly WireEvent[], frame: Uint8Array, receivedAtMs: number): void
  /** Accepted, for the first time or again: data may come. Some may have come before. */
  onLive(subscriptions: readonly Subscription[]): void
  /** Everything of this connection is out of step from now on. Called for every attempt that ends, once. */
  onLost(about: Lost): void
  /** The venue has said no, or left it out without a word. It is asked again when the connection has been made anew. */
  onRefused(subscription: Subscription, message: string): void
  /** Nothing has come for this subscription for `Wire.idleMs`. Said again after as long again. */
  onIdle(subscription: Subscription): void
  /** What people should know: that it goes on failing, and, after that, that it has been live for a while. */
  tell(news: ConnectionNews): void
}

export type Lost = {
  readonly reason: HoleReason
  readonly message: string
  /** The last good moment: the last sign of life, or the opening; undefined where this attempt never opened. */
  readonly lastFrameAtMs: number | undefined
}

export type ConnectionNews = {
  readonly kind: 'failing' | 'recovered'
  readonly message: string
  readonly failures: number
  readonly atMs: number
}

/** A connection that is kept up until it is closed. */
export type Connection = {
  readonly state: ConnectionState
  /** Failures since it was last steady. */
  readonly failures: number
  readonly subscriptions: readonly Subscription[]
  /**
   * Ends these and asks for them anew, within the message budget. What is being asked for anyway is not asked for twice;
   * what was refused on this connection is not asked for again.
   */
  resubscribe(subscriptions: readonly Subscription[]): void
  /** Resolves once the socket has closed. Nothing is called back any more. */
  close(): Promise<void>
}

export function openConnection(about: ConnectionAbout): Connection {
  return new KeptConnection(about)
}

/** Obeys `connection.ts`: what happens goes in, one thing after the other, and what comes out is done. */
class KeptConnection implements Connection {
  readonly #about: ConnectionAbout
  readonly #ended: Promise<void>
  readonly #happenings: LifeEvent[] = []
  #isObeying = false
  #life = NEW_LIFE.life
  #attempt: Attempt | undefined
  #cancelRetry: () => void = () => {}
  #onEnded: (closed: Promise<void> | undefined) => void = () => {}

  constructor(about: ConnectionAbout) {
    this.#about = about
    this.#ended = new Promise((resolve) => {
      this.#onEnded = resolve
    })
    this.#take(NEW_LIFE)
  }

  get state(): ConnectionState {
    return this.#life.state
  }

  get failures(): number {
    return this.#life.failures
  }

  get subscriptions(): readonly Subscription[] {
    return this.#about.subscriptions
  }

  resubscribe(subscriptions: readonly Subscription[]): void {
    this.#attempt?.conversation?.resubscribe(subscriptions)
  }

  close(): Promise<void> {
    this.#happen({ kind: 'stop' })
    return this.#ended
  }

  /** What happens while something is being done waits until it has been. */
  #happen(event: LifeEvent): void {
    this.#happenings.push(event)
    if (this.#isObeying) return
    for (let next = this.#happenings.shift(); next !== undefined; next = this.#happenings.shift()) {
      this.#take(nextLife(this.#life, next, this.#about.random))
    }
  }

  #take({ life, actions }: LifeStep): void {
    this.#life = life
    this.#isObeying = true
    try {
      for (const action of actions) this.#obey(action)
    } finally {
      this.#isObeying = false
    }
  }

  #obey(action: LifeAction): void {
    const conversation = this.#attempt?.conversation
    switch (action.does) {
      case 'connect':
        this.#connect()
        break
      case 'greet':
        conversation?.greet()
        break
      case 'subscribe':
        conversation?.subscribe()
        break
      case 'ping':
        conversation?.ping()
        break
      case 'await-steadiness':
        conversation?.after(STEADY_MS, () => this.#happen({ kind: 'steady' }))
        break
      case 'lose':
        this.#lose(action.reason, action.message)
        break
      case 'retry':
        this.#retry(action.afterMs)
        break
      case 'tell':
        this.#tell(action.kind, action.message)
        break
      case 'end':
        this.#end()
        break
    }
  }

  #connect(): void {
    this.#attempt = new Attempt({
      ...this.#about,
      holder: this,
      failures: this.#life.failures,
      happen: (event) => this.#happen(event),
    })
  }

  #lose(reason: HoleReason, message: string): void {
    const lastFrameAtMs = this.#attempt?.conversation?.lastFrameAtMs
    this.#attempt?.end()
    this.#attempt = undefined
    this.#about.log.warn({ reason, failures: this.#life.failures }, `connection lost: ${message}`)
    this.#about.onLost({ reason, message, lastFrameAtMs })
  }

  #retry(afterMs: number): void {
    this.#cancelRetry = this.#about.timers.after(afterMs, () => this.#happen({ kind: 'retry-due' }))
  }

  #tell(kind: ConnectionNews['kind'], message: string): void {
    const { tell, timers } = this.#about
    tell({ kind, message, failures: this.#life.failures, atMs: timers.nowMs() })
  }

  #end(): void {
    this.#cancelRetry()
    const attempt = this.#attempt
    attempt?.end()
    releaseWire(this.#about.budget, this)
    this.#onEnded(attempt?.closed)
  }
}
