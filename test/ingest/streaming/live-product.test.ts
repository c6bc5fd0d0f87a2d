import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Levels } from '../../../src/ingest/levels.ts'
import { LiveProduct } from '../../../src/ingest/streaming/live-product.ts'
import { handOn } from '../../../src/ingest/streaming/stream-events.ts'
import { newStreamLedger } from '../../../src/ingest/streaming/stream-ledger.ts'
import type {
  BookRules,
  Rejected,
  Wire,
  WireEvent,
  WireTicker,
  WireTrade,
} from '../../../src/ingest/venue.ts'
import { NEW_WATCH, nextWatch, type Watch } from '../../../src/ingest/watch.ts'
import type { Line } from '../../../src/ingest/watched-feed.ts'
import { ProductBook } from '../../../src/models/product-book.ts'
import { Ticker } from '../../../src/models/ticker.ts'
import { FEED_KINDS, type FeedKind } from '../../../src/models/topics.ts'
import { Trade } from '../../../src/models/trade.ts'
import { virtualTimers } from '../../../src/models/virtual-timers.ts'
import { deltaOf, RULES, snapshotOf } from '../book-rig.ts'

const BOOK = 'b100=1 b99=1 a101=1 a102=1'

describe('one product', () => {
  test('books, trades and tickers are published as they are, each with its own names and times', () => {
    const rig = productRig({ unit: '0.01 BTC' })
    rig.play(`live | 10 snap 10 ${BOOK} | 20 change 11 b100.5=1 | 30 trade 7 | 40 ticker 100.5 101`)
    const [, book, trade, ticker] = rig.data.map((value) => JSON.parse(value))
    expect(ProductBook.parse(book)).toMatchObject({
      venue: 'binance',
      product: 'BTC-USD',
      sequence: 11,
      receivedAtMs: BASE_MS + 20,
      state: 'ok',
      bids: [
        ['100.5', '1', null],
        ['100', '1', null],
        ['99', '1', null],
      ],
      bidLevels: 3,
      since: null,
      unit: '0.01 BTC',
    })
    expect(Trade.parse(trade)).toMatchObject({
      id: '7',
      receivedAtMs: BASE_MS + 30,
      backfilled: false,
      unit: '0.01 BTC',
    })
    expect(Ticker.parse(ticker)).toMatchObject({ bid: '100.5', ask: '101', receivedAtMs: BASE_MS + 40 })
  })

  test('at most one book an interval, the first at once', () => {
    const rig = productRig({ bookIntervalMs: 100 })
    rig.play(
      `live | 0 snap 10 ${BOOK} | 0 publish | 10 change 11 b100.1=1 | 20 change 12 b100.2=1 | 99 publish`,
    )
    expect(rig.told()).toEqual(['trades up', 'tickers up', 'books up', 'book 100/101'])
    rig.play('100 publish | 101 publish')
    expect(rig.told().slice(4)).toEqual(['book 100.2/101 of 2'])
  })

  test('is said to be in a hole by each kind of its news for itself', () => {
    const rig = productRig()
    rig.play(
      `live | 0 snap 10 ${BOOK} | 10 cut trades | 20 change 11 b100.5=1 | 30 cut books | 31 cut tickers`,
    )
    expect(rig.told().slice(4)).toEqual([
      'trades hole from 0: disconnected',
      'book 100.5/101',
      'books hole from 20: disconnected',
      'tickers hole from 30: disconnected',
    ])
  })

  test('trades that are published in a hole do not end it', () => {
    const rig = productRig()
    rig.play(`live | 10 trade 7 | 20 trade 9 | 30 trade 10 | 40 answer 8`)
    expect(rig.told().slice(2)).toEqual([
      'trade 7',
      'trades hole from 10: lost-trades',
      'trade 9',
      'trade 10',
      'trade 8 late',
      'trades end at 20: lost-trades, back-filled',
    ])
  })

  test('of what was not asked for, news only serve checks', () => {
    const rig = productRig({ kinds: ['books'], rules: { ...RULES.byLink, tickerChecks: true } })
    rig.play(`live | 0 snap 10 ${BOOK} | 10 trade 7 | 20 ticker 100 101`)
    expect(rig.told()).toEqual(['books up', 'book 100/101'])
    expect(rig.ledger).toMatchObject({ received: 3, published: 1, unwanted: 2 })
  })

  test('a kind that falls silent is out of step since the silence began, and is asked for anew', () => {
    const rig = productRig({ rules: RULES.bare })
    rig.play(`live | 0 snap - ${BOOK} | 70000 idle trades | 70000 idle books | 70001 live`)
    expect(rig.told().slice(4)).toEqual([
      'trades hole from 10000: stale',
      'books hole from 0: stale',
      'trades end at 70001: stale',
    ])
    expect(rig.resubscribed).toEqual(['trades', 'books'])
  })

  test('what the venue refuses is a hole, until it comes after all', () => {
    const rig = productRig()
    rig.play(`0 refused books | 10 snap 10 ${BOOK}`)
    expect(rig.told()).toEqual([
      'books up',
      'books hole from 0: unknown-product',
      'books end at 10: unknown-product',
      'book 100/101',
    ])
  })
})

