import { type Budget, budget, parsedMessage, type Silence, silence } from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import type { Line, Session } from '../line.ts'
import type { Room } from '../room.ts'
import type { BookNumbering } from './okx-numbering.ts'
import { bookSnapshot, tickerText, tradeText } from './okx-texts.ts'

export type OkxSocketAbout = {
  readonly room: Room
  readonly feeds: ReadonlyMap<string, Feed>
  readonly numbering: BookNumbering
  readonly line: Line
  readonly connId: string
}

const CHANNELS = ['books', 'trades', 'tickers']
const IDLE_MS_MAX = 30_000
const WISHES_AN_HOUR = 480
const WISH_LETTERS_MAX = 65_536
const QUOTED_LETTERS_MAX = 100

/** One connection. Whoever is told nothing has to say something every half minute. */
export class OkxSocket implements Session {
  readonly #about: OkxSocketAbout
  readonly #wishes: Budget
  readonly #silence: Silence

  constructor(about: OkxSocketAbout) {
    const { room } = about
    this.#about = about
    this.#wishes = budget(WISHES_AN_HOUR, 3_600_000, room.nowMs)
    this.#silence = silence(room.after, IDLE_MS_MAX, () => this.#idle())
  }

  receive(text: string): void {
    this.#silence.restart()
    if (text === 'ping') this.#about.line.send('pong')
    else this.#hear(text)
  }

  pong(): void {}

  closed(): void {
    this.#silence.cancel()
    this.#about.room.clock.leave(this.#about.line)
  }

  #idle(): void {
    const { line } = this.#about
    if (line.joined.size === 0) line.close(4004, 'No data received in 30s.')
    else this.#silence.restart()
  }

  #hear(text: string): void {
    const message = parsedMessage(text)
    const op = message?.['op']
    const head = message?.['id'] === undefined ? '{' : `{"id":${JSON.stringify(message['id'])},`
    if (text.length > WISH_LETTERS_MAX || (op !== 'subscribe' && op !== 'unsubscribe')) {
      this.#refuse(head, '60012', `Invalid request: ${text.slice(0, QUOTED_LETTERS_MAX)}`)
    } else if (this.#about.room.limited && this.#wishes() > 0) {
      this.#refuse(head, '60014', 'Requests too frequent')
    } else {
      for (const arg of argsOf(message?.['args'])) this.#wish(head, op, arg)
    }
  }

  #wish(head: string, op: 'subscribe' | 'unsubscribe', { channel, instId }: Arg): void {
    const { room, feeds, line, connId } = this.#about
    const feed = feeds.get(instId)
    if (feed === undefined || !CHANNELS.includes(channel)) {
      const what = `channel:${channel},instId:${instId} doesn't exist`
      const advice = 'Please use the correct URL, channel and parameters referring to API document.'
      this.#refuse(head, '60018', `Wrong URL or ${what}. ${advice}`)
      return
    }
    const isNew = op === 'subscribe' && line.joined.get(feed)?.has(channel) !== true
    if (op === 'unsubscribe') room.clock.part(feed, channel, line)
    line.send(
      `${head}"event":"${op}","arg":{"channel":"${channel}","instId":"${instId}"},"connId":"${connId}"}`,
    )
    if (isNew) this.#begin(feed, channel)
  }

  /** What comes at once to whoever subscribes. */
  #begin(feed: Feed, channel: string): void {
    const { room, line, numbering } = this.#about
    room.clock.join(feed, channel, line)
    const { market } = feed
    if (channel === 'tickers') line.send(tickerText(market, room.stepStampMs(market)))
    if (channel === 'trades' && market.lastTrade !== undefined) {
      line.send(tradeText(market, market.lastTrade, room.aheadMs))
    }
    if (channel !== 'books') return
    room.whenSnapshot(feed, () =>
      line.send(bookSnapshot(market, room.stepStampMs(market), numbering.now(market))),
    )
  }

  #refuse(head: string, code: string, msg: string): void {
    const { line, connId } = this.#about
    line.send(`${head}"event":"error","code":"${code}","msg":${JSON.stringify(msg)},"connId":"${connId}"}`)
  }
}

type Arg = { readonly channel: string; readonly instId: string }

function argsOf(value: unknown): Arg[] {
  if (!Array.isArray(value)) return []
  return (value as (Record<string, unknown> | null)[]).map((arg) => ({
    channel: String(arg?.['channel']),
    instId: String(arg?.['instId']),
  }))
}
