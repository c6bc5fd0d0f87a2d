import type { ExchangeMarket } from '../exchange-market.ts'
import type { Room } from '../room.ts'
import { checksumOf } from './okx-texts.ts'

export type BookNumbers = { readonly sequence: number; readonly previous: number; readonly checksum: number }

/** How the books are numbered and checked: as their markets count, but for what maintenance has set back. */
export class BookNumbering {
  readonly #room: Room
  /** By product: what is taken off its market's numbers. */
  readonly #setBack = new Map<string, number>()

  constructor(room: Room) {
    this.#room = room
  }

  /** Of the book as it stands. */
  now(market: ExchangeMarket): BookNumbers {
    return { sequence: this.#shown(market, market.sequence), previous: -1, checksum: this.#checksum(market) }
  }

  /** Of its last change. Where numbers begin anew, only `previous` still is of the old ones. */
  next(market: ExchangeMarket): BookNumbers {
    const { product } = market.listing
    const previous = this.#shown(market, market.previousSequence)
    if (!this.#room.faults.quiet && this.#room.faults.ofBook('renumber', product)) {
      this.#setBack.set(product, market.sequence - 1)
    }
    return { sequence: this.#shown(market, market.sequence), previous, checksum: this.#checksum(market) }
  }

  #shown({ listing }: ExchangeMarket, sequence: number): number {
    return sequence - (this.#setBack.get(listing.product) ?? 0)
  }

  #checksum(market: ExchangeMarket): number {
    const { faults, checksums } = this.#room
    const right = checksums ? checksumOf(market) : 0
    return !faults.quiet && faults.ofBook('wrong-checksum', market.listing.product) ? right ^ WRONG : right
  }
}

const WRONG = 0x5bd1
