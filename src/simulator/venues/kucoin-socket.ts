import { type Budget, budget, parsedMessage, type Silence, silence } from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import type { Line, Session } from '../line.ts'
import type { Room } from '../room.ts'

const TOPICS: Readonly<Record<string, string>> = {
  '/market/level2': 'level2',
  '/market/match': 'match',
  '/market/ticker': 'ticker',
}
/** The channel of `/market/ticker:all`, on every product. */
export const EVERY_TICKER = 'ticker:all'

export const PING_MS = 18_000
const SILENCE_MS_MAX = 60_000
const MESSAGES_IN_10_S = 100
const TOPICS_A_MESSAGE = 100
const TOPICS_A_CONNECTION = 300

/** One connection. Whoever opened it has to say something at least once a minute. */
export class KucoinSocket implements Session {
  readonly #room: Room
  readonly #feeds: ReadonlyMap<string, Feed>
  readonly #line: Line
  readonly #messages: Budget
  readonly #cancelLife: () => void
  readonly #silence: Silence

  constructor(room: Room, feeds: ReadonlyMap<string, Feed>, line: Line, connectId: string, livesMs: number) {
    this.#room = room
    this.#feeds = feeds
    this.#line = line
    this.#messages = budget(MESSAGES_IN_10_S, 10_000, room.nowMs)
    this.#cancelLife = room.after(livesMs, () => line.close(1000, 'token is expired'))
    this.#silence = silence(room.after, SILENCE_MS_MAX, () => line.close(1000, 'ping timeout'))
    line.send(`{"id":${connectId},"type":"welcome"}`)
  }

  receive(text: string): void {
    if (this.#room.limited && this.#messages() > 0) {
      this.#line.close(1000, 'too many messages')
      return
    }
    this.#silence.restart()
    const answer = this.#answer(text)
    if (answer !== undefined) this.#line.send(answer)
  }

  pong(): void {}

  closed(): void {
    this.#cancelLife()
    this.#silence.cancel()
    this.#room.clock.leave(this.#line)
  }

  #answer(text: string): string | undefined {
    const message = parsedMessage(text)
    const id = JSON.stringify(String(message?.['id'] ?? ''))
    const type = message?.['type']
    if (type === 'ping') return `{"id":${id},"type":"pong","timestamp":${this.#room.stampMs * 1_000}}`
    if (type !== 'subscribe' && type !== 'unsubscribe') {
      return `{"id":${id},"type":"error","code":400,"data":"type ${String(type)} is not supported"}`
    }
    const wrong = this.#wish(type === 'subscribe', String(message?.['topic']))
    if (wrong !== undefined) return `{"id":${id},"type":"error","code":404,"data":${JSON.stringify(wrong)}}`
    return message?.['response'] === true ? `{"id":${id},"type":"ack"}` : undefined
  }

  /** All of a topic or nothing of it: answers what is wrong. */
  #wish(isWanted: boolean, topic: string): string | undefined {
    const colon = topic.indexOf(':')
    const name = TOPICS[topic.slice(0, colon)]
    const symbols = topic.slice(colon + 1).split(',')
    const isEvery = name === 'ticker' && topic.slice(colon + 1) === 'all'
    const feeds = isEvery ? this.#room.feeds : symbols.flatMap((symbol) => this.#feeds.get(symbol) ?? [])
    if (name === undefined || (!isEvery && feeds.length < symbols.length))
      return `topic ${topic} is not found`
    if (isWanted && !isEvery && this.#isTooMany(symbols.length)) {
      return 'exceed max subscription count limitation of 300 per session'
    }
    const channel = isEvery ? EVERY_TICKER : name
    for (const feed of feeds) {
      if (isWanted) this.#room.clock.join(feed, channel, this.#line)
      else this.#room.clock.part(feed, channel, this.#line)
    }
    return undefined
  }

  #isTooMany(more: number): boolean {
    return more > TOPICS_A_MESSAGE || this.#topics() + more > TOPICS_A_CONNECTION
  }

  /** Every symbol of a topic counts; all tickers are one topic. */
  #topics(): number {
    let topics = 0
    let hasEvery = false
    for (const names of this.#line.joined.values()) {
      const isEvery = names.has(EVERY_TICKER)
      topics += names.size - (isEvery ? 1 : 0)
      hasEvery ||= isEvery
    }
    return topics + (hasEvery ? 1 : 0)
  }
}
