import {
  type BookChange,
  type BookPriceLevel,
  normalizeBookChanges,
  OrderBook as TardisBook,
} from 'tardis-dev'
import { binance } from '../../src/ingest/binance.ts'
import { Levels } from '../../src/ingest/levels.ts'
import { OrderBook } from '../../src/ingest/order-book.ts'
import type { BookDelta, WireEvent } from '../../src/ingest/venue.ts'
import type { DepthFrames } from './depth-frames.ts'

/** Levels a side that are read after every event. */
export const TOP_LEVELS = 20

/** A book that stands at its snapshot. */
export type Contender = {
  /** Brings it to behind all frames; answers something of everything that was read, so that none of it can be left out. */
  run(): number
  /** [price, size] of the best levels, bids and asks, as doubles: what contenders must agree about. */
  top(): readonly (readonly [number, number])[]
}

/** Our files as `npm run ingest` uses them: bytes, event, continuity, book; after each event the top in the form asked for. */
export function ours(made: DepthFrames, form: 'objects' | 'text'): Contender {
  const wire = binance.wires[0]!
  const { follows } = wire.books!
  const levels = new Levels()
  const book = seededBook(made)
  let last = made.snapshot.lastUpdateId
  const take = (event: WireEvent) => {
    if (event.type !== 'delta' || follows(last, event) !== 'next') throw new Error(`unexpected ${event.type}`)
    book.apply(levels, event.from, event.to)
    last = event.last
    const { bids, asks } = form === 'text' ? book.top(TOP_LEVELS) : book.topNumbers(TOP_LEVELS)
    return bids.length + asks.length
  }
  return {
    run() {
      let read = 0
      for (const frame of made.frames) {
        levels.reset()
        for (const event of wire.parseFrame(frame, { receivedAtMs: RECEIVED_AT.getTime(), levels }))
          read += take(event)
      }
      return read
    },
    top: () => topOf(book),
  }
}

/** tardis-dev as its own client uses it: text, JSON.parse, its mapper, its book; after each event its iterators. */
export function tardis(made: DepthFrames): Contender {
  const { mapper, book } = seededTardis(made)
  return {
    run() {
      let read = 0
      for (const frame of made.frames) {
        const message: unknown = JSON.parse(frame.toString())
        if (!mapper.canHandle(message)) throw new Error('unexpected message')
        for (const change of mapper.map(message, RECEIVED_AT) ?? []) {
          book.update(change)
          read += firstOf(book.bids()).length + firstOf(book.asks()).length
        }
      }
      return read
    },
    top: () => topOfTardis(book),
  }
}

/** Our book alone, its changes read before. */
export function ourBook(made: DepthFrames): () => Contender {
  const wire = binance.wires[0]!
  const levels = new Levels()
  const about = { receivedAtMs: RECEIVED_AT.getTime(), levels }
  const deltas = made.frames.flatMap((frame) => wire.parseFrame(frame, about) as readonly BookDelta[])
  return () => {
    const book = seededBook(made)
    return {
      run() {
        for (const { from, to } of deltas) book.apply(levels, from, to)
        return deltas.length
      },
      top: () => topOf(book),
    }
  }
}

/** tardis-dev's book alone, its changes mapped before. */
export function tardisBook(made: DepthFrames): () => Contender {
  const { mapper } = seededTardis(made)
  const changes: BookChange[] = made.frames.flatMap((frame) => [
    ...(mapper.map(JSON.parse(frame.toString()), RECEIVED_AT) ?? []),
  ])
  return () => {
    const { book } = seededTardis(made)
    return {
      run() {
        for (const change of changes) book.update(change)
        return changes.length
      },
      top: () => topOfTardis(book),
    }
  }
}

/** After everything that was recorded or made. */
const RECEIVED_AT = new Date(Date.UTC(2027, 0, 1))

function seededBook({ symbol, snapshot }: DepthFrames): OrderBook {
  const levels = new Levels()
  const about = { receivedAtMs: RECEIVED_AT.getTime(), levels, symbol }
  const read = binance.wires[0]!.books!.snapshot!.parse(Buffer.from(JSON.stringify(snapshot)), about)
  if (read.type !== 'snapshot') throw new Error('no snapshot')
  const book = new OrderBook()
  book.replace(levels, read.from, read.to, read.whole)
  return book
}

function seededTardis({ symbol, snapshot }: DepthFrames) {
  const mapper = normalizeBookChanges('binance', RECEIVED_AT)
  const book = new TardisBook()
  const message = { stream: `${symbol.toLowerCase()}@depthSnapshot`, data: snapshot }
  for (const change of mapper.map(message, RECEIVED_AT) ?? []) book.update(change)
  return { mapper, book }
}

function topOf(book: OrderBook) {
  const { bids, asks } = book.topNumbers(TOP_LEVELS)
  return [...bids, ...asks].map(({ price, size }) => [price, size] as const)
}

function topOfTardis(book: TardisBook) {
  return [...firstOf(book.bids()), ...firstOf(book.asks())].map(
    ({ price, amount }) => [price, amount] as const,
  )
}

function firstOf(levels: Iterable<BookPriceLevel>): BookPriceLevel[] {
  const first: BookPriceLevel[] = []
  for (const level of levels) {
    first.push(level)
    if (first.length === TOP_LEVELS) break
  }
  return first
}