describe('what cannot be used', () => {
  test('of a book is the end of that book', () => {
    const rig = productRig()
    rig.play(`live | 0 snap 10 ${BOOK} | 10 rejected BTCUSD books`)
    expect(rig.told().slice(4)).toEqual(['books hole from 0: bad-answer'])
    expect(rig.ledger).toMatchObject({ received: 2, published: 1, rejected: 1 })
  })

  test('of trades with numbers shows by the next one', () => {
    const rig = productRig()
    rig.play(`live | 10 trade 7 | 20 rejected BTCUSD trades | 30 trade 8`)
    expect(rig.told().slice(2)).toEqual(['trade 7', 'trade 8'])
  })

  test('of trades without numbers is a hole of its own', () => {
    const rig = productRig({ trades: { ids: 'opaque' } })
    rig.play(`live | 10 trade a | 20 rejected BTCUSD trades | 30 trade b`)
    expect(rig.told().slice(2)).toEqual([
      'trade a',
      'trades hole from 10: bad-answer',
      'trades end at 20: bad-answer',
      'trade b',
    ])
  })

  test('without a name may have been of everything that has no numbers', () => {
    const proven = productRig()
    proven.play(`live | 0 snap 10 ${BOOK} | 10 trade 7 | 20 rejected`)
    expect(proven.told().filter((word) => word.includes('hole'))).toEqual([])
    const bare = productRig({ rules: RULES.bare, trades: { ids: 'opaque' } })
    bare.play(`live | 0 snap - ${BOOK} | 10 trade a | 20 rejected`)
    expect(bare.told().filter((word) => word.includes('hole'))).toEqual([
      'books hole from 0: bad-answer',
      'trades hole from 10: bad-answer',
    ])
  })

  test('without a name, and nothing readable after it, is looked into: numbers are asked for, and trades', async () => {
    const rig = productRig()
    rig.play(`live | 0 snap 10 ${BOOK} | 10 trade 7 | 20 rejected`)
    await rig.pass(10_000)
    expect(rig.resubscribed).toEqual(['books'])
    rig.play(`10020 answer 8 | 10020 answer | 10030 snap 12 ${BOOK}`)
    expect(rig.told().slice(5)).toEqual([
      'trades hole from 20: bad-answer',
      'trade 8 late',
      'trades end at 10020: bad-answer, back-filled',
      'books hole from 0: stale',
      'books end at 10030: stale',
      'book 100/101',
    ])
  })

  test('without a name, and readable news after it, needs no looking into', async () => {
    const rig = productRig()
    rig.play(`live | 0 snap 10 ${BOOK} | 10 trade 7 | 20 rejected | 30 change 11 b1=1 | 40 trade 8`)
    await rig.pass(60_000)
    expect(rig.told().slice(5)).toEqual(['book 100/101', 'trade 8'])
    expect(rig.resubscribed).toEqual([])
  })

  test('is counted once, and of a product nobody asked for it is nobody’s hole', () => {
    const rig = productRig()
    rig.play(`live | 0 snap 10 ${BOOK} | 10 rejected ETHUSD books`)
    expect(rig.told().slice(4)).toEqual([])
    expect(rig.ledger).toMatchObject({ received: 2, published: 1, rejected: 1 })
  })

  test('is what is stamped more than a minute ahead of our clock', () => {
    const rig = productRig()
    rig.play(`live | 0 snap 10 ${BOOK} | 10 change 11 b100.5=1 @60010 | 20 change 12 b100.6=1 @60021`)
    expect(rig.told().slice(4)).toEqual(['book 100.5/101', 'books hole from 10: bad-answer'])
    expect(rig.refusals).toEqual(['future-time: 60001 ms ahead of our clock'])
  })
})

