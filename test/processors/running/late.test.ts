import { expect, test } from 'vitest'
import type { OutgoingRecord } from '../../../src/broker/broker.ts'
import { chance } from '../../broker/logs.ts'
import { bookText } from './played-log.ts'
import { BOOKS, ledgerOf, openRig, START_MS } from './rig.ts'

/**
 * A stream as it comes in bad weather: one book a second of three products for an hour; 5 % of them up to a minute late,
 * 5 % sent twice. The tables are held against a plain batch over the same books, sorted and each once.
 */
type Book = { readonly product: string; readonly atMs: number; readonly bid: number; readonly ask: number }

const SECONDS = 3_600
const LENGTHS_MS = [60_000, 300_000]
const PRODUCTS = ['BTC-USD', 'ETH-USD', 'SOL-USD']

test('with 5 % late by up to a minute and 5 % sent twice, every table is that of the plain batch', async () => {
  const books = marketHour(chance(11))
  const rig = await openRig()
  const { records, twice } = badWeather(books, chance(12))
  await rig.broker.publish(records)
  await rig.run()

  expect(await rig.faults()).toEqual([])
  expect(await ledgerOf(rig, 'best-prices')).toMatchObject({
    position: books.length + twice,
    applied: books.length,
    duplicate: twice,
    too_late: 0,
  })
  const { db } = rig.store
  const prices = await db
    .selectFrom('best_prices')
    .select(['product', 'window_ms', 'start_ms', 'highest_bid', 'highest_bid_at_ms'])
    .select(['lowest_ask', 'lowest_ask_at_ms', 'first_mid', 'last_mid', 'books', 'crossed', 'locked'])
    .orderBy('product')
    .orderBy('window_ms')
    .orderBy('start_ms')
    .execute()
  expect(prices).toEqual(windows(books).map(pricesOf))
  const spreads = await db
    .selectFrom('max_spread')
    .select(['product', 'window_ms', 'start_ms', 'max_spread', 'max_spread_at_ms', 'crossed_max'])
    .orderBy('product')
    .orderBy('window_ms')
    .orderBy('start_ms')
    .execute()
  expect(spreads).toEqual(windows(books).map(spreadsOf))
  const samples = await db.selectFrom('mid_price').select(['product', 'start_ms', 'mid']).execute()
  expect(new Set(samples.map((row) => JSON.stringify(row)))).toEqual(
    new Set(samplesOf(books).map((row) => JSON.stringify(row))),
  )
})

test('what is later than LATE_MAX is counted, and the tables are those of the batch without it', async () => {
  const books = marketHour(chance(13))
  const rig = await openRig()
  const { records } = badWeather(books, chance(14))
  await rig.broker.publish(records)
  await rig.run({ lateMaxMs: 20_000 })
  expect(await rig.faults()).toEqual([])
  const late = tooLate(records, 20_000)
  expect(late.size).toBeGreaterThan(100)
  expect(await ledgerOf(rig, 'best-prices')).toMatchObject({ too_late: late.size })
  const inTime = books.filter((_, i) => !late.has(i))
  const rows = await rig.store.db
    .selectFrom('best_prices')
    .select(['product', 'window_ms', 'start_ms', 'highest_bid', 'highest_bid_at_ms'])
    .select(['lowest_ask', 'lowest_ask_at_ms', 'first_mid', 'last_mid', 'books', 'crossed', 'locked'])
    .orderBy('product')
    .orderBy('window_ms')
    .orderBy('start_ms')
    .execute()
  expect(rows).toEqual(windows(inTime).map(pricesOf))
})

/** Prices in cents, one moment a book and product. A few books are crossed or locked. */
function marketHour(below: (max: number) => number): Book[] {
  const books: Book[] = []
  for (let second = 0; second < SECONDS; second++) {
    for (const product of PRODUCTS) {
      const bid = 10_000 + below(500)
      books.push({ product, atMs: START_MS + second * 1_000 + below(1_000), bid, ask: bid - 3 + below(60) })
    }
  }
  return books
}

