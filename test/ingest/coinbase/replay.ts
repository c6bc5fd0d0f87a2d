import { openTickerCheck, type TickerCheck } from '../../../src/ingest/books/ticker-check.ts'
import { coinbaseExchange } from '../../../src/ingest/coinbase/exchange.ts'
import { Levels } from '../../../src/ingest/levels.ts'
import { OrderBook } from '../../../src/ingest/order-book.ts'
import type { WireEvent, WireTicker } from '../../../src/ingest/venue.ts'
import { compare, decimalOf, formatDecimal } from '../../../src/models/decimal.ts'
import { type RecordedFrame, recordedFrames } from '../recorded.ts'

/** The recording of ten products, and what becomes of a product's book when its frames are played again, spoiled or not. */

export const RECORDING = 'coinbase/ws_level2_ticker_matches_10products_2021-04-17.cryptofeed.gz'

export type Played = RecordedFrame & { readonly type: WireEvent['type'] }

/** A product's own frames: its snapshot, its changes, its tickers, in their order. */
export function framesByProduct(): Map<string, Played[]> {
  const levels = new Levels()
  const products = new Map<string, Played[]>()
  for (const frame of recordedFrames(RECORDING)) {
    levels.reset()
    const event = coinbaseExchange
      .parseFrame(frame.bytes, { ...frame, levels })
      .find((one) => one.type !== 'accepted')
    if (event?.type !== 'snapshot' && event?.type !== 'delta' && event?.type !== 'ticker') continue
    const frames = products.get(event.symbol) ?? []
    products.set(event.symbol, frames)
    frames.push({ ...frame, type: event.type })
  }
  return products
}

/** The same as `level2_batch` would have sent it: changes of 50 ms in one frame, sent when they are over. */
export function inBatches(frames: readonly Played[], batchMs = 50): Played[] {
  const batched: Played[] = []
  let waiting: Played[] = []
  const send = (untilMs: number) => {
    if (waiting.length > 0) batched.push(batchOf(waiting, untilMs))
    waiting = []
  }
  for (const frame of frames) {
    const endMs = waiting.length === 0 ? Number.POSITIVE_INFINITY : waiting[0]!.receivedAtMs + batchMs
    if (frame.receivedAtMs >= endMs) send(endMs)
    if (frame.type === 'delta') waiting.push(frame)
    else batched.push(frame)
  }
  send((waiting[0]?.receivedAtMs ?? 0) + batchMs)
  return batched
}

function batchOf(frames: readonly Played[], receivedAtMs: number): Played {
  const all = frames.map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString()) as { changes: unknown[] })
  const text = JSON.stringify({ ...all.at(-1)!, changes: all.flatMap(({ changes }) => changes) })
  return { type: 'delta', receivedAtMs, url: null, bytes: Buffer.from(text) }
}

/** The best prices of a book after one of its frames. */
export type Moment = { readonly atMs: number; readonly bid: string; readonly ask: string }

export type Playback = {
  /** After every frame: the best prices. */
  readonly moments: readonly Moment[]
  /** When the book was first crossed or locked, and when its check first failed. */
  readonly crossedAtMs: number | undefined
  readonly failedAtMs: number | undefined
  readonly agreedAtMs: number | undefined
}

export const HEARTBEAT_MS = 1_000

/** Plays one product's frames. Heartbeats come once a second, and the check is asked with them and with every frame. */
export function play(frames: readonly Played[]): Playback {
  const levels = new Levels()
  const book = new OrderBook()
  const check = openTickerCheck()
  const moments: Moment[] = []
  let crossedAtMs: number | undefined
  let failedAtMs: number | undefined
  let heartbeatMs = frames[0]!.receivedAtMs
  for (const { bytes, receivedAtMs: atMs } of frames) {
    for (; heartbeatMs < atMs; heartbeatMs += HEARTBEAT_MS) {
      if (check.verdict(heartbeatMs) === 'failed') failedAtMs ??= heartbeatMs
    }
    levels.reset()
    for (const event of coinbaseExchange.parseFrame(bytes, { receivedAtMs: atMs, levels })) {
      take(event, { book, check, levels, atMs })
    }
    if (check.verdict(atMs) === 'failed') failedAtMs ??= atMs
    if (book.state() !== 'ok') crossedAtMs ??= atMs
    moments.push({ atMs, bid: formatDecimal(book.bestBid()!), ask: formatDecimal(book.bestAsk()!) })
  }
  return { moments, crossedAtMs, failedAtMs, agreedAtMs: check.agreedAtMs() }
}

type Playing = { book: OrderBook; check: TickerCheck; levels: Levels; atMs: number }

function take(event: WireEvent, { book, check, levels, atMs }: Playing): void {
  if (event.type === 'ticker') check.onTicker(event, event.exchangeTimeMs, atMs)
  if (event.type === 'snapshot') book.replace(levels, event.from, event.to, event.whole)
  if (event.type === 'delta') book.apply(levels, event.from, event.to)
  if (event.type !== 'snapshot' && event.type !== 'delta') return
  const best = { bid: formatDecimal(book.bestBid()!), ask: formatDecimal(book.bestAsk()!) }
  check.onBook(best, event.exchangeTimeMs, atMs)
}

/** Whether the ticker names the book's best prices. */
export function agrees(book: OrderBook, { bid, ask }: WireTicker): boolean {
  return compare(book.bestBid()!, decimalOf(bid!)) === 0 && compare(book.bestAsk()!, decimalOf(ask!)) === 0
}
