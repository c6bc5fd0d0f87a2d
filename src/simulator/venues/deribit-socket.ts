import { parsedMessage, textsOf } from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import type { Line, Session } from '../line.ts'
import type { Room } from '../room.ts'
import { Heartbeat } from './deribit-heartbeat.ts'
import {
  answerText,
  credits,
  type DeribitMethods,
  NO_METHOD,
  type Params,
  REQUEST_CREDITS,
  type Result,
  TOO_MANY,
} from './deribit-methods.ts'
import { noticeText, snapshotData, tickerData } from './deribit-texts.ts'

export type DeribitSocketAbout = {
  readonly room: Room
  readonly feeds: ReadonlyMap<string, Feed>
  readonly methods: DeribitMethods
  readonly line: Line
  closed(): void
}

const CHANNEL = /^(book|ticker|trades)\.([^.]+)\.100ms$/
const RAW = /\.raw$/
const SUBSCRIBE_CREDITS = 3_000

/** One connection: what may be subscribed to, for which price, and heartbeats where they are asked for. */
export class DeribitSocket implements Session {
  readonly #about: DeribitSocketAbout
  readonly #spend: (cost: number) => boolean
  readonly #heartbeat: Heartbeat

  constructor(about: DeribitSocketAbout) {
    this.#about = about
    this.#spend = credits(about.room)
    this.#heartbeat = new Heartbeat(about.room, about.line)
  }

  receive(text: string): void {
    const { room, line } = this.#about
    const message = parsedMessage(text)
    const method = String(message?.['method'])
    const params = (message?.['params'] ?? {}) as Params
    if (room.limited && !this.#spend(/subscribe/.test(method) ? SUBSCRIBE_CREDITS : REQUEST_CREDITS)) {
      this.#answer(message?.['id'], TOO_MANY)
      line.close(1000, 'too_many_requests')
      return
    }
    if (message === undefined) {
      this.#answer(undefined, { error: { code: -32700, message: 'Parse error' } })
      return
    }
    if (method === 'public/test') this.#heartbeat.answered()
    if (method === 'public/subscribe') {
      this.#subscribe(message['id'], textsOf(params['channels']))
      return
    }
    this.#answer(message['id'], this.#about.methods.call(method, params) ?? this.#call(method, params))
  }

  pong(): void {}

  closed(): void {
    this.#heartbeat.stop()
    this.#about.room.clock.leave(this.#about.line)
    this.#about.closed()
  }

  /** Methods of sockets alone. */
  #call(method: string, params: Params): Result {
    if (method === 'public/hello') return { result: '{"version":"1.2.26"}' }
    if (method === 'public/set_heartbeat') return this.#heartbeat.set(Number(params['interval']))
    if (method === 'public/disable_heartbeat') return this.#heartbeat.stop()
    if (method === 'public/unsubscribe') return this.#unsubscribe(textsOf(params['channels']))
    if (method === 'public/unsubscribe_all') {
      this.#about.room.clock.leave(this.#about.line)
      return { result: '"ok"' }
    }
    return method.startsWith('private/') ? { error: { code: 13009, message: 'unauthorized' } } : NO_METHOD
  }

  /** Channels that there are not are left out of the answer without a word; raw ones need a key. */
  #subscribe(id: unknown, names: readonly string[]): void {
    if (names.some((name) => RAW.test(name))) {
      const message = 'raw_subscriptions_not_available_for_unauthorized'
      this.#answer(id, { error: { code: 13778, message } })
      return
    }
    const accepted = names.filter((name) => this.#feedOf(name) !== undefined)
    const fresh = accepted.filter(
      (name) => this.#about.line.joined.get(this.#feedOf(name)!)?.has(name) !== true,
    )
    this.#answer(id, { result: JSON.stringify(accepted) })
    for (const name of fresh) this.#begin(this.#feedOf(name)!, name)
  }

  #unsubscribe(names: readonly string[]): Result {
    const known = names.filter((name) => this.#feedOf(name) !== undefined)
    for (const name of known) this.#about.room.clock.part(this.#feedOf(name)!, name, this.#about.line)
    return { result: JSON.stringify(known) }
  }

  /** What comes at once to whoever subscribes. */
  #begin(feed: Feed, name: string): void {
    const { room, line } = this.#about
    room.clock.join(feed, name, line)
    const { market } = feed
    if (name.startsWith('ticker.')) line.send(noticeText(name, tickerData(market, room.stepStampMs(market))))
    if (!name.startsWith('book.')) return
    room.whenSnapshot(feed, () => line.send(noticeText(name, snapshotData(market, room.stepStampMs(market)))))
  }

  #feedOf(name: string): Feed | undefined {
    return this.#about.feeds.get(CHANNEL.exec(name)?.[2] ?? '')
  }

  #answer(id: unknown, result: Result): void {
    this.#about.line.send(answerText(id, result, this.#about.room.stampMs))
  }
}