/** Each book as its own run, so that its place on the log is free; `run` says which book it is. */
function badWeather(
  books: readonly Book[],
  below: (max: number) => number,
): { records: OutgoingRecord[]; twice: number } {
  const sent: { arrivesMs: number; record: OutgoingRecord }[] = []
  let twice = 0
  books.forEach((book, i) => {
    const isLate = below(100) < 5
    const arrivesMs = book.atMs + (isLate ? below(60_000) : 0)
    const value = bookText({ ...book, bid: price(book.bid), ask: price(book.ask), receivedAtMs: arrivesMs })
    const record = { topic: BOOKS, partition: 0, key: book.product, run: `book-${i}`, n: 1, value }
    sent.push({ arrivesMs, record })
    if (below(100) >= 5) return
    twice++
    sent.push({ arrivesMs: arrivesMs + below(30_000), record })
  })
  sent.sort((a, b) => a.arrivesMs - b.arrivesMs)
  return { records: sent.map(({ record }) => record), twice }
}

/** Which books, by index, stand further behind the latest moment before them than `lateMaxMs`. */
function tooLate(records: readonly OutgoingRecord[], lateMaxMs: number): Set<number> {
  const late = new Set<number>()
  const seen = new Set<string>()
  let latestMs = 0
  for (const { run, value } of records) {
    if (seen.has(run)) continue
    seen.add(run)
    const { exchangeTimeMs } = JSON.parse(value) as { exchangeTimeMs: number }
    if (exchangeTimeMs < latestMs - lateMaxMs) late.add(Number(run.slice('book-'.length)))
    else latestMs = Math.max(latestMs, exchangeTimeMs)
  }
  return late
}

// --- the batch: every number straight from its definition ---

type Window = { product: string; window_ms: number; start_ms: number; books: Book[] }

function windows(books: readonly Book[]): Window[] {
  const byName = new Map<string, Window>()
  for (const book of books) {
    for (const window_ms of LENGTHS_MS) {
      const start_ms = Math.floor(book.atMs / window_ms) * window_ms
      const name = `${book.product} ${String(window_ms).padStart(9)} ${start_ms}`
      const window = byName.get(name) ?? { product: book.product, window_ms, start_ms, books: [] }
      window.books.push(book)
      byName.set(name, window)
    }
  }
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, window]) => window)
}

function pricesOf({ books, ...window }: Window) {
  const ok = inTimeOrder(books.filter(({ bid, ask }) => bid < ask))
  const highest = ok.reduce((best, book) => (book.bid > best.bid ? book : best))
  const lowest = ok.reduce((best, book) => (book.ask < best.ask ? book : best))
  return {
    ...window,
    highest_bid: price(highest.bid),
    highest_bid_at_ms: highest.atMs,
    lowest_ask: price(lowest.ask),
    lowest_ask_at_ms: lowest.atMs,
    first_mid: mid(ok[0]!),
    last_mid: mid(ok.at(-1)!),
    books: books.length,
    crossed: books.filter(({ bid, ask }) => bid > ask).length,
    locked: books.filter(({ bid, ask }) => bid === ask).length,
  }
}

function spreadsOf({ books, ...window }: Window) {
  const ok = inTimeOrder(books.filter(({ bid, ask }) => bid < ask))
  const widest = ok.reduce((best, book) => (book.ask - book.bid > best.ask - best.bid ? book : best))
  const crossed = books.filter(({ bid, ask }) => bid > ask).map(({ bid, ask }) => bid - ask)
  return {
    ...window,
    max_spread: price(widest.ask - widest.bid),
    max_spread_at_ms: widest.atMs,
    crossed_max: crossed.length === 0 ? null : price(Math.max(...crossed)),
  }
}

function samplesOf(books: readonly Book[]) {
  const last = new Map<string, Book>()
  for (const book of inTimeOrder(books.filter(({ bid, ask }) => bid < ask))) {
    last.set(`${book.product} ${Math.floor(book.atMs / 1_000)}`, book)
  }
  return [...last.values()].map((book) => ({
    product: book.product,
    start_ms: Math.floor(book.atMs / 1_000) * 1_000,
    mid: mid(book),
  }))
}

function inTimeOrder(books: readonly Book[]): Book[] {
  return [...books].sort((a, b) => a.atMs - b.atMs)
}

/** Cents as a decimal without trailing zeros. */
function price(cents: number): string {
  return String(cents / 100)
}

function mid({ bid, ask }: Book): string {
  return String((bid + ask) / 200)
}
