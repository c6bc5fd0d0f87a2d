import { type Budget, budget, every, parsedMessage, textsOf } from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import type { Line, Session } from '../line.ts'
import type { Room } from '../room.ts'
import { heartbeatText, matchText, snapshotText, tickerText } from './coinbase-exchange-texts.ts'

const CHANNELS = ['level2_batch', 'matches', 'ticker', 'heartbeat'] as const
/** How the venue calls back those that it calls differently. */
const ECHOED: Readonly<Record<string, string>> = { level2_batch: 'level2_50' }
const NEED_KEYS = ['level2', 'level3', 'full']

const SUBSCRIBE_WITHIN_MS = 5_000
const HEARTBEAT_MS = 1_000
const MESSAGES_A_SECOND = 100

/** One connection to the feed. */
export class CoinbaseSocket implements Session {
  readonly #room: Room
  readonly #feeds: ReadonlyMap<string, Feed>
  readonly #line: Line
  readonly #messages: Budget
  readonly #cancelWait: () => void
  readonly #stopBeats: () => void

  constructor(room: Room, feeds: ReadonlyMap<string, Feed>, line: Line) {
    this.#room = room
    this.#feeds = feeds
    this.#line = line
    this.#messages = budget(MESSAGES_A_SECOND, 1_000, room.nowMs)
    this.#cancelWait = room.after(SUBSCRIBE_WITHIN_MS, () => {
      if (line.joined.size === 0) line.close(1008, 'subscribe within 5 seconds')
    })
    this.#stopBeats = every(room.after, HEARTBEAT_MS, () => this.#beat())
  }

  receive(text: string): void {
    if (this.#room.limited && this.#messages() > 0) this.#line.close(1008, 'rate limit exceeded')
    else this.#hear(text)
  }

  pong(): void {}

  closed(): void {
    this.#cancelWait()
    this.#stopBeats()
    this.#room.clock.leave(this.#line)
  }

  #beat(): void {
    for (const [feed, channels] of this.#line.joined) {
      if (channels.has('heartbeat')) this.#line.send(heartbeatText(feed.market, this.#room.stampMs))
    }
  }

  /** All of a message or nothing of it. */
  #hear(text: string): void {
    const message = parsedMessage(text)
    const type = message?.['type']
    if (message === undefined || (type !== 'subscribe' && type !== 'unsubscribe')) {
      this.#refuse('Malformed JSON', 'type has to be either subscribe or unsubscribe')
      return
    }
    const wishes = wishesOf(message)
    const wrong = wishes.map((wish) => this.#faultOf(wish)).find((fault) => fault !== undefined)
    if (wrong !== undefined) {
      this.#refuse('Failed to subscribe', wrong)
      return
    }
    const granted = wishes.map(({ channel, symbol }) => ({ channel, feed: this.#feeds.get(symbol)! }))
    if (type === 'subscribe') this.#subscribe(granted)
    else this.#unsubscribe(granted)
  }

  #subscribe(granted: readonly Granted[]): void {
    const fresh = granted.filter(({ feed, channel }) => !this.#line.joined.get(feed)?.has(channel))
    for (const { feed, channel } of fresh) this.#room.clock.join(feed, channel, this.#line)
    this.#line.send(subscriptionsText(this.#line))
    for (const { feed, channel } of fresh) this.#begin(feed, channel)
  }

  #unsubscribe(granted: readonly Granted[]): void {
    for (const { feed, channel } of granted) this.#room.clock.part(feed, channel, this.#line)
    this.#line.send(subscriptionsText(this.#line))
  }

  /** What comes at once to whoever subscribes. */
  #begin(feed: Feed, channel: string): void {
    const { market } = feed
    const { lastTrade } = market
    if (channel === 'level2_batch') {
      this.#room.whenSnapshot(feed, () =>
        this.#line.send(snapshotText(market, this.#room.stepStampMs(market))),
      )
    }
    if (lastTrade === undefined) return
    const { aheadMs } = this.#room
    if (channel === 'matches') this.#line.send(matchText(market, lastTrade, 'last_match', aheadMs))
    if (channel === 'ticker') this.#line.send(tickerText(market, lastTrade, aheadMs))
  }

  /** Why a wish is not granted; of one that is, nothing. */
  #faultOf({ channel, symbol }: Wish): string | undefined {
    if (NEED_KEYS.includes(channel)) {
      return 'level2, level3, and full channels now require authentication. https://docs.cdp.coinbase.com/exchange/docs/websocket-auth'
    }
    if (!CHANNELS.some((known) => known === channel)) return `${channel} is not a valid channel`
    return this.#feeds.has(symbol) ? undefined : `${symbol} is not a valid product`
  }

  #refuse(message: string, reason: string): void {
    this.#line.send(JSON.stringify({ type: 'error', message, reason }))
  }
}

type Wish = { readonly channel: string; readonly symbol: string }
type Granted = { readonly channel: string; readonly feed: Feed }

/** `channels` holds names, or objects with products of their own. */
function wishesOf(message: Record<string, unknown>): Wish[] {
  const common = textsOf(message['product_ids'])
  const channels = Array.isArray(message['channels']) ? (message['channels'] as unknown[]) : []
  return channels.flatMap((channel) => {
    if (typeof channel !== 'object' || channel === null) {
      return common.map((symbol) => ({ channel: String(channel), symbol }))
    }
    const { name, product_ids: own } = channel as Record<string, unknown>
    return (own === undefined ? common : textsOf(own)).map((symbol) => ({ channel: String(name), symbol }))
  })
}

/** Everything that is subscribed to now. */
function subscriptionsText(line: Line): string {
  const channels = CHANNELS.flatMap((channel) => {
    const symbols = [...line.joined].filter(([, names]) => names.has(channel)).map(([feed]) => feed.symbol)
    return symbols.length === 0 ? [] : [{ name: ECHOED[channel] ?? channel, product_ids: symbols }]
  })
  return JSON.stringify({ type: 'subscriptions', channels })
}
