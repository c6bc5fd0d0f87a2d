import { expect, test } from 'vitest'
import { binance } from '../../src/ingest/binance.ts'
import { deribit } from '../../src/ingest/deribit.ts'
import { kucoin } from '../../src/ingest/kucoin.ts'
import { okx } from '../../src/ingest/okx.ts'
import type { Wire } from '../../src/ingest/venue.ts'
import { movedBy, PlayedStream, type ReadFrame, readFrames, type Said } from './losses-rig.ts'
import { describeRecorded, type RecordedFrame, recordedFrames } from './recorded.ts'

/**
 * Recordings of real venues, each played as it was and beside it with one frame dropped, repeated or swapped with the next:
 * whatever is lost must show, and nothing wrong may be published before it does.
 */

type Recording = {
  readonly path: string
  readonly wire: Wire
  readonly frames: () => RecordedFrame[]
  readonly bodySymbol: (frame: RecordedFrame) => string | undefined
}

const symbolOf = ({ url }: RecordedFrame) =>
  url === null ? undefined : (new URL(url).searchParams.get('symbol') ?? undefined)
const both = (stream: string, bodies: string) => () =>
  [...recordedFrames(stream), ...recordedFrames(bodies)].sort((a, b) => a.receivedAtMs - b.receivedAtMs)

const MINUTE = 'binance/spot_btcusdt_depth100ms_trade_bookTicker_2024-08-08_first60s.hftbacktest.gz'
const HALF_MINUTE = 'binance/binance_ws.cryptofeed.gz'
const KUCOIN = 'kucoin/ws_ticker_level2_match_9symbols_2021-04-25.cryptofeed.gz'
const OKX = 'okx/ws_books_tickers_trades_2022-05-13.cryptofeed.gz'
const DERIBIT = 'deribit/ws_book_ticker_trades_options_2021-07-22.cryptofeed.gz'

const recordings: Recording[] = [
  {
    path: MINUTE,
    wire: binance.wires[0]!,
    frames: () => recordedFrames(MINUTE),
    bodySymbol: ({ bytes }) => (Buffer.from(bytes).includes('{"lastUpdateId"') ? 'BTCUSDT' : undefined),
  },
  {
    path: HALF_MINUTE,
    wire: binance.wires[0]!,
    frames: both(HALF_MINUTE, 'binance/binance_rest_depth.cryptofeed.gz'),
    bodySymbol: symbolOf,
  },
  {
    path: KUCOIN,
    wire: kucoin.wires[0]!,
    frames: both(KUCOIN, 'kucoin/rest_level2_snapshots_2021-04-25.cryptofeed.gz'),
    bodySymbol: symbolOf,
  },
  { path: OKX, wire: okx.wires[0]!, frames: () => recordedFrames(OKX), bodySymbol: () => undefined },
  {
    path: DERIBIT,
    wire: deribit.wires[0]!,
    frames: () => recordedFrames(DERIBIT),
    bodySymbol: () => undefined,
  },
]

/** Places of a recording that are tried, evenly spread. */
const PLACES = 15

for (const recording of recordings) {
  describeRecorded(recording.path, () => {
    const { wire } = recording
    const frames = readFrames(wire, recording.frames(), recording.bodySymbol)
    const symbols = [...new Set(frames.flatMap(movedBy))]
    const places = spread(placesOf(frames), PLACES)

    test('undisturbed, no book is ever out of step', async () => {
      const { truth } = await play(wire, symbols, frames, (at) => [at])
      expect(truth.holes).toEqual([])
      expect(truth.symbols.filter((symbol) => !truth.isInStep(symbol))).toEqual([])
    })

    test.each(places)(
      'without frame %i: one hole, from the first frame that shows it until it is back',
      async (place) => {
        const played = await play(wire, symbols, frames, (at) => (at === place ? [] : [at]))
        const [symbol] = movedBy(frames[place]!)
        const shows = showsAt(wire, frames, symbol!, place, played.truth)
        expectHonest(played)
        const lost = played.stream.said.filter(({ what }) => what === 'lost')
        if (shows !== undefined) expect(lost).toMatchObject([{ symbol, frame: shows }])
        expect(lost.length).toBeLessThanOrEqual(1)
      },
    )

    test.each(places)('with frame %i twice: nothing changes', async (place) => {
      const { truth, stream, wrong } = await play(wire, symbols, frames, (at) =>
        at === place ? [at, at] : [at],
      )
      expect(wrong).toEqual([])
      expect(stream.holes).toEqual([])
      expect(stream.symbols.map((symbol) => stream.top(symbol))).toEqual(
        truth.symbols.map((symbol) => truth.top(symbol)),
      )
    })

    test.each(places)('with frame %i behind the next of its book: one hole at most', async (place) => {
      const [symbol] = movedBy(frames[place]!)
      const next = frames.findIndex((frame, at) => at > place && movedBy(frame).includes(symbol!))
      const order = (at: number) => (at === place ? [] : at === next ? [next, place] : [at])
      const played = await play(wire, symbols, frames, order)
      expectHonest(played)
      const shows = showsAt(wire, frames, symbol!, place, played.truth)
      const lost = played.stream.said.filter(({ what }) => what === 'lost')
      if (shows === next) expect(lost).toMatchObject([{ symbol, frame: shows }])
      expect(played.stream.holes.length).toBeLessThanOrEqual(1)
    })
  })
}

