import { expect, test } from 'vitest'
import { openTickerCheck, type TickerCheck } from '../../../src/ingest/books/ticker-check.ts'
import { scanLevel2 } from '../../../src/ingest/kucoin/scan.ts'
import { kucoin } from '../../../src/ingest/kucoin.ts'
import { Levels } from '../../../src/ingest/levels.ts'
import type { BookDelta, WireEvent } from '../../../src/ingest/venue.ts'
import { type Best, PlayedBooks } from '../played-books.ts'
import {
  describeRecorded,
  type RecordedFrame,
  recordedFile,
  recordedFrames,
  recordedMessages,
} from '../recorded.ts'

/** Recordings of the real venue, through the real wire. */

const [spot] = kucoin.wires

const STREAM = 'kucoin/ws_ticker_level2_match_9symbols_2021-04-25.cryptofeed.gz'
const SNAPSHOTS = 'kucoin/rest_level2_snapshots_2021-04-25.cryptofeed.gz'

describeRecorded(STREAM, () => {
  const everything = () =>
    [...recordedFrames(STREAM), ...recordedFrames(SNAPSHOTS)].sort((a, b) => a.receivedAtMs - b.receivedAtMs)

  const play = () => {
    const applied: { delta: BookDelta; best: Best | undefined }[] = []
    const books = new PlayedBooks(spot!, (delta, best) => applied.push({ delta, best }))
    for (const { bytes, receivedAtMs, url } of everything()) {
      if (url === null) books.frame(bytes, receivedAtMs)
      else books.body(new URL(url).searchParams.get('symbol')!, bytes, receivedAtMs)
    }
    return { books, applied }
  }

  test('all nine books apply without a gap, and none is ever crossed', () => {
    const { books } = play()
    expect(books.counts).toMatchObject({ snapshots: 9, next: 3_805, gap: 0, crossed: 0 })
    expect(books.rejected).toEqual([])
    expect(Object.fromEntries(books.others)).toEqual({ welcome: 1, accepted: 13, alive: 6 })
  })

  test('the ticker names the best prices of the book that has its number, every time', () => {
    const { books, applied } = play()
    const bests = new Map(applied.map(({ delta, best }) => [`${delta.symbol} ${delta.last}`, best]))
    const pairs = books.tickers.flatMap(({ symbol, sequence, bid, ask }) => {
      const best = bests.get(`${symbol} ${sequence}`)
      return best === undefined ? [] : [{ ticker: { bid, ask }, best }]
    })
    expect(books.tickers).toHaveLength(830)
    expect(pairs).toHaveLength(810)
    expect(pairs.filter(({ ticker, best }) => ticker.bid !== best.bid || ticker.ask !== best.ask)).toEqual([])
  })

  test('held against its ticker no book is ever doubted for good', () => {
    const checks = new Map<string, TickerCheck>()
    let nowMs = 0
    const books = new PlayedBooks(spot!, ({ symbol, exchangeTimeMs }, best) => {
      if (!checks.has(symbol)) checks.set(symbol, openTickerCheck())
      checks.get(symbol)!.onBook(best ?? { bid: null, ask: null }, exchangeTimeMs, nowMs)
    })
    const verdicts = everything().flatMap(({ bytes, receivedAtMs, url }) => {
      nowMs = receivedAtMs
      const before = books.tickers.length
      if (url === null) books.frame(bytes, receivedAtMs)
      else books.body(new URL(url).searchParams.get('symbol')!, bytes, receivedAtMs)
      for (const { symbol, bid, ask, exchangeTimeMs } of books.tickers.slice(before)) {
        checks.get(symbol)?.onTicker({ bid, ask }, exchangeTimeMs, nowMs)
      }
      return [...checks.values()].map((check) => check.verdict(nowMs))
    })
    expect(checks.size).toBe(9)
    expect(new Set(verdicts)).toEqual(new Set(['ok']))
  })

  test('1,336 of the changes hold a row of price 0, which moves the number and nothing else', () => {
    const { applied } = play()
    expect(applied.filter(({ delta }) => delta.to === delta.from)).toHaveLength(1_336)
  })

  test('the scanner reads every change by itself', () => {
    const changes = recordedFrames(STREAM).filter(({ bytes }) =>
      Buffer.from(bytes).includes('trade.l2update'),
    )
    expect(changes).toHaveLength(3_853)
    expect(changes.filter(({ bytes }) => scanLevel2(bytes, new Levels()) === undefined)).toEqual([])
  })

  test('a change left out or too late is a gap at once, and one that comes twice is old and changes nothing', () => {
    const frames = recordedFrames(STREAM).filter(({ bytes }) =>
      Buffer.from(bytes).includes('level2:BCHSV-USDT'),
    )
    const snapshot = recordedFrames(SNAPSHOTS).find(({ url }) => url?.endsWith('BCHSV-USDT'))!
    const after = (spoil: (frames: RecordedFrame[]) => RecordedFrame[]) => {
      const books = new PlayedBooks(spot!)
      books.body('BCHSV-USDT', snapshot.bytes, snapshot.receivedAtMs)
      for (const { bytes, receivedAtMs } of spoil(frames)) books.frame(bytes, receivedAtMs)
      const { next, old, gap } = books.counts
      return { next, old, gap, best: books.best('BCHSV-USDT') }
    }
    const whole = after((all) => all)
    expect(whole.gap).toBe(0)
    for (let at = whole.old + 1; at < frames.length - 2; at += 200) {
      const applied = at - whole.old
      expect(after((all) => all.toSpliced(at, 0, all[at]!))).toEqual({ ...whole, old: whole.old + 1 })
      // Nothing is applied behind a gap: whatever comes is further on.
      expect(after((all) => all.toSpliced(at, 1))).toMatchObject({
        next: applied,
        gap: whole.next - applied - 1,
      })
      expect(after((all) => all.toSpliced(at, 2, all[at + 1]!, all[at]!))).toMatchObject({
        next: applied + 1,
      })
    }
  })

  test('trades have ids that only tell them apart: they rise, and leave out others', () => {
    const { books } = play()
    const ids = books.trades.map(({ id }) => id)
    expect(books.trades).toHaveLength(18)
    expect(new Set(ids).size).toBe(18)
    expect(ids.every((id) => /^[0-9a-f]{24}$/.test(id))).toBe(true)
  })
})

