import { draw } from '../random.ts'
import type { Room } from '../room.ts'

const TOKEN_LIFE_MS = 86_400_000
const TOKENS_MAX = 10_000 // handed out and not yet used: the oldest are forgotten

/** Tokens that were handed out. Each opens one connection, once, and that lives as long as the token. */
export class Tokens {
  readonly #room: Room
  readonly #expireAtMs = new Map<string, number>()
  #made = 0

  constructor(room: Room) {
    this.#room = room
  }

  make(): string {
    const token = `2neAiuYvAU61ZD${draw(this.#room.key, this.#made++).toString(36)}${this.#made.toString(36)}`
    const lifeMs = this.#room.faults.inForce('expired-token') ? 0 : TOKEN_LIFE_MS
    if (this.#expireAtMs.size >= TOKENS_MAX) this.#expireAtMs.delete(this.#expireAtMs.keys().next().value!)
    this.#expireAtMs.set(token, this.#room.nowMs() + lifeMs)
    return token
  }

  /** How long it is good for: 0 or less where it is not, or no longer. */
  take(token: string): number {
    const expiresAtMs = this.#expireAtMs.get(token) ?? 0
    this.#expireAtMs.delete(token)
    return expiresAtMs - this.#room.nowMs()
  }
}
