import type { LifeEvent } from '../connection.ts'
import type { ConnectionAbout } from '../socket.ts'
import type { Socket } from '../transport.ts'
import type { Control, Subscription, WireEvent } from '../venue.ts'
import { type Asking, type Message, openAsking } from './asking.ts'
import { type Lane, openLane } from './budget.ts'
import { type IdleWatch, openIdleWatch } from './idle-watch.ts'
import { type KeepingAlive, keepAliveOf } from './keep-alive.ts'

/** A welcome, and an answer to every message that subscribes, come within so long or not at all. */
const ANSWER_MS = 10_000
/** Ids of pings begin here, so that those of other messages do not depend on when pings are sent. */
const PING_ID_FROM = 1_000_000
/** Messages that wait for their turn: ten for every channel there may be. A peer that wants more answers is not one. */
const WAITING_MAX = 10_000
/** Where a venue says how long a connection may live, another takes its place one to two of these before that. */
const LIFE_MARGIN_MS = 60_000

export type ConversationAbout = ConnectionAbout & {
  readonly socket: Socket
  /** How often to ping, where the venue said so with the address. */
  readonly pingMs: number | undefined
  happen(event: LifeEvent): void
}

/**
 * What is said on one open socket, from its opening to its end: subscribing and being answered, keeping alive, noticing
 * silence. What follows for the connection it leaves to `connection.ts`, by saying what happens.
 */
export class Conversation {
  readonly #about: ConversationAbout
  /** Looked at with every frame: within an object that was spread from others each look would be a search. */
  readonly #everyFrame: Pick<ConversationAbout, 'wire' | 'timers' | 'levels' | 'log' | 'onFrame' | 'happen'>
  readonly #lane: Lane
  readonly #asking: Asking
  readonly #keepAlive: KeepingAlive
  readonly #idleWatch: IdleWatch
  readonly #cancels = new Set<() => void>()
  #isWelcomed = false
  #isOver = false
  #ids = 0
  #pingIds = PING_ID_FROM
  #lastNumber: number | undefined
  /** Signs of life, counted: only one that comes after a ping answers it. */
  #heard = 0
  #heardMs: number
  #heardAtMs: number

  constructor(about: ConversationAbout) {
    const { wire, timers, levels, log, onFrame, happen, subscriptions, pingMs } = about
    this.#about = about
    this.#everyFrame = { wire, timers, levels, log, onFrame, happen }
    this.#lane = openLane(wire.limits.messages, timers)
    this.#asking = openAsking(wire, subscriptions, () => ++this.#ids)
    this.#keepAlive = keepAliveOf(wire, pingMs)
    this.#idleWatch = openIdleWatch(wire)
    this.#heardMs = timers.monotonicMs()
    this.#heardAtMs = timers.nowMs()
  }

  /** When the last sign of life came; its opening, where none has. */
  get lastFrameAtMs(): number {
    return this.#heardAtMs
  }