const LISTING = 'kucoin/rest_symbols_2021-04-25.json'

describeRecorded(LISTING, () => {
  test('every symbol of the list is a product by its currencies, which may have been renamed since', () => {
    const read = spot!.parseListing(recordedFile(LISTING))
    if ('refusal' in read) throw new Error(read.refusal.message)
    const rows = (JSON.parse(recordedFile(LISTING).toString()) as { data: unknown[] }).data
    expect(read.listings).toHaveLength(rows.length)
    const products = new Map(read.listings.map(({ symbol, product }) => [symbol, product]))
    const renamed = [...products].filter(([symbol, product]) => symbol !== product)
    expect(renamed).toHaveLength(13)
    expect(renamed).toContainEqual(['BCHSV-USDT', 'BSV-USDT'])
  })
})

const SINGLE = 'kucoin/ws_single_messages.crypto-msg-parser.jsonl'

describeRecorded(SINGLE, () => {
  test('messages of years apart, their fields in other orders, are read; what was never asked for is a sign of life', () => {
    const events = recordedMessages(SINGLE)
      .filter(({ bytes }) => Buffer.from(bytes).includes('"topic"'))
      .flatMap(({ bytes }) =>
        spot!.parseFrame(bytes, { receivedAtMs: Date.UTC(2026, 0), levels: new Levels() }),
      )
    const count = (type: WireEvent['type']) => events.filter((event) => event.type === type).length
    expect([count('delta'), count('ticker'), count('trade')]).toEqual([2, 2, 1])
    expect(count('alive')).toBe(events.length - 5)
  })
})
