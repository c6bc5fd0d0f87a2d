import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Levels } from '../../src/ingest/levels.ts'
import { OrderBook } from '../../src/ingest/order-book.ts'
import { decimalOf, formatDecimal, PLACES_MAX } from '../../src/models/decimal.ts'

/** The book beside the dullest one there can be: a map from price to size, sorted whenever anybody asks. */

type Side = 'bid' | 'ask'
type PlainLevels = [price: string, size: string][]
type Row = readonly [side: Side, price: string, size: string]
type Step =
  | { readonly do: 'snapshot'; readonly rows: readonly Row[]; readonly whole: boolean }
  | { readonly do: 'delta'; readonly rows: readonly Row[] }
  | { readonly do: 'trim'; readonly levelsMax: number }
  | { readonly do: 'clear' }

describe('whatever snapshots, deltas and trims come, the book is the dull one', () => {
  const ticks = fc.integer({ min: 1, max: 120 })
  const cents = ticks.map((n) => (60_000 + n / 100).toFixed(2))
  const markets: Record<
    string,
    { readonly price: fc.Arbitrary<string>; readonly size: fc.Arbitrary<string> }
  > = {
    'of cents': { price: cents, size: fc.nat(30).map((n) => `${n / 10}`) },
    'of padded numbers': { price: cents.chain(padded), size: fc.nat(3).map(String).chain(padded) },
    'of a meme coin': {
      price: ticks.map((n) => `0.${String(1000 + n).padStart(8, '0')}`),
      size: fc
        .tuple(fc.nat(12), fc.nat(3))
        .map(([exponent, n]) => `${n * 10 ** exponent}.12000000`)
        .map(zeroOf),
    },
    'of sizes from 1e-8 to 1e13': {
      price: ticks.map(String),
      size: fc.constantFrom('0', '0.00000001', '10000000000000', '90071992.54740993', '1'),
    },
    'of prices of 20 digits': {
      price: ticks.map((n) => `123456789012345678${n % 100}.5`.replace(/^1(?=\d{19}\.)/, '')),
      size: fc.nat(2).map(String),
    },
    'of ever more places': {
      price: fc
        .tuple(ticks, fc.nat(18))
        .map(([n, places]) => (places === 0 ? `${n}` : `${n}.${'0'.repeat(places - 1)}1`)),
      size: fc
        .tuple(fc.nat(2), fc.nat(18))
        .map(([n, places]) => (places === 0 ? `${n}` : `${n}.${'0'.repeat(places - 1)}3`))
        .map(zeroOf),
    },
  }

  test.each(Object.entries(markets))('a market %s', (_, { price, size }) => {
    const row = fc.tuple(fc.constantFrom<Side>('bid', 'ask'), price, size)
    const rows = fc.oneof(
      fc.array(row, { maxLength: 40, size: 'max' }),
      fc.array(row, { maxLength: 300, size: 'max' }).map((unsorted) => [...unsorted].sort(bestFirst)),
    )
    const step = fc.oneof(
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant('snapshot' as const), rows, whole: fc.boolean() }),
      },
      { weight: 8, arbitrary: fc.record({ do: fc.constant('delta' as const), rows }) },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant('trim' as const),
          levelsMax: fc.integer({ min: 1, max: 50 }),
        }),
      },
      { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
    )
    fc.assert(fc.property(fc.array(step, { maxLength: 25, size: 'max' }), agree), { numRuns: 40 })
  })
})

const RECORDINGS = process.env['RECORDINGS_DIR']

describe('recorded', () => {
  const name = 'spot_btcusdt_depth100ms_trade_bookTicker_2024-08-08_first60s.hftbacktest.gz'
  const file = `${RECORDINGS}/binance/${name}`

  test.skipIf(RECORDINGS === undefined || !existsSync(file))(
    'a minute of BTCUSDT: the best of the book is the ticker 597 of 597 times (set RECORDINGS_DIR)',
    () => {
      const lines = gunzipSync(readFileSync(file)).toString().trim().split('\n')
      const frames = lines.map((line) => JSON.parse(line.slice(line.indexOf(' ') + 1)) as RecordedFrame)
      expect(compareWithTicker(frames)).toEqual({ applied: 597, compared: 597, equal: 597, crossed: 0 })
    },
  )
})