describe('what a venue says of itself', () => {
  test('a wish to begin anew is one hole of the books it speaks of', () => {
    const rig = productRig()
    rig.play(`live | 0 snap 10 ${BOOK} | 10 resync ETHUSD | 20 resync BTCUSD | 30 resync`)
    expect(rig.told().slice(4)).toEqual(['books hole from 0: sequence-gap'])
  })

  test('a heartbeat that names a trade that never came is a hole of the trades, and of a book without numbers', () => {
    const rig = productRig({ rules: RULES.bare, trades: { ids: 'dense' } })
    rig.play(`live | 0 snap - ${BOOK} | 5 trade 7 | 10 change - b100.5=1 | 15 heartbeat 8 | 20 heartbeat 8`)
    expect(rig.told().slice(4)).toEqual([
      'trade 7',
      'book 100.5/101',
      'trades hole from 5: lost-trades',
      'books hole from 5: lost-trades',
      'trades end at 20: lost-trades',
    ])
  })

  test('a ticker that goes on saying another best price than the book is one hole, from when they last agreed', async () => {
    const rig = productRig({ rules: { ...RULES.bare, tickerChecks: true } })
    rig.play(
      `live | 0 snap - ${BOOK} | 1 change - b98=1 @1 | 100 ticker 100 101 | 500 ticker 100.5 101 | 900 ticker 100.5 101`,
    )
    rig.play('1300 ticker 100.5 101 | 1700 ticker 100.5 101')
    expect(
      rig
        .told()
        .filter((word) => !/^(ticker|book) /.test(word))
        .slice(3),
    ).toEqual(['books hole from 100: check-failed'])
    expect(rig.resubscribed).toEqual(['books'])
    rig.play(
      '2000 snap - b100.5=1 a101=1 | 2001 change - b98=1 @2001 | 2100 ticker 100.5 101 | 3000 ticker 100.5 101',
    )
    expect(
      rig
        .told()
        .filter((word) => !/^(ticker|book) /.test(word))
        .slice(4),
    ).toEqual(['books end at 2000: check-failed'])
  })
})

test('whatever happens: every event is counted once, and holes of a line open and close in turn and never overlap', () => {
  const rules = fc.constantFrom<BookRules>(RULES.byRange, RULES.byLink, RULES.byLinkBoth, {
    ...RULES.bare,
    tickerChecks: true,
  })
  const ids = fc.constantFrom('dense', 'dense-by-fill', 'opaque')
  const row = fc.tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 97, max: 104 }), fc.nat(1))
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constantFrom('next', 'next', 'gap', 'same'), row) },
    { weight: 2, arbitrary: fc.constantFrom(`snap 0 ${BOOK}`, 'resync', 'resync BTCUSD', 'publish') },
    { weight: 3, arbitrary: fc.integer({ min: -2, max: 3 }).map((jump) => `trade ${jump}`) },
    {
      weight: 2,
      arbitrary: fc.constantFrom('ticker 100 101', 'ticker 97 99', 'heartbeat', 'rejected', 'alive'),
    },
    fc.constantFrom('rejected BTCUSD books', 'rejected BTCUSD trades', 'rejected ETHUSD', 'live'),
    fc.constantFrom('cut books', 'cut trades', 'cut tickers', 'idle books', 'idle trades', 'refused books'),
    fc.constantFrom('answer', 'none', 'elsewhere'),
  )
  fc.assert(
    fc.property(
      rules,
      ids,
      fc.constantFrom(0, 100),
      fc.array(step, { maxLength: 80 }),
      (books, id, bookIntervalMs, steps) => {
        const rig = productRig({
          rules: books,
          trades: id === 'opaque' ? { ids: id } : { ids: id, backfill: NEVER },
          bookIntervalMs,
        })
        let [atMs, number, trade] = [1, 10, 10]
        for (const one of steps) {
          atMs += 40
          if (typeof one === 'string') {
            if (one.startsWith('trade')) trade = Math.max(1, trade + Number(one.slice(6)))
            const text = one.startsWith('trade') ? `trade ${trade}` : one.replace('snap 0', `snap ${number}`)
            rig.play(`${atMs} ${text === 'answer' ? `answer ${rig.wanted()}` : text}`)
          } else {
            const [how, [side, price, size]] = one
            number += how === 'next' ? 1 : how === 'gap' ? 3 : 0
            rig.play(`${atMs} change ${number} ${side}${price}=${size}`)
          }
        }
        rig.play(`${atMs + 1_000} publish`)
        const waits = rig.product.book!.book.hasMoved
        expect(waits).toBe(false)
        rig.play(`${atMs + 1_000} cut books`)
        const { received, ...became } = rig.ledger
        expect(Object.values(became).reduce((sum, count) => sum + count, 0)).toBe(received)
        expectHolesInTurn(rig.told())
      },
    ),
  )
})

