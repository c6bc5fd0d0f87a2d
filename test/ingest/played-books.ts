import { Levels } from '../../src/ingest/levels.ts'
import { OrderBook } from '../../src/ingest/order-book.ts'
import type {
  BookChecksum,
  BookDelta,
  BookSnapshot,
  Following,
  Rejected,
  Wire,
  WireTicker,
  WireTrade,
} from '../../src/ingest/venue.ts'
import { formatDecimal } from '../../src/models/decimal.ts'
import { kept } from './dull-books.ts'

export type Best = { readonly bid: string; readonly ask: string }

type PlayedBook = {
  readonly book: OrderBook
  readonly checksum: BookChecksum | undefined
  last: number
  isBridged: boolean
}

/** Plays what a wire received and keeps every product's book in step by the wire's own rules, without time or retries. */
export class PlayedBooks {
  readonly counts = { snapshots: 0, next: 0, old: 0, gap: 0, waiting: 0, crossed: 0, checked: 0, wrong: 0 }
  readonly trades: WireTrade[] = []
  readonly tickers: WireTicker[] = []
  readonly rejected: Rejected[] = []
  /** How often each other event came. */
  readonly others = new Map<string, number>()
  readonly #wire: Wire
  readonly #onChange: (delta: BookDelta, best: Best | undefined) => void
  readonly #levels = new Levels()
  readonly #books = new Map<string, PlayedBook>()
  readonly #waiting = new Map<string, { delta: BookDelta; levels: Levels }[]>()

  constructor(wire: Wire, onChange: (delta: BookDelta, best: Best | undefined) => void = () => undefined) {
    this.#wire = wire
    this.#onChange = onChange
  }

  frame(bytes: Uint8Array, receivedAtMs: number): void {
    this.#levels.reset()
    for (const event of this.#wire.parseFrame(bytes, { receivedAtMs, levels: this.#levels })) {
      if (event.type === 'snapshot') this.#install(event)
      else if (event.type === 'delta') this.#change(event, this.#levels)
      else if (event.type === 'trade') this.trades.push(event)
      else if (event.type === 'ticker') this.tickers.push(event)
      else if (event.type === 'rejected') this.rejected.push(event)
      else this.others.set(event.type, (this.others.get(event.type) ?? 0) + 1)
    }
  }

  /** A snapshot that was asked for. */
  body(symbol: string, bytes: Uint8Array, receivedAtMs: number): void {
    this.#levels.reset()
    const event = this.#wire.books!.snapshot!.parse(bytes, { receivedAtMs, levels: this.#levels, symbol })
    if (event.type === 'rejected') this.rejected.push(event)
    else this.#install(event, true)
  }

  best(symbol: string): Best | undefined {
    const { book } = this.#books.get(symbol) ?? {}
    const [bid, ask] = [book?.bestBid(), book?.bestAsk()]
    return bid && ask && { bid: formatDecimal(bid), ask: formatDecimal(ask) }
  }

  #install(snapshot: BookSnapshot, isAskedFor = false): void {
    this.counts.snapshots++
    const checksum = snapshot.checksum === undefined ? undefined : this.#wire.books!.openChecksum?.()
    const played = { book: new OrderBook(), checksum, last: snapshot.last, isBridged: !isAskedFor }
    played.book.replace(this.#levels, snapshot.from, snapshot.to, snapshot.whole)
    this.#books.set(snapshot.symbol, played)
    this.#settle(played, snapshot, this.#levels)
    for (const { delta, levels } of this.#waiting.get(snapshot.symbol) ?? []) this.#change(delta, levels)
    this.#waiting.delete(snapshot.symbol)
  }

  #change(delta: BookDelta, levels: Levels): void {
    const played = this.#books.get(delta.symbol)
    if (played === undefined) {
      this.#wait(delta, levels)
      return
    }
    const following = this.#followingOf(played, delta)
    this.counts[following]++
    if (following !== 'next') return
    played.book.apply(levels, delta.from, delta.to)
    played.last = delta.last
    played.isBridged = true
    this.#settle(played, delta, levels)
  }

  #followingOf({ last, isBridged }: PlayedBook, delta: BookDelta): Following {
    const rules = this.#wire.books!
    return (isBridged ? rules.follows : (rules.bridges ?? rules.follows))(last, delta)
  }

  #wait(delta: BookDelta, levels: Levels): void {
    this.counts.waiting++
    const own = kept(levels, delta.from, delta.to)
    const waiting = this.#waiting.get(delta.symbol) ?? []
    this.#waiting.set(delta.symbol, [
      ...waiting,
      { delta: { ...delta, from: 0, to: own.length }, levels: own },
    ])
  }

  #settle({ book, checksum }: PlayedBook, event: BookSnapshot | BookDelta, levels: Levels): void {
    if (book.state() === 'crossed' || book.state() === 'locked') this.counts.crossed++
    if (checksum !== undefined && event.checksum !== undefined) {
      this.counts.checked++
      if (!checksum.holds(event, levels)) this.counts.wrong++
    }
    if (event.type === 'delta') this.#onChange(event, this.best(event.symbol))
  }
}