type Pairs = readonly [price: string, size: string][]
type RecordedFrame = {
  readonly lastUpdateId?: number
  readonly bids: Pairs
  readonly asks: Pairs
  readonly stream: string
  readonly data: { readonly U: number; readonly u: number; readonly b: Pairs; readonly a: Pairs }
}
type Ticker = {
  readonly u: number
  readonly b: string
  readonly B: string
  readonly a: string
  readonly A: string
}

/** After every event the best levels are those of the latest ticker that does not know more than the event. */
function compareWithTicker(frames: readonly RecordedFrame[]) {
  const found = { applied: 0, compared: 0, equal: 0, crossed: 0 }
  const snapshot = frames.find(({ lastUpdateId }) => lastUpdateId !== undefined)!
  const depth = frames.filter(({ stream }) => stream?.includes('@depth')).map(({ data }) => data)
  const tickers = frames
    .filter(({ stream }) => stream?.endsWith('@bookTicker'))
    .map(({ data }) => data as unknown as Ticker)
  const book = new OrderBook()
  const whole = staged([...rowsOf('bid', snapshot.bids), ...rowsOf('ask', snapshot.asks)])
  book.replace(whole, 0, whole.length, false)
  let last = snapshot.lastUpdateId!
  for (const { U, u, b, a } of depth) {
    if (u <= last) continue
    expect(U).toBeLessThanOrEqual(last + 1)
    last = u
    const changes = staged([...rowsOf('bid', b), ...rowsOf('ask', a)])
    book.apply(changes, 0, changes.length)
    found.applied++
    found.crossed += book.state() === 'ok' ? 0 : 1
    const ticker = tickers.findLast((candidate) => candidate.u <= u)
    if (ticker === undefined) continue
    found.compared++
    const best = [book.bestBid(), book.bestBidSize(), book.bestAsk(), book.bestAskSize()].map((value) =>
      formatDecimal(value!),
    )
    if (best.join() === [ticker.b, ticker.B, ticker.a, ticker.A].map(plain).join()) found.equal++
  }
  return found
}

function rowsOf(side: Side, pairs: Pairs): Row[] {
  return pairs.map(([price, size]) => [side, price, size])
}

function agree(steps: readonly Step[]): void {
  const book = new OrderBook()
  const dull = { bid: new DullSide('bid'), ask: new DullSide('ask') }
  for (const step of steps) {
    take(book, step)
    dull.bid.take(step)
    dull.ask.take(step)
    expectSame(book, dull)
  }
}

function take(book: OrderBook, step: Step): void {
  const levels = staged('rows' in step ? step.rows : [])
  if (step.do === 'clear') book.clear()
  else if (step.do === 'trim') book.trim(step.levelsMax)
  else if (step.do === 'delta') book.apply(levels, 0, levels.length)
  else book.replace(levels, 0, levels.length, step.whole)
}