/** What the script's times count from. */
const BASE_MS = Date.UTC(2026, 10, 20, 12)

const NEVER = {
  request: () => {
    throw new Error('asking is for the test to do')
  },
  parse: () => ({ trades: [] }),
}

type RigAbout = {
  readonly rules?: BookRules
  readonly trades?: Wire['trades']
  readonly kinds?: readonly FeedKind[]
  readonly bookIntervalMs?: number
  readonly unit?: string
}

/** One product on a clock that the test sets, behind the events of its wire, with the watch of each of its lines. */
function productRig(about: RigAbout = {}) {
  const {
    rules = RULES.byLink,
    trades = { ids: 'dense', backfill: NEVER },
    kinds = FEED_KINDS,
    bookIntervalMs = 0,
  } = about
  const ledger = newStreamLedger()
  const words: string[] = []
  const data: string[] = []
  const resubscribed: FeedKind[] = []
  const refusals: string[] = []
  const watches = new Map<Line, Watch>()
  let nowMs = BASE_MS
  let wanted: { fromId: number; toId: number } | undefined
  let asking: number | undefined
  const virtual = virtualTimers(0)
  const timers = { ...virtual, nowMs: () => nowMs, monotonicMs: () => nowMs }
  const wire = { books: rules, trades, idleMs: { books: 60_000, trades: 60_000 } } as Wire
  const listing = {
    symbol: 'BTCUSD',
    product: 'BTC-USD',
    trading: true,
    ...(about.unit === undefined ? {} : { unit: about.unit }),
  }
  const product: LiveProduct = new LiveProduct(listing, kinds, {
    venue: 'binance',
    source: 'simulator',
    wire,
    levelsMax: 3,
    bookIntervalMs,
    timers,
    random: () => 0,
    ledger,
    add(line, event, also) {
      const { kind } = line
      const step = nextWatch(watches.get(line) ?? NEW_WATCH, event, {
        ...line,
        venue: 'binance',
        source: 'simulator',
        run: 'r',
        vouchMs: Number.POSITIVE_INFINITY,
      })
      watches.set(line, step.watch)
      for (const record of step.records) {
        if (record.type === 'up') words.push(`${kind} up`)
        if (record.type === 'hole-open')
          words.push(`${kind} hole from ${record.fromMs - BASE_MS}: ${record.reason}`)
        if (record.type === 'hole-close') {
          const filled = record.backfilled ? ', back-filled' : ''
          words.push(`${kind} end at ${record.toMs - BASE_MS}: ${record.causes!.join(', ')}${filled}`)
        }
      }
      if (also === undefined) return
      data.push(also.value as string)
      words.push(wordOf(JSON.parse(also.value as string)))
    },
    onWaiting: () => {},
    requestSnapshot: (_, number) => {
      asking = number
      product.book!.sent(number)
    },
    requestTrades: (_, missing) => {
      wanted = missing
    },
    resubscribe: (kind) => resubscribed.push(kind),
  })

  const hand = (event: WireEvent, levels = new Levels(1)) =>
    handOn({
      events: [event],
      receivedAtMs: nowMs,
      levels,
      products: new Map([['BTCUSD', product]]),
      carried: FEED_KINDS.map((kind) => ({ kind, product })),
      ledger,
      reject: ({ kind, message }) => refusals.push(`${kind}: ${message}`),
    })

  const happen = (does: string, rest: readonly string[]): void => {
    const [first = ''] = rest
    if (does === 'live') for (const kind of kinds) product.live(kind)
    if (does === 'publish' && product.dueMs <= nowMs) product.publishBook()
    if (does === 'cut') product.cut(first as FeedKind, 'disconnected', lastMs)
    if (does === 'idle') product.idle(first as FeedKind)
    if (does === 'refused') product.refused(first as FeedKind)
    if (does === 'answer' && wanted !== undefined) {
      wanted = undefined
      product.backfilled(rest.filter((id) => id !== '').map(tradeOf), nowMs)
    }
    if (does === 'none' && wanted !== undefined) {
      wanted = undefined
      product.tape!.unavailable()
    }
    if (does === 'snap') snap(rest)
    if (does === 'change') {
      const stamp = rest.find((word) => word.startsWith('@'))
      const { event, levels } = deltaOf(rest.filter((word) => !word.startsWith('@')))
      hand(
        { ...event, exchangeTimeMs: stamp === undefined ? null : BASE_MS + Number(stamp.slice(1)) },
        levels,
      )
    }
    if (does === 'trade') hand(tradeOf(first))
    if (does === 'elsewhere') hand({ ...tradeOf('1'), symbol: 'ETHUSD' })
    if (does === 'ticker') hand(tickerOf(rest))
    if (does === 'alive') hand({ type: 'alive' })
    if (does === 'heartbeat')
      hand({ type: 'heartbeat', symbol: 'BTCUSD', ...(first === '' ? {} : { lastTradeId: first }) })
    if (does === 'resync') hand(first === '' ? { type: 'resync' } : { type: 'resync', symbol: first })
    if (does === 'rejected') hand(rejectedOf(rest))
  }
  /** From the stream where it comes from there, else as the answer. */
  const snap = (rest: readonly string[]): void => {
    const { event, levels } = snapshotOf(rest)
    if (rules.inBand) {
      hand(event, levels)
    } else if (asking !== undefined) {
      ledger.received++
      product.book!.snapshot(event, levels, nowMs, asking)
    }
  }
  let lastMs = BASE_MS
  return {
    product,
    ledger,
    data,
    resubscribed,
    refusals,
    told: () => words,
    async pass(ms: number): Promise<void> {
      nowMs += ms
      await virtual.advanceBy(ms)
    },
    /** Ids of what was asked for last. */
    wanted: () => (wanted === undefined ? '' : `${wanted.fromId} ${wanted.fromId + 1}`),
    /** `[<ms>] <what happens> | ...` */
    play(script: string): void {
      for (const step of script.split(' | ')) {
        const [, at, does = '', rest = ''] = /^(?:(\d+) )?(\S+) ?(.*)$/.exec(step)!
        lastMs = nowMs
        if (at !== undefined) nowMs = BASE_MS + Number(at)
        happen(does, rest === '' ? [] : rest.split(' '))
      }
    },
  }
}

