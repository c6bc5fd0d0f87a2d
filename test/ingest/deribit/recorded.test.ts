import { expect, test } from 'vitest'
import { deribit } from '../../../src/ingest/deribit.ts'
import { Levels } from '../../../src/ingest/levels.ts'
import type { WireEvent } from '../../../src/ingest/venue.ts'
import { apply, type DullBook, dullBook, isCrossed } from '../dull-books.ts'
import {
  describeRecorded,
  recordedFile,
  recordedFrames,
  recordedMessages,
  recordedSent,
} from '../recorded.ts'

/** Recordings of the real venue, through the real wire. */

const wire = deribit.wires[0]!
const levels = new Levels()

function eventsOf(bytes: Uint8Array, receivedAtMs: number): readonly WireEvent[] {
  levels.reset()
  return wire.parseFrame(bytes, { receivedAtMs, levels })
}

const OPTIONS = 'deribit/ws_book_ticker_trades_options_2021-07-22.cryptofeed.gz'

describeRecorded(OPTIONS, () => {
  test('half a minute of ten options: every change follows the one before it', () => {
    const books = new Map<string, DullBook>()
    const counts: Record<string, number> = {}
    const count = (what: string) => {
      counts[what] = (counts[what] ?? 0) + 1
    }
    for (const { bytes, receivedAtMs } of recordedFrames(OPTIONS)) {
      for (const event of eventsOf(bytes, receivedAtMs)) {
        count(event.type)
        if (event.type === 'snapshot') books.set(event.symbol, dullBook(event, levels))
        if (event.type !== 'delta') continue
        const book = books.get(event.symbol)!
        count(apply(book, wire.books!, event, levels))
        if (isCrossed(book)) count('crossed')
      }
    }
    expect(counts).toEqual({ snapshot: 10, delta: 36, next: 36, ticker: 89, accepted: 1, refused: 1 })
  })

  test('a change left out is a gap at the next one; one that comes twice is old', () => {
    const { follows } = wire.books!
    const last = new Map<string, number[]>()
    let gaps = 0
    for (const { bytes, receivedAtMs } of recordedFrames(OPTIONS)) {
      for (const event of eventsOf(bytes, receivedAtMs)) {
        if (event.type !== 'snapshot' && event.type !== 'delta') continue
        const before = last.get(event.symbol) ?? []
        last.set(event.symbol, [event.last, ...before])
        if (event.type === 'snapshot') continue
        expect(follows(event.last, event)).toBe('old')
        if (before.length < 2) continue
        expect(follows(before[1]!, event)).toBe('gap')
        gaps++
      }
    }
    expect(gaps).toBeGreaterThan(20)
  })

  test('everything that was asked for is accepted by name', () => {
    const asked = JSON.parse(recordedSent(OPTIONS)[0]!) as { params: { channels: string[] } }
    const [accepted] = recordedFrames(OPTIONS).flatMap(({ bytes, receivedAtMs }) =>
      eventsOf(bytes, receivedAtMs),
    )
    expect(accepted).toMatchObject({
      type: 'accepted',
      channels: expect.arrayContaining(asked.params.channels),
    })
  })
})

const INSTRUMENTS = 'deribit/rest_get_instruments_BTC_2021-07-22.json.gz'

describeRecorded(INSTRUMENTS, () => {
  test('every instrument has a name of ours, and the futures say that their sizes are dollars', () => {
    const read = wire.parseListing(recordedFile(INSTRUMENTS))
    if ('refusal' in read) throw new Error(read.refusal.message)
    expect(read.listings).toHaveLength(398)
    expect(read.listings.filter(({ unit }) => unit === '1 USD')).toHaveLength(8)
    const listing = (symbol: string) => read.listings.find((one) => one.symbol === symbol)
    expect(listing('BTC-PERPETUAL')).toMatchObject({ product: 'BTC-USD-PERP', trading: true, unit: '1 USD' })
    expect(listing('BTC-24SEP21-40000-P')).toEqual({
      symbol: 'BTC-24SEP21-40000-P',
      product: 'BTC-USD-24SEP21-40000-P',
      trading: true,
    })
  })
})

const SINGLE = 'deribit/ws_single_messages.crypto-msg-parser.jsonl'

describeRecorded(SINGLE, () => {
  const typesOf = (part: string) =>
    recordedMessages(SINGLE)
      .filter(({ bytes }) => new TextDecoder().decode(bytes).includes(part))
      .flatMap(({ bytes }) => eventsOf(bytes, Date.UTC(2026, 0)))
      .map(({ type }) => type)

  test('books, trades and tickers are read, of futures, options and perpetuals', () => {
    expect(typesOf('"type":"snapshot"')).toEqual(['snapshot', 'snapshot', 'snapshot'])
    expect(typesOf('"type":"change"')).toEqual(['delta', 'delta'])
    expect(typesOf('"channel":"trades.BTC')).toEqual(['trade', 'trade', 'trade'])
    expect(typesOf('"channel":"ticker.')).toEqual(['ticker', 'ticker', 'ticker'])
  })

  test('channels that nobody asks for are a sign of life and nothing more', () => {
    for (const channel of ['.none.20.100ms', '"channel":"quote.', '"channel":"chart.']) {
      expect(new Set(typesOf(channel))).toEqual(new Set(['alive']))
    }
  })
})