/** Compared as texts: this is asked hundreds of thousands of times. */
function expectSame(book: OrderBook, { bid, ask }: { readonly bid: DullSide; readonly ask: DullSide }): void {
  const [bids, asks] = [bid.best(), ask.best()]
  const best = [book.bestBid(), book.bestBidSize(), book.bestAsk(), book.bestAskSize()]
  const ours = {
    levels: [book.bidLevels, book.askLevels, book.bidsKnown, book.asksKnown],
    best: best.map((value) => value && formatDecimal(value)),
    state: book.state(),
    all: book.topLevels(1_000),
    numbers: book.topNumbers(5),
    top: Object.values(book.top(20)),
  }
  const numbers = (side: PlainLevels) =>
    side.slice(0, 5).map(([price, size]) => ({ price: Number(price), size: Number(size) }))
  const dull = {
    levels: [bids.length, asks.length, bid.known(), ask.known()],
    best: [bids[0]?.[0], bids[0]?.[1], asks[0]?.[0], asks[0]?.[1]],
    state: stateOf(bids[0]?.[0], asks[0]?.[0]),
    all: { bids, asks },
    numbers: { bids: numbers(bids), asks: numbers(asks) },
    top: [bids, asks].map((side) => JSON.stringify(side.slice(0, 20).map((level) => [...level, null]))),
  }
  expect(JSON.stringify(ours)).toBe(JSON.stringify(dull))
}

function stateOf(bid: string | undefined, ask: string | undefined): string {
  if (bid === undefined || ask === undefined) return 'empty'
  const difference = worth(bid) - worth(ask)
  return difference < 0n ? 'ok' : difference > 0n ? 'crossed' : 'locked'
}

class DullSide {
  readonly #side: Side
  #sizes = new Map<string, string>()
  /** The worst price down to which everything is known. */
  #edge: string | undefined

  constructor(side: Side) {
    this.#side = side
  }

  take(step: Step): void {
    if (step.do === 'clear') this.#start([], true)
    else if (step.do === 'trim') this.#trim(step.levelsMax)
    else {
      const rows = step.rows
        .filter(([side]) => side === this.#side)
        .map(([, price, size]) => [plain(price), plain(size)] as const)
      if (step.do === 'snapshot') this.#start(rows, step.whole)
      else for (const [price, size] of rows) this.#set(price, size)
    }
  }

  best(): PlainLevels {
    return [...this.#sizes].sort(([a], [b]) => this.#order(a, b))
  }

  known(): number {
    const edge = this.#edge
    return edge === undefined
      ? this.#sizes.size
      : this.best().filter(([price]) => this.#order(price, edge) <= 0).length
  }

  #start(rows: readonly (readonly [string, string])[], whole: boolean): void {
    this.#sizes = new Map(rows.filter(([, size]) => size !== '0'))
    this.#edge = whole ? undefined : this.best().at(-1)?.[0]
  }

  #set(price: string, size: string): void {
    if (size === '0') this.#sizes.delete(price)
    else this.#sizes.set(price, size)
  }

  #trim(levelsMax: number): void {
    if (this.#sizes.size <= 2 * levelsMax) return
    const kept = this.best().slice(0, levelsMax)
    const worst = kept.at(-1)![0]
    this.#sizes = new Map(kept)
    if (this.#edge === undefined || this.#order(this.#edge, worst) > 0) this.#edge = worst
  }

  #order(a: string, b: string): number {
    const difference = this.#side === 'bid' ? worth(b) - worth(a) : worth(a) - worth(b)
    return difference < 0n ? -1 : difference > 0n ? 1 : 0
  }
}

function bestFirst([, a]: Row, [side, b]: Row): number {
  const difference = side === 'bid' ? worth(b) - worth(a) : worth(a) - worth(b)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** In units of the last place there can be. */
function worth(text: string): bigint {
  const [whole, fraction = ''] = text.split('.') as [string, string?]
  return BigInt(whole + fraction.padEnd(PLACES_MAX, '0'))
}

function plain(text: string): string {
  return formatDecimal(decimalOf(text))
}

function padded(text: string): fc.Arbitrary<string> {
  const point = text.includes('.') ? '' : '.0'
  return fc.nat(6).map((zeros) => `${text}${point}${'0'.repeat(zeros)}`)
}

function zeroOf(text: string): string {
  return text.startsWith('0.') && text.length === 10 ? '0.00000000' : text
}

function staged(rows: readonly Row[]): Levels {
  const levels = new Levels()
  for (const row of rows) if (!levels.add(...row)) throw new Error(`not a level: ${row.join(' ')}`)
  return levels
}
