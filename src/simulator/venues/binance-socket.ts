import { type Budget, budget, every, parsedMessage, textsOf } from '../exchange.ts'
import type { Line, Session } from '../line.ts'
import type { Room } from '../room.ts'
import type { Family } from './binance.ts'

export type BinanceSocketAbout = {
  readonly room: Room
  readonly family: Family
  readonly line: Line
  /** Those that the address names. */
  readonly streams: readonly string[]
  join(stream: string): void
  part(stream: string): void
  closed(): void
}

const LIFE_MS = 86_400_000
const PING_MS = { spot: 20_000, futures: 180_000 }
const PONG_MS = { spot: 60_000, futures: 600_000 }
const MESSAGES_A_SECOND = { spot: 5, futures: 10 }
const STREAMS_MAX = 1_024

const UNKNOWN_METHOD =
  '{"code":2,"msg":"Invalid request: unknown variant, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`"}'

/** One connection: what it asks for, its pings, and its end after a day. */
export class BinanceSocket implements Session {
  readonly #about: BinanceSocketAbout
  readonly #streams: Set<string>
  readonly #messages: Budget
  readonly #stopPings: () => void
  readonly #cancelLife: () => void
  #unansweredMs = 0

  constructor(about: BinanceSocketAbout) {
    const { room, family, line } = about
    this.#about = about
    this.#streams = new Set(about.streams)
    this.#messages = budget(MESSAGES_A_SECOND[family], 1_000, room.nowMs)
    this.#stopPings = every(room.after, PING_MS[family], () => this.#ping())
    this.#cancelLife = room.after(LIFE_MS, () => line.close(1000, 'disconnected after 24 hours'))
    for (const stream of this.#streams) about.join(stream)
  }

  receive(text: string): void {
    const { room, line } = this.#about
    if (room.limited && this.#messages() > 0) line.close(1008, 'Too many requests')
    else line.send(this.#answer(text))
  }

  pong(): void {
    this.#unansweredMs = 0
  }

  closed(): void {
    this.#stopPings()
    this.#cancelLife()
    this.#about.closed()
    this.#about.room.clock.leave(this.#about.line)
  }

  #ping(): void {
    const { family, line } = this.#about
    if (this.#unansweredMs >= PONG_MS[family]) {
      line.close(1008, 'Pong timeout')
      return
    }
    this.#unansweredMs += PING_MS[family]
    line.ping()
  }

  #answer(text: string): string {
    const message = parsedMessage(text)
    const id = JSON.stringify(message?.['id'] ?? null)
    const streams = textsOf(message?.['params'])
    const method = message?.['method']
    if (method === 'LIST_SUBSCRIPTIONS') return `{"result":${JSON.stringify([...this.#streams])},"id":${id}}`
    if (method === 'SUBSCRIBE') {
      if (this.#streams.size + streams.length > STREAMS_MAX)
        return '{"code":2,"msg":"Invalid request: too many streams"}'
      for (const stream of streams) this.#subscribe(stream)
    } else if (method === 'UNSUBSCRIBE') {
      for (const stream of streams) this.#unsubscribe(stream)
    } else return UNKNOWN_METHOD
    return `{"result":null,"id":${id}}`
  }

  #subscribe(stream: string): void {
    this.#streams.add(stream)
    this.#about.join(stream)
  }

  #unsubscribe(stream: string): void {
    this.#streams.delete(stream)
    this.#about.part(stream)
  }
}
