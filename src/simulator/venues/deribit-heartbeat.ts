import { every } from '../exchange.ts'
import type { Line } from '../line.ts'
import type { Room } from '../room.ts'
import type { Result } from './deribit-methods.ts'

const INTERVAL_S_MIN = 10

/** Heartbeats, as often as they were asked for; every other one is a request that must be answered before the next. */
export class Heartbeat {
  readonly #room: Room
  readonly #line: Line
  #stop = () => {}
  #isAsking = false
  #isUnanswered = false

  constructor(room: Room, line: Line) {
    this.#room = room
    this.#line = line
  }

  set(intervalS: number): Result {
    if (!(intervalS >= INTERVAL_S_MIN)) return { error: { code: 11050, message: 'bad_request' } }
    this.stop()
    this.#stop = every(this.#room.after, intervalS * 1_000, () => this.#beat())
    return { result: '"ok"' }
  }

  answered(): void {
    this.#isUnanswered = false
  }

  stop(): Result {
    this.#stop()
    this.#isUnanswered = false
    return { result: '"ok"' }
  }

  #beat(): void {
    if (this.#isUnanswered) {
      this.#line.close(1000, 'heartbeat was not answered')
      return
    }
    this.#line.send(
      `{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"${this.#isAsking ? 'test_request' : 'heartbeat'}"}}`,
    )
    this.#isUnanswered = this.#isAsking
    this.#isAsking = !this.#isAsking
  }
}