type Played = { readonly truth: PlayedStream; readonly stream: PlayedStream; readonly wrong: readonly Said[] }

/** Plays both, frame by frame: `order` names the frames that come in the place of each. */
async function play(
  wire: Wire,
  symbols: readonly string[],
  frames: readonly ReadFrame[],
  order: (at: number) => readonly number[],
): Promise<Played> {
  const startMs = frames[0]!.atMs
  const truth = new PlayedStream(wire, symbols, startMs)
  const stream = new PlayedStream(wire, symbols, startMs, truth)
  const wrong: Said[] = []
  for (const [at, frame] of frames.entries()) {
    await truth.play(frame, at)
    const before = stream.said.length
    for (const one of order(at)) await stream.play({ ...frames[one]!, atMs: frame.atMs }, at)
    for (const said of stream.said.slice(before)) {
      if (said.what === 'book' && said.best !== truth.best(said.symbol)) wrong.push(said)
    }
  }
  await stream.timers.advanceBy(PATIENCE_MS)
  return { truth, stream, wrong }
}

/** Longer than any pause between two askings. */
const PATIENCE_MS = 10_000

/** Right at the end, wrong never, and every event is one of the ledger. */
function expectHonest({ truth, stream, wrong }: Played): void {
  expect(wrong).toEqual([])
  expect(stream.holes.length).toBeLessThanOrEqual(1)
  expect(stream.records.filter(({ type }) => type === 'hole-close')).toHaveLength(stream.holes.length)
  for (const symbol of stream.symbols) {
    expect(stream.isInStep(symbol)).toBe(true)
    expect(stream.top(symbol)).toEqual(truth.top(symbol))
  }
  const { received, ...became } = stream.ledger
  expect(Object.values(became).reduce((sum, count) => sum + count, 0)).toBe(received)
}

/** The frame with the first change of the book that does not follow without those of `place`; undefined where none is. */
function showsAt(
  wire: Wire,
  frames: readonly ReadFrame[],
  symbol: string,
  place: number,
  truth: PlayedStream,
): number | undefined {
  const isUp = truth.said.find((said) => said.symbol === symbol && said.what !== 'lost')!.frame < place
  const changes = frames.flatMap(({ events }, frame) =>
    events.flatMap((event) => (event.type === 'delta' && event.symbol === symbol ? [{ event, frame }] : [])),
  )
  // A snapshot that was asked for may be ahead of changes that come after it.
  const bodies = frames.slice(0, place).flatMap(({ body }) => (body?.symbol === symbol ? [body.last] : []))
  const before = changes.findLast(({ frame }) => frame < place)?.event
  const after = changes.find(({ frame }) => frame > place)
  if (!isUp || before === undefined || after === undefined) return undefined
  const last = Math.max(before.last, ...bodies)
  return wire.books!.follows(last, after.event) === 'gap' ? after.frame : undefined
}

/** Frames that change a book which is changed again by a later one: of the last, nothing could show that it is missing. */
function placesOf(frames: readonly ReadFrame[]): number[] {
  const last = new Map(frames.flatMap((frame, at) => movedBy(frame).map((symbol) => [symbol, at])))
  return frames.flatMap((frame, at) => {
    const [symbol] = movedBy(frame)
    return symbol !== undefined && at < last.get(symbol)! ? [at] : []
  })
}

function spread(all: readonly number[], count: number): number[] {
  if (all.length <= count) return [...all]
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!)
}
