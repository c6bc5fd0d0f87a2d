import { type Budget, budget, every, parsedMessage, textsOf } from '../exchange.ts'
import type { FrameFault } from '../exchange-faults.ts'
import type { Feed } from '../feeds.ts'
import type { Line, Session } from '../line.ts'
import type { Room } from '../room.ts'
import {
  bookEvent,
  frameText,
  heartbeatEvent,
  snapshotText,
  tickerEvent,
  tradesEvent,
  tradeText,
} from './coinbase-advanced-texts.ts'

const CHANNELS = ['level2', 'market_trades', 'ticker', 'heartbeats'] as const
export type Channel = (typeof CHANNELS)[number]
/** How frames name the channels that are called differently there. */
const TOLD: Readonly<Record<string, string>> = { level2: 'l2_data' }

const SUBSCRIBE_WITHIN_MS = 5_000
const BEAT_MS = 1_000
const IDLE_MS_MAX = 75_000
const MESSAGES_A_SECOND = 8
const BOOKS_MAX = 30
const TRADES_AT_FIRST = 20

/** The venue's older feed has channels of the same names on the same products. */
export function own(channel: string): string {
  return OWN + channel
}

const OWN = 'advanced '

/** Sends one event with the connection's next number. */
export function say(
  room: Room,
  line: Line,
  channel: Channel | 'subscriptions',
  event: string,
  series = '',
  fault?: FrameFault,
) {
  const text = frameText(TOLD[channel] ?? channel, room.stampMs, line.numbered++, event)
  line.deliver(Buffer.from(text), series, fault)
}

/** One connection. It is ended when nothing was sent for long: `heartbeats` are there to prevent that. */
export class AdvancedSocket implements Session {
  readonly #room: Room
  readonly #feeds: ReadonlyMap<string, Feed>
  readonly #line: Line
  readonly #messages: Budget
  readonly #stopBeats: () => void
  readonly #openedAtMs: number
  #hasHeartbeats = false
  #beats = 0
  #lastNumber = 0
  #lastAtMs: number

  constructor(room: Room, feeds: ReadonlyMap<string, Feed>, line: Line) {
    this.#room = room
    this.#feeds = feeds
    this.#line = line
    this.#messages = budget(MESSAGES_A_SECOND, 1_000, room.nowMs)
    this.#openedAtMs = room.nowMs()
    this.#lastAtMs = this.#openedAtMs
    this.#stopBeats = every(room.after, BEAT_MS, () => this.#beat())
  }

  receive(text: string): void {
    if (this.#room.limited && this.#messages() > 0) this.#line.close(1008, 'rate limit exceeded')
    else this.#hear(text)
  }

  pong(): void {}

  closed(): void {
    this.#stopBeats()
    this.#room.clock.leave(this.#line)
  }

  #beat(): void {
    const { numbered } = this.#line
    const nowMs = this.#room.nowMs()
    if (numbered === 0 && nowMs - this.#openedAtMs >= SUBSCRIBE_WITHIN_MS) {
      this.#line.close(1008, 'subscribe within 5 seconds')
      return
    }
    if (numbered !== this.#lastNumber) this.#lastAtMs = nowMs
    this.#lastNumber = numbered
    if (nowMs - this.#lastAtMs > IDLE_MS_MAX) {
      this.#line.close(1001, 'no updates')
      return
    }
    if (this.#hasHeartbeats) this.#say('heartbeats', heartbeatEvent(this.#room.stampMs, ++this.#beats))
  }

  #hear(text: string): void {
    const message = parsedMessage(text)
    const type = message?.['type']
    const channel = String(message?.['channel'])
    const symbols = textsOf(message?.['product_ids'])
    const wrong = this.#faultOf(type, channel, symbols)
    if (wrong !== undefined) {
      this.#line.send(JSON.stringify({ type: 'error', message: wrong }))
      return
    }
    if (channel === 'heartbeats') this.#hasHeartbeats = type === 'subscribe'
    else for (const symbol of symbols) this.#wish(type === 'subscribe', channel, this.#feeds.get(symbol)!)
    this.#say('subscriptions', this.#subscriptions())
  }

  #wish(isWanted: boolean, channel: string, feed: Feed): void {
    const isJoined = this.#line.joined.get(feed)?.has(own(channel)) === true
    if (!isWanted) this.#room.clock.part(feed, own(channel), this.#line)
    else if (!isJoined) this.#begin(feed, channel)
  }

  /** What comes at once to whoever subscribes. */
  #begin(feed: Feed, channel: string): void {
    this.#room.clock.join(feed, own(channel), this.#line)
    const { market, symbol } = feed
    if (channel === 'level2') {
      this.#room.whenSnapshot(feed, () =>
        this.#say('level2', bookEvent(symbol, 'snapshot', snapshotText(market))),
      )
    }
    if (channel === 'ticker') this.#say('ticker', tickerEvent('snapshot', market))
    if (channel !== 'market_trades' || market.lastTrade === undefined) return
    const { id } = market.lastTrade
    const rows = Array.from({ length: TRADES_AT_FIRST }, (_, back) =>
      tradeText(market, market.tradeOf(id - back)!, this.#room.aheadMs),
    )
    this.#say('market_trades', tradesEvent('snapshot', rows))
  }

  #say(channel: Channel | 'subscriptions', event: string): void {
    say(this.#room, this.#line, channel, event)
  }

  #faultOf(type: unknown, channel: string, symbols: readonly string[]): string | undefined {
    if (type !== 'subscribe' && type !== 'unsubscribe') return 'failed to parse message'
    if (!CHANNELS.some((known) => known === channel)) return `${channel} is not a valid channel`
    const unknown = symbols.find((symbol) => !this.#feeds.has(symbol))
    if (unknown !== undefined && channel !== 'heartbeats') return `${unknown} is not a valid product`
    const books = [...this.#line.joined.values()].filter((names) => names.has(own('level2'))).length
    const isTooMany = type === 'subscribe' && channel === 'level2' && books + symbols.length > BOOKS_MAX
    return isTooMany ? 'too many L2 streams requested in a single session' : undefined
  }

  /** Everything that is subscribed to now. */
  #subscriptions(): string {
    const subscriptions: Record<string, string[]> = this.#hasHeartbeats ? { heartbeats: ['heartbeats'] } : {}
    for (const channel of CHANNELS) {
      const feeds = [...this.#line.joined].filter(([, names]) => names.has(own(channel)))
      if (feeds.length > 0) subscriptions[channel] = feeds.map(([feed]) => feed.symbol)
    }
    return JSON.stringify({ subscriptions })
  }
}
