import { expect, test } from 'vitest'
import { coinbaseExchange } from '../../../src/ingest/coinbase/exchange.ts'
import { scanFrame } from '../../../src/ingest/coinbase/exchange-scan.ts'
import { Levels } from '../../../src/ingest/levels.ts'
import { OrderBook } from '../../../src/ingest/order-book.ts'
import type { WireEvent, WireTrade } from '../../../src/ingest/venue.ts'
import { describeRecorded, recordedFile, recordedFrames, recordedMessages } from '../recorded.ts'
import { agrees, RECORDING } from './replay.ts'

describeRecorded(RECORDING, () => {
  test('half a minute of ten products: every frame is understood, and the fast way knows all that are large or many', () => {
    const counts: Record<string, number> = {}
    let scanned = 0
    for (const { event, isScanned } of saying()) {
      counts[event.type] = (counts[event.type] ?? 0) + 1
      if (isScanned && event.type !== 'accepted') scanned++
    }
    expect(counts).toEqual({
      accepted: 3 + 10 + 10, // acks; snapshots and last matches say yes as well
      snapshot: 10,
      delta: 9_719,
      ticker: 107,
      trade: 97,
      heartbeat: 10, // of the last matches
    })
    expect(scanned).toBe(10 + 9_719)
  })

  test('no book is ever crossed, every delete finds its level, and 100 of 107 tickers name the best prices at once', () => {
    const books = new Map<string, OrderBook>()
    const told = { crossed: 0, deletes: 0, hits: 0, tickers: 0, equal: 0 }
    for (const { event, levels } of saying()) {
      if (event.type === 'snapshot') {
        const book = new OrderBook()
        book.replace(levels, event.from, event.to, event.whole)
        books.set(event.symbol, book)
      }
      if (event.type === 'ticker') {
        told.tickers++
        if (agrees(books.get(event.symbol)!, event)) told.equal++
      }
      if (event.type !== 'delta') continue
      const book = books.get(event.symbol)!
      const before = book.bidLevels + book.askLevels
      book.apply(levels, event.from, event.to)
      if (book.state() !== 'ok') told.crossed++
      if (levels.sizeDigits[event.from] !== 0) continue
      told.deletes++
      if (book.bidLevels + book.askLevels === before - 1) told.hits++
    }
    expect(told).toEqual({ crossed: 0, deletes: 2_634, hits: 2_634, tickers: 107, equal: 100 })
  })

  test('trade ids follow each other without a gap, from the last one before the subscription on', () => {
    const last = new Map<string, number>()
    let contiguous = 0
    for (const { event } of saying()) {
      if (event.type === 'heartbeat') last.set(event.symbol, Number(event.lastTradeId))
      if (event.type !== 'trade') continue
      if (Number(event.id) === last.get(event.symbol)! + 1) contiguous++
      last.set(event.symbol, Number(event.id))
    }
    expect(contiguous).toBe(97)
  })

  test("a match's side is turned round: then it is the side that the ticker, which names the taker's, says of the same trade", () => {
    const sides = new Map<string, string>()
    const trades: WireTrade[] = []
    for (const { event } of saying()) if (event.type === 'trade') trades.push(event)
    for (const { bytes } of recordedFrames(RECORDING)) {
      const { type, product_id, trade_id, side } = JSON.parse(Buffer.from(bytes).toString()) as Record<
        string,
        string
      >
      if (type === 'ticker') sides.set(`${product_id} ${trade_id}`, side!)
    }
    expect(trades.filter(({ symbol, id, side }) => sides.get(`${symbol} ${id}`) === side)).toHaveLength(97)
  })
})

describeRecorded('coinbase/ws_single_messages.crypto-msg-parser.jsonl', () => {
  test('single messages, and one of a channel that we never ask for, are understood', () => {
    const said = recordedMessages('coinbase/ws_single_messages.crypto-msg-parser.jsonl')
      .filter(({ what }) => what !== 'l2_snapshot') // a REST body
      .map(({ what, bytes }) => {
        const events = coinbaseExchange.parseFrame(bytes, {
          receivedAtMs: Date.UTC(2026, 10),
          levels: new Levels(),
        })
        return [what, ...events.map(({ type }) => type)]
      })
    expect(said).toEqual([
      ['trade', 'accepted', 'heartbeat'],
      ['l2_orderbook_snapshot', 'accepted', 'snapshot'],
      ['l2_orderbook_update', 'delta'],
      ['l3_event', 'alive'],
      ['ticker', 'ticker'],
    ])
  })
})

describeRecorded('coinbase/rest_products_2021-04-17.json', () => {
  test('162 products are listed, by their own names', () => {
    const read = coinbaseExchange.parseListing(recordedFile('coinbase/rest_products_2021-04-17.json'))
    const listings = 'listings' in read ? read.listings : []
    expect(listings).toHaveLength(162)
    expect(listings).toContainEqual({ symbol: 'BTC-USD', product: 'BTC-USD', trading: true })
    expect(listings.filter(({ symbol, product }) => symbol !== product)).toEqual([])
  })
})

type Said = { readonly event: WireEvent; readonly levels: Levels; readonly isScanned: boolean }

/** Everything that is said, in its order; an event's levels hold until the next is asked for. */
function* saying(): Generator<Said> {
  const levels = new Levels()
  const about = { receivedAtMs: 0, levels }
  for (const { bytes, receivedAtMs } of recordedFrames(RECORDING)) {
    levels.reset()
    const isScanned = scanFrame(bytes, { ...about, receivedAtMs }) !== undefined
    levels.reset()
    for (const event of coinbaseExchange.parseFrame(bytes, { ...about, receivedAtMs }))
      yield { event, levels, isScanned }
  }
}