function tradeOf(id: string): WireTrade {
  return {
    type: 'trade',
    symbol: 'BTCUSD',
    id,
    price: '100',
    size: '1',
    side: 'buy',
    fills: 1,
    exchangeTimeMs: BASE_MS,
  }
}

function tickerOf([bid, ask]: readonly string[]): WireTicker {
  return {
    type: 'ticker',
    symbol: 'BTCUSD',
    sequence: null,
    exchangeTimeMs: null,
    last: null,
    lastSize: null,
    bid: bid ?? null,
    bidSize: null,
    ask: ask ?? null,
    askSize: null,
    day: null,
  }
}

function rejectedOf([symbol, kind]: readonly string[]): Rejected {
  return {
    type: 'rejected',
    refusal: { kind: 'wrong-shape', path: '', message: 'no' },
    ...(symbol === undefined ? {} : { symbol }),
    ...(kind === undefined ? {} : { kind: kind as FeedKind }),
  }
}

function wordOf(record: ProductBook | Trade | Ticker): string {
  if (record.type === 'ticker') return `ticker ${record.bid}/${record.ask}`
  if (record.type === 'trade') return `trade ${record.id}${record.backfilled ? ' late' : ''}`
  const updates = record.since === null ? '' : ` of ${record.since.updates}`
  return `book ${record.bids[0]?.[0]}/${record.asks[0]?.[0]}${updates}`
}

function expectHolesInTurn(words: readonly string[]): void {
  for (const kind of FEED_KINDS) {
    let endMs = 0
    let fromMs: number | undefined
    for (const word of words) {
      const [, opens, closes] = new RegExp(`^${kind} (?:hole from (\\d+)|end at (\\d+))`).exec(word) ?? []
      if (opens !== undefined) {
        expect(fromMs).toBeUndefined()
        fromMs = Number(opens)
        expect(fromMs).toBeGreaterThanOrEqual(endMs)
      }
      if (closes !== undefined) {
        endMs = Number(closes)
        expect(endMs).toBeGreaterThanOrEqual(fromMs!)
        fromMs = undefined
      }
      if (kind === 'books' && word.startsWith('book ')) expect(fromMs).toBeUndefined()
    }
  }
}
