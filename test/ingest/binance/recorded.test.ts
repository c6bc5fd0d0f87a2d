import { expect, test } from 'vitest'
import { binanceFuturesBooks, binanceFuturesTrades, binanceSpot } from '../../../src/ingest/binance/wires.ts'
import { Levels } from '../../../src/ingest/levels.ts'
import type { BookDelta, Wire } from '../../../src/ingest/venue.ts'
import { compare, decimalOf } from '../../../src/models/decimal.ts'
import { apply, best, type DullBook, dullBook, isCrossed, kept } from '../dull-books.ts'
import { describeRecorded, recordedFile, recordedFrames, recordedMessages } from '../recorded.ts'

/** Recordings of the real venue, through the real wire. */

const rules = binanceSpot.books!
const snapshotRule = rules.snapshot!

const MINUTE = 'binance/spot_btcusdt_depth100ms_trade_bookTicker_2024-08-08_first60s.hftbacktest.gz'

describeRecorded(MINUTE, () => {
  test('a minute of BTCUSDT applies without a gap, its best prices those of the latest bookTicker each time', () => {
    const tickers: BookTicker[] = []
    let equal = 0
    const books = new Books((book) => {
      const ticker = tickers.findLast(({ u }) => u <= book.last)
      const { bid, ask } = best(book)
      if (ticker !== undefined && isSame(bid, ticker.b) && isSame(ask, ticker.a)) equal++
    })
    for (const { bytes, receivedAtMs } of recordedFrames(MINUTE)) {
      const text = new TextDecoder().decode(bytes)
      if (text.includes('@bookTicker')) tickers.push(JSON.parse(text).data)
      if (text.startsWith('{"lastUpdateId"')) books.snapshot('BTCUSDT', bytes, receivedAtMs)
      else books.frame(bytes, receivedAtMs)
    }
    expect({ ...books.counts, equal }).toMatchObject({
      next: 597,
      gap: 0,
      crossed: 0,
      rejected: 0,
      equal: 597,
    })
  })
})

describeRecorded(MINUTE, () => {
  test('an event left out, or two in the wrong order, is a gap at the next event; one that comes twice is old', () => {
    const levels = new Levels()
    const deltas = recordedFrames(MINUTE).flatMap(({ bytes, receivedAtMs }) => {
      levels.reset()
      return binanceSpot.parseFrame(bytes, { receivedAtMs, levels }).filter((event) => event.type === 'delta')
    })
    expect(deltas).toHaveLength(599)
    for (let i = 1; i + 1 < deltas.length; i++) {
      const [before, event, next] = deltas.slice(i - 1, i + 2) as [BookDelta, BookDelta, BookDelta]
      expect(rules.follows(before.last, event)).toBe('next')
      expect(rules.follows(before.last, next)).toBe('gap')
      expect(rules.follows(event.last, event)).toBe('old')
      expect(rules.follows(event.last, before)).toBe('old')
    }
  })
})

const HALF_MINUTE = 'binance/binance_ws.cryptofeed.gz'
const SNAPSHOTS = 'binance/binance_rest_depth.cryptofeed.gz'

describeRecorded(HALF_MINUTE, () => {
  test('half a minute of four products applies without a gap, and no book is ever crossed', () => {
    const books = new Books()
    const all = [...recordedFrames(HALF_MINUTE), ...recordedFrames(SNAPSHOTS)]
    for (const { bytes, receivedAtMs, url } of all.sort((a, b) => a.receivedAtMs - b.receivedAtMs)) {
      if (url === null) books.frame(bytes, receivedAtMs)
      else books.snapshot(new URL(url).searchParams.get('symbol')!, bytes, receivedAtMs)
    }
    expect(books.counts).toMatchObject({ next: 172, gap: 0, crossed: 0, rejected: 0, trades: 2 })
  })
})

const PAGES = 'binance/rest_aggTrades_depth_trades.gocryptotrader.json.gz'
type Recorded = Record<string, { GET: { data: unknown; queryString: string }[] }>

describeRecorded(PAGES, () => {
  const bodies = (path: string) =>
    (JSON.parse(recordedFile(PAGES).toString()) as Recorded)[path]!.GET.map(({ data }) => data)

  test.each([
    ['spot', '/api/v3/aggTrades', binanceSpot, 1_000],
    ['futures', '/fapi/v1/aggTrades', binanceFuturesTrades, 500],
  ])('a page of trades of %s has ids and fills without gaps', (_, path, wire, length) => {
    const page = bodies(path).find((body) => Array.isArray(body) && body.length === length)
    const read = wire.trades!.backfill!.parse(bytesOf(page), 'BTCUSDT')
    if ('refusal' in read) throw new Error(read.refusal.message)
    const ids = read.trades.map(({ id }) => Number(id))
    expect(ids).toEqual(Array.from({ length }, (_, i) => ids[0]! + i))
    expect(read.trades.map(({ fills }) => fills)).toEqual(
      (page as { f: number; l: number }[]).map(({ f, l }) => l - f + 1),
    )
  })

  test.each([
    ['spot', '/api/v3/depth', binanceSpot],
    ['futures', '/fapi/v1/depth', binanceFuturesBooks],
  ])('the books of %s are read to their last row', (_, path, wire) => {
    for (const body of bodies(path) as { bids: string[][]; asks: string[][]; lastUpdateId: number }[]) {
      const levels = new Levels()
      const about = { receivedAtMs: Date.UTC(2026, 0), levels, symbol: 'BTCUSDT' }
      const book = wire.books!.snapshot!.parse(bytesOf(body), about)
      expect(book).toMatchObject({ last: body.lastUpdateId, to: body.bids.length + body.asks.length })
      expect(levels.text(0).map(Number)).toEqual(body.bids[0]!.map(Number))
    }
  })
})