  /** The first thing after opening. */
  greet(): void {
    const { wire, random } = this.#about
    const { lifeMs } = wire.limits
    if (this.#idleWatch.everyMs !== undefined) this.#lookForIdle(this.#idleWatch.everyMs)
    if (lifeMs !== undefined) {
      const marginMs = Math.min(LIFE_MARGIN_MS * (1 + random()), lifeMs / 2)
      this.after(lifeMs - marginMs, () => this.#happen({ kind: 'life-over' }))
    }
    if (wire.waitsForWelcome) this.after(ANSWER_MS, () => this.#expectWelcome())
    else this.#welcome()
  }

  /** Says hello and asks for everything. */
  subscribe(): void {
    this.#send(this.#about.wire.hello?.(++this.#ids) ?? [])
    for (const message of this.#asking.all()) this.#ask(message)
  }

  resubscribe(subscriptions: readonly Subscription[]): void {
    if (!this.#isWelcomed || this.#isOver) return
    const { endings, askings } = this.#asking.again(subscriptions)
    for (const { texts } of endings) this.#send(texts)
    for (const message of askings) this.#ask(message)
  }

  ping(): void {
    const { socket } = this.#about
    const text = this.#keepAlive.text(++this.#pingIds)
    this.#turn(true, () => {
      if (text === undefined) socket.ping?.()
      else socket.send(text)
      this.#awaitPong()
    })
  }

  onFrame(frame: Uint8Array): void {
    if (this.#isOver) return
    this.#hear()
    const events = this.#parsed(frame)
    for (const event of events) {
      this.#idleWatch.heard(event, this.#heardMs)
      this.#obey(event)
      if (this.#isOver) return
    }
    this.#everyFrame.onFrame(events, frame, this.#heardAtMs)
  }

  /** A venue that wants pings of its own has no other sign of life than its frames. */
  onAlive(): void {
    if (!this.#isOver && this.#keepAlive.isOfSocket) this.#hear()
  }

  /** Calls back after `ms`, unless the conversation has ended by then. */
  after(ms: number, call: () => void): void {
    const cancel = this.#about.timers.after(ms, () => {
      this.#cancels.delete(cancel)
      call()
    })
    this.#cancels.add(cancel)
  }

  /** Nothing is sent or said any more. The socket is its owner's to close. */
  end(): void {
    this.#isOver = true
    for (const cancel of this.#cancels) cancel()
    this.#cancels.clear()
    this.#lane.clear()
  }

  #happen(event: LifeEvent): void {
    this.#everyFrame.happen(event)
  }

  #hear(): void {
    this.#heard++
    const { timers } = this.#everyFrame
    this.#heardMs = timers.monotonicMs()
    this.#heardAtMs = timers.nowMs()
    this.#happen(FRAME)
  }

  /** A parser that throws breaks its promise: its frame is one that cannot be used, and no other is lost for it. */
  #parsed(frame: Uint8Array): readonly WireEvent[] {
    const { wire, levels, log } = this.#everyFrame
    levels.reset()
    try {
      return wire.parseFrame(frame, { receivedAtMs: this.#heardAtMs, levels })
    } catch (error) {
      log.error({ err: error }, 'a frame could not be read')
      levels.reset()
      const message = `could not be read: ${error instanceof Error ? error.message : String(error)}`
      return [{ type: 'rejected', refusal: { kind: 'wrong-shape', path: '', message } }]
    }
  }

  #obey(event: WireEvent): void {
    switch (event.type) {
      case 'welcome':
        this.#welcome()
        break
      case 'accepted':
        this.#accept(this.#asking.accepted(event))
        break
      case 'refused':
        this.#refused(event)
        break
      case 'numbered':
        this.#follow(event.number)
        break
      case 'closing':
        this.#happen({ kind: 'closing' })
        break
      case 'send':
        this.#send([event.text], { isUrgent: true })
        break
    }
  }

  #expectWelcome(): void {
    if (!this.#isWelcomed) this.#unanswered('no welcome', ANSWER_MS)
  }

  #welcome(): void {
    if (this.#isWelcomed) return
    this.#isWelcomed = true
    this.#schedulePing(this.#keepAlive.everyMs)
    this.#happen({ kind: 'welcomed' })
  }

  /** A wire whose address says everything writes no text, and has accepted by opening. */
  #ask({ id, texts }: Message): void {
    if (texts.length === 0) {
      this.#asking.sending(id)
      this.#accept(this.#asking.accepted({ type: 'accepted', id }))
    }
    this.#send(texts, {
      onLast: () => {
        this.#asking.sending(id)
        this.after(ANSWER_MS, () => this.#overdue(id))
      },
    })
  }

  /** `onLast` is called when the last of the texts is about to leave. */
  #send(texts: readonly string[], about: { isUrgent?: boolean; onLast?: () => void } = {}): void {
    texts.forEach((text, at) => {
      this.#turn(about.isUrgent === true, () => {
        if (at === texts.length - 1) about.onLast?.()
        this.#about.socket.send(text)
      })
    })
  }

  #turn(urgent: boolean, go: () => void): void {
    if (this.#lane.waiting < WAITING_MAX) this.#lane.turn(1, go, { urgent })
    else this.#happen({ kind: 'refused', message: `it wants more than ${WAITING_MAX} messages at once` })
  }

  #accept(subscriptions: readonly Subscription[]): void {
    if (subscriptions.length === 0) return
    this.#idleWatch.begin(subscriptions, this.#about.timers.monotonicMs())
    this.#about.onLive(subscriptions)
    if (this.#asking.isSettled) this.#happen({ kind: 'settled' })
  }

  #refused(event: Extract<Control, { type: 'refused' }>): void {
    const subscriptions = this.#asking.refused(event)
    const isOther = event.id !== undefined && !this.#asking.knows(event.id)
    if (isOther) this.#about.log.warn(`the venue refused a message: ${event.message}`)
    if (subscriptions === undefined) this.#happen({ kind: 'refused', message: event.message })
    else this.#refuse(subscriptions, event.message)
  }

  #refuse(subscriptions: readonly Subscription[], message: string): void {
    this.#idleWatch.end(subscriptions)
    for (const subscription of subscriptions) this.#about.onRefused(subscription, message)
    if (subscriptions.length > 0 && this.#asking.isSettled) this.#happen({ kind: 'settled' })
  }

  #overdue(id: number): void {
    const leftOut = this.#asking.overdue(id)
    if (leftOut === undefined) this.#unanswered('no answer to a subscription', ANSWER_MS)
    else this.#refuse(leftOut, 'left out of what was accepted')
  }

  #unanswered(what: string, ms: number): void {
    this.#happen({ kind: 'unanswered', message: `${what} within ${ms / 1_000} s` })
  }

  #follow(number: number): void {
    const expected = (this.#lastNumber ?? number - 1) + 1
    this.#lastNumber = number
    if (number !== expected) {
      this.#happen({ kind: 'gap', message: `message ${number} came where ${expected} was due` })
    }
  }

  #schedulePing(afterMs: number): void {
    const { everyMs, whenIdle } = this.#keepAlive
    this.after(afterMs, () => {
      const quietMs = this.#about.timers.monotonicMs() - this.#heardMs
      const isDue = !whenIdle || quietMs >= everyMs
      this.#schedulePing(isDue ? everyMs : everyMs - quietMs)
      if (isDue) this.#happen({ kind: 'ping-due' })
    })
  }

  #awaitPong(): void {
    const { answerMs } = this.#keepAlive
    const heardBefore = this.#heard
    this.after(answerMs, () => {
      if (this.#heard === heardBefore) this.#unanswered('silence, and no answer to a ping', answerMs)
    })
  }

  #lookForIdle(everyMs: number): void {
    this.after(everyMs, () => {
      this.#lookForIdle(everyMs)
      for (const subscription of this.#idleWatch.idle(this.#about.timers.monotonicMs())) {
        if (!this.#isOver) this.#about.onIdle(subscription)
      }
    })
  }
}

const FRAME: LifeEvent = { kind: 'frame' }
