import { expect, test } from 'vitest'
import { Levels } from '../../../src/ingest/levels.ts'
import { okx } from '../../../src/ingest/okx.ts'
import type { WireEvent } from '../../../src/ingest/venue.ts'
import { PlayedBooks } from '../played-books.ts'
import { describeRecorded, recordedFile, recordedFrames, recordedMessages } from '../recorded.ts'

/** Recordings of the real venue, through the real wire. */

const [wire] = okx.wires

const STREAM = 'okx/ws_books_tickers_trades_2022-05-13.cryptofeed.gz'

describeRecorded(STREAM, () => {
  const play = () => {
    const books = new PlayedBooks(wire!)
    for (const { bytes, receivedAtMs } of recordedFrames(STREAM)) books.frame(bytes, receivedAtMs)
    return books
  }

  test('the venue checksum is right 290 times of 290, on books of which none is ever crossed', () => {
    const { counts, rejected } = play()
    expect(counts).toMatchObject({ snapshots: 3, next: 287, checked: 290, wrong: 0, gap: 0, crossed: 0 })
    expect(rejected).toEqual([])
  })

  test('of 15 changes left out 13 show in the checksum; the others were of levels too deep for it', () => {
    const frames = recordedFrames(STREAM)
    const changes = frames.flatMap(({ bytes }, i) => (Buffer.from(bytes).includes('"update"') ? [i] : []))
    const left = changes.filter((_, n) => n % 20 === 0)
    const shown = left.filter((leftOut) => {
      const books = new PlayedBooks(wire!)
      for (const [i, { bytes, receivedAtMs }] of frames.entries()) {
        if (i !== leftOut) books.frame(bytes, receivedAtMs)
      }
      return books.counts.wrong > 0
    })
    expect([left.length, shown.length]).toEqual([15, 13])
  })

  test('the ids of trades are dense: each is that of the one before and its own fills on', () => {
    const { trades } = play()
    expect(trades).toHaveLength(74)
    for (const product of new Set(trades.map(({ symbol }) => symbol))) {
      const own = trades.filter(({ symbol }) => symbol === product)
      const unseen = own.slice(1).map(({ id, fills }, i) => Number(id) - fills - Number(own[i]!.id))
      expect(unseen.filter((count) => count !== 0)).toEqual([])
    }
  })

  test('tickers say what was traded last and the best prices', () => {
    const { tickers, others } = play()
    expect(tickers).toHaveLength(28)
    expect(
      tickers.every(({ last, bid, bidSize, ask, askSize }) => last && bid && bidSize && ask && askSize),
    ).toBe(true)
    expect(Object.fromEntries(others)).toEqual({ accepted: 18 })
  })
})

const LISTING = 'okx/rest_instruments_SPOT_2022-05-13.json'

describeRecorded(LISTING, () => {
  test('every instrument of the list is a product by its currencies', () => {
    const read = wire!.parseListing(recordedFile(LISTING))
    if ('refusal' in read) throw new Error(read.refusal.message)
    const rows = (JSON.parse(recordedFile(LISTING).toString()) as { data: unknown[] }).data
    expect(read.listings).toHaveLength(rows.length)
    expect(read.listings.filter(({ unit }) => unit !== undefined)).toEqual([])
    expect(read.listings.find(({ symbol }) => symbol === 'BTC-USDT')).toEqual({
      symbol: 'BTC-USDT',
      product: 'BTC-USDT',
      trading: true,
    })
  })
})

const SINGLE = 'okx/ws_single_messages.crypto-msg-parser.jsonl'

describeRecorded(SINGLE, () => {
  test('trades of spot, swaps, futures and options are read; what was never asked for is a sign of life', () => {
    const events = recordedMessages(SINGLE)
      .filter(({ bytes }) => Buffer.from(bytes).includes('"arg"'))
      .flatMap(({ bytes }) =>
        wire!.parseFrame(bytes, { receivedAtMs: Date.UTC(2026, 0), levels: new Levels() }),
      )
    const count = (type: WireEvent['type']) => events.filter((event) => event.type === type).length
    expect([count('trade'), count('ticker')]).toEqual([6, 6])
    expect(count('alive')).toBe(events.length - 12)
  })
})