const LISTING = 'binance/rest_exchangeInfo_2021-10-12.json.gz'

describeRecorded(LISTING, () => {
  test('the list of products says what no rule could: BTCUSDT is BTC-USDT', () => {
    const read = binanceSpot.parseListing(recordedFile(LISTING))
    if ('refusal' in read) throw new Error(read.refusal.message)
    expect(read.listings).toHaveLength(1_695)
    expect(read.listings.filter(({ trading }) => trading)).toHaveLength(1_262)
    const products = new Map(read.listings.map(({ symbol, product }) => [symbol, product]))
    expect(products.get('BTCUSDT')).toBe('BTC-USDT')
    expect(products.get('RUNEEUR')).toBe('RUNE-EUR')
  })
})

const SINGLE = 'binance/ws_single_messages.crypto-msg-parser.jsonl'

describeRecorded(SINGLE, () => {
  const eventsOf = (wire: Wire, what: RegExp, event: string) =>
    recordedMessages(SINGLE)
      .filter((message) => what.test(message.what) && textOf(message.bytes).includes(event))
      .flatMap(({ bytes }) =>
        wire.parseFrame(bytes, { receivedAtMs: Date.UTC(2026, 0), levels: new Levels() }),
      )

  test('every trade and every change of a book is read', () => {
    expect(eventsOf(binanceSpot, /^spot$/, '@aggTrade').map(({ type }) => type)).toEqual(['trade'])
    expect(eventsOf(binanceFuturesTrades, /^linear/, '@aggTrade').map(({ type }) => type)).toEqual([
      'trade',
      'trade',
    ])
    expect(eventsOf(binanceSpot, /^spot$/, '@depth@').map(({ type }) => type)).toEqual(['delta'])
    expect(eventsOf(binanceFuturesBooks, /^linear/, '@depth@').map(({ type }) => type)).toEqual([
      'delta',
      'delta',
    ])
  })

  test('what was never asked for is a sign of life and nothing more', () => {
    for (const stream of ['@kline', '!bookTicker', '@markPrice', '@ticker']) {
      const types = eventsOf(binanceSpot, /./, stream).map(({ type }) => type)
      expect(new Set(types)).toEqual(new Set(['alive']))
    }
  })
})

type BookTicker = { u: number; b: string; a: string }

function bytesOf(body: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(body))
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

function isSame(a: string, b: string): boolean {
  return compare(decimalOf(a), decimalOf(b)) === 0
}

/** Books in step, the dull way: changes wait for their snapshot. */
class Books {
  readonly counts = { next: 0, old: 0, gap: 0, crossed: 0, rejected: 0, trades: 0 }
  readonly #books = new Map<string, DullBook>()
  readonly #waiting = new Map<string, { delta: BookDelta; levels: Levels }[]>()
  readonly #levels = new Levels()
  readonly #onApplied: (book: DullBook) => void

  constructor(onApplied: (book: DullBook) => void = () => undefined) {
    this.#onApplied = onApplied
  }

  frame(bytes: Uint8Array, receivedAtMs: number): void {
    this.#levels.reset()
    for (const event of binanceSpot.parseFrame(bytes, { receivedAtMs, levels: this.#levels })) {
      if (event.type === 'rejected') this.counts.rejected++
      if (event.type === 'trade') this.counts.trades++
      if (event.type === 'delta') this.#change(event, this.#levels)
    }
  }

  snapshot(symbol: string, bytes: Uint8Array, receivedAtMs: number): void {
    this.#levels.reset()
    const event = snapshotRule.parse(bytes, { receivedAtMs, levels: this.#levels, symbol })
    if (event.type === 'rejected') throw new Error(event.refusal.message)
    this.#books.set(symbol, dullBook(event, this.#levels))
    for (const { delta, levels } of this.#waiting.get(symbol) ?? []) this.#change(delta, levels)
  }

  #change(delta: BookDelta, levels: Levels): void {
    const book = this.#books.get(delta.symbol)
    if (book === undefined) {
      const waiting = this.#waiting.get(delta.symbol) ?? []
      this.#waiting.set(delta.symbol, waiting)
      const own = kept(levels, delta.from, delta.to)
      waiting.push({ delta: { ...delta, from: 0, to: own.length }, levels: own })
      return
    }
    const following = apply(book, rules, delta, levels)
    this.counts[following]++
    if (following !== 'next') return
    if (isCrossed(book)) this.counts.crossed++
    this.#onApplied(book)
  }
}
