import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Mark } from '../../src/models/feed-records.ts'
import { ProductBook } from '../../src/models/product-book.ts'
import { Rejection } from '../../src/models/rejection.ts'
import { booksAmong, everythingIn, generate, killedAfter, MARKET, openLog, valuesIn } from './made-logs.ts'

const NOON = Date.UTC(2026, 10, 20, 12)
const MINUTES = 60_000
const HALF_HOUR = { historyMs: 30 * MINUTES, untilMs: NOON, exit: true }
const HOURS = { historyMs: 120 * MINUTES, untilMs: NOON, exit: true }
const LATER = NOON + 60 * MINUTES

describe('history', () => {
  test('has a book of every product each interval, from the wished beginning up to its end', async () => {
    const log = await openLog()
    const made = await generate(log, { wish: HALF_HOUR, nowMs: LATER })
    const books = booksAmong(await valuesIn(log))
    expect(made).toMatchObject({ books: 4 * 360, rejected: 0, fromMs: NOON - 30 * MINUTES, upToMs: NOON })
    expect(books).toHaveLength(4 * 360)
    for (const book of books)
      expect(ProductBook.parse(book)).toMatchObject({ venue: 'coinbase', source: 'mock' })
  })

  test('interleaves the products in the order of their times, which strictly grow per product as do sequences', async () => {
    const log = await openLog()
    await generate(log, { wish: HALF_HOUR, nowMs: LATER })
    const books = booksAmong(await valuesIn(log))
    const times = books.map(({ exchangeTimeMs }) => exchangeTimeMs!)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    for (const product of MARKET.products) {
      const own = books.filter((book) => book.product === product)
      expect(new Set(own.map(({ exchangeTimeMs }) => exchangeTimeMs)).size).toBe(360)
      expect(own.map(({ sequence }) => sequence)).toEqual(
        Array.from({ length: 360 }, (_, index) => index + 1),
      )
    }
  })

  test('is never crossed unless asked', async () => {
    const log = await openLog()
    await generate(log, { wish: HALF_HOUR, nowMs: LATER })
    const states = (values: { state: string }[]) => new Set(values.map(({ state }) => state))
    expect(states(booksAmong(await valuesIn(log)))).toEqual(new Set(['ok']))
    const crossed = await openLog()
    await generate(crossed, { market: { crossedShare: 0.1 }, wish: HALF_HOUR, nowMs: LATER })
    expect(states(booksAmong(await valuesIn(crossed)))).toEqual(new Set(['ok', 'crossed']))
  })

  test('begins with an up for each product and ends with a goodbye, marks in between', async () => {
    const log = await openLog()
    await generate(log, { wish: HOURS, nowMs: LATER })
    const values = await valuesIn(log)
    const ups = values.slice(0, 4)
    expect(ups).toMatchObject(
      MARKET.products.map((product) => ({ type: 'up', source: 'mock', product, atMs: NOON - 120 * MINUTES })),
    )
    const marks = values.filter((value): value is Mark => value.type === 'mark')
    expect(values.at(-1)).toMatchObject({ type: 'mark', upToMs: NOON, bye: true })
    expect(marks.filter(({ bye }) => bye)).toHaveLength(1)
    expect(marks.length).toBeGreaterThan(4)
  })

  test('has nothing after a mark that the mark had vouched for', async () => {
    const log = await openLog()
    await generate(log, { wish: HOURS, nowMs: LATER })
    let vouchedMs = 0
    for (const value of await valuesIn(log)) {
      if (value.type === 'mark') vouchedMs = value.upToMs
      if (value.type === 'book') expect(value.exchangeTimeMs).toBeGreaterThanOrEqual(vouchedMs)
    }
  })

  test('marks every partition it feeds, and only those', async () => {
    const log = await openLog({ partitions: 8 })
    await generate(log, { wish: HALF_HOUR, nowMs: LATER })
    for (const [tp, records] of Object.entries(await everythingIn(log))) {
      if (records.length > 0) expect(JSON.parse(records.at(-1)!.value!), tp).toMatchObject({ upToMs: NOON })
    }
  })
})

describe('the same arguments', () => {
  test('make the same log, record by record', async () => {
    const wish = HOURS
    const market = { faultShare: 0.05, crossedShare: 0.02 }
    const logs = [await openLog(), await openLog()]
    for (const [index, log] of logs.entries()) await generate(log, { market, wish, nowMs: LATER + index })
    expect(await everythingIn(logs[1]!)).toEqual(await everythingIn(logs[0]!))
  })

  test('a second time find everything there and add nothing', async () => {
    const log = await openLog()
    await generate(log, { wish: HALF_HOUR, nowMs: LATER })
    const before = await everythingIn(log)
    const again = await generate(log, { wish: HALF_HOUR, nowMs: LATER })
    expect(again.upToMs).toBe(again.fromMs)
    expect(await everythingIn(log)).toEqual(before)
  })

  test('up to a time that a killed run has passed add nothing, not even a goodbye', async () => {
    const log = await openLog()
    await generate(killedAfter(log, 3), { wish: HOURS, nowMs: LATER }).catch(() => {})
    const before = await everythingIn(log)
    await generate(log, { wish: { ...HOURS, untilMs: NOON - 110 * MINUTES }, nowMs: LATER })
    expect(await everythingIn(log)).toEqual(before)
  })

  test('after any number of kills make the log of a run never killed', async () => {
    const spoiled = { faultShare: 0.9, crossedShare: 0.3 }
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom(1, 3),
        fc.constantFrom({}, { faultShare: 0.1 }, spoiled, { intervalMs: 7_770, seed: 9 }),
        async (kills, partitions, market) => {
          const about = { market, wish: HOURS, nowMs: LATER }
          const whole = await openLog({ partitions })
          await generate(whole, about)
          const torn = await openLog({ partitions })
          for (const publishes of kills) await generate(killedAfter(torn, publishes), about).catch(() => {})
          await generate(torn, about)
          expect(await everythingIn(torn)).toEqual(await everythingIn(whole))
        },
      ),
      { numRuns: 10 },
    )
  })
})

describe('on a log that can tear a publish', () => {
  test.each([0, 1, 3])(
    'what comes twice after a kill has the same run, number and value (%i whole)',
    async (publishes) => {
      const about = { market: { faultShare: 0.2 }, wish: HOURS, nowMs: LATER }
      const [torn, whole] = [await openLog(), await openLog()]
      await generate(whole, about)
      await generate(killedAfter(torn, publishes, 500), about).catch(() => {})
      await generate(torn, about)
      const [all, expected] = [await everythingIn(torn), await everythingIn(whole)]
      for (const [tp, records] of Object.entries(all)) {
        const once = new Map(records.map((record) => [`${record.run} ${record.n}`, record]))
        expect(records.length, tp).toBeGreaterThan(once.size)
        expect([...once.values()], tp).toEqual(expected[tp])
      }
    },
  )
})

describe('a second run', () => {
  const market = { faultShare: 0.2 }
  const again = { historyMs: 30 * MINUTES, untilMs: NOON + 10 * MINUTES, exit: true }

  test('goes on from price, time and sequence, and repeats nothing', async () => {
    const log = await openLog()
    const first = await generate(log, { market, wish: HALF_HOUR, nowMs: LATER })
    const second = await generate(log, { market, wish: again, nowMs: LATER })
    expect(second).toMatchObject({ fromMs: NOON, upToMs: NOON + 10 * MINUTES })
    expect(second.run).not.toBe(first.run)
    for (const product of MARKET.products) expectOneMarket(booksAmong(await valuesIn(log), product))
  })

  test('goes on with other arguments too', async () => {
    const log = await openLog()
    await generate(log, { wish: HALF_HOUR, nowMs: LATER })
    const other = { seed: 7, intervalMs: 700, levels: 3, products: ['BTC-USD', 'DOGE-USD'] }
    await generate(log, { market: other, wish: again, nowMs: LATER })
    const books = booksAmong(await valuesIn(log), 'BTC-USD')
    expect(books).toHaveLength(360 + 857)
    expectOneMarket(books)
  })

  test('after a pause begins anew at its own history, with the old prices', async () => {
    const log = await openLog()
    await generate(log, { wish: HALF_HOUR, nowMs: LATER })
    const wish = { historyMs: 10 * MINUTES, untilMs: NOON + 60 * MINUTES, exit: true }
    const made = await generate(log, { wish, nowMs: LATER })
    expect(made.fromMs).toBe(NOON + 50 * MINUTES)
    expectOneMarket(booksAmong(await valuesIn(log), 'ETH-USD'))
    const ups = (await valuesIn(log)).filter(({ type }) => type === 'up')
    expect(ups).toHaveLength(8)
  })

  test('finds the last books behind any number of records of others', async () => {
    const log = await openLog()
    await generate(log, { wish: HALF_HOUR, nowMs: LATER })
    const foreign = { topic: 'books.coinbase', partition: 0, key: 'BTC-USD', run: 'ingest-1' }
    const records = Array.from({ length: 9_000 }, (_, index) => ({ ...foreign, n: index + 1, value: '{}' }))
    await log.publish(records)
    const made = await generate(log, { wish: again, nowMs: LATER })
    expect(made.fromMs).toBe(NOON)
    const books = (await everythingIn(log))['books.coinbase/0']!.filter(({ run }) => run === made.run)
    const first = books.map(({ value }) => JSON.parse(value!)).find(({ type }) => type === 'book')
    expect(first.sequence).toBe(361)
  })

  function expectOneMarket(books: ProductBook[]): void {
    for (const [index, book] of books.slice(1).entries()) {
      const before = books[index]!
      expect(book.exchangeTimeMs).toBeGreaterThan(before.exchangeTimeMs!)
      expect(book.sequence).toBeGreaterThan(before.sequence!)
      expect(Number(book.bids[0]![0]) / Number(before.bids[0]![0])).toBeCloseTo(1, 1)
    }
  }
})

describe('faults', () => {
  test('become rejections with their bytes, and the market goes on beneath', async () => {
    const log = await openLog()
    const clean = await openLog()
    const made = await generate(log, { market: { faultShare: 0.1 }, wish: HALF_HOUR, nowMs: LATER })
    await generate(clean, { wish: HALF_HOUR, nowMs: LATER })
    const rejections = (await valuesIn(log, 'rejections/0')).map((value) => Rejection.parse(value))
    expect(made.books + made.rejected).toBe(4 * 360)
    expect(rejections).toHaveLength(made.rejected)
    expect(rejections.map(({ id }) => id)).toEqual(rejections.map((_, index) => `${made.run}-${index + 1}`))
    expect(new Set(rejections.map(({ kind }) => kind))).toEqual(
      new Set(['malformed-json', 'wrong-shape', 'future-time']),
    )
    const placed = (books: ProductBook[]) =>
      books.map((book) => [`${book.product} ${book.sequence}`, book] as const)
    const good = new Map(placed(booksAmong(await valuesIn(clean))))
    for (const [place, book] of placed(booksAmong(await valuesIn(log)))) expect(book).toEqual(good.get(place))
  })
})

describe('live', () => {
  const forever = { historyMs: 10 * MINUTES, exit: false }

  test('goes on after the history at the pace of the clock, a mark each second, until it is stopped', async () => {
    const log = await openLog()
    const stopAtMs = NOON + 10_500
    const made = await generate(log, { wish: forever, nowMs: NOON, stopAtMs })
    const values = await valuesIn(log)
    const live = values.filter((value): value is Mark => value.type === 'mark' && value.upToMs > NOON)
    const seconds = live.filter(({ upToMs, bye }) => upToMs % 1_000 === 0 && !bye).map(({ upToMs }) => upToMs)
    expect(seconds).toEqual(Array.from({ length: 10 }, (_, index) => NOON + (index + 1) * 1_000))
    expect(values.at(-1)).toMatchObject({ type: 'mark', bye: true })
    expect(made.upToMs).toBeLessThanOrEqual(stopAtMs)
    expect(booksAmong(values).filter(({ receivedAtMs }) => receivedAtMs > NOON)).toHaveLength(8)
  })

  test('a tick waits at most 100 ms to be published', async () => {
    const log = await openLog()
    await generate(log, { wish: forever, nowMs: NOON, stopAtMs: NOON + 60_000 })
    let received: number[] = []
    for (const value of await valuesIn(log)) {
      if (value.type === 'book' && value.receivedAtMs > NOON) received.push(value.receivedAtMs)
      if (value.type !== 'mark') continue
      for (const receivedAtMs of received) expect(value.upToMs - receivedAtMs).toBeLessThan(100)
      received = []
    }
  })

  test('ends by itself after the count of ticks', async () => {
    const log = await openLog()
    const wish = { historyMs: 0, count: 3, exit: false }
    await generate(log, { wish, nowMs: NOON })
    for (const product of MARKET.products) expect(booksAmong(await valuesIn(log), product)).toHaveLength(3)
  })

  test('killed while live, goes on with the same run, at the next tick', async () => {
    const [killed, whole] = [await openLog(), await openLog()]
    const about = { market: { faultShare: 0.3 }, wish: forever, nowMs: NOON, stopAtMs: NOON + 60_000 }
    await generate(whole, about)
    await generate(killedAfter(killed, 30), about).catch(() => {})
    await generate(killed, { ...about, nowMs: NOON + 20_000 })
    const ofBooks = async (log: typeof whole) =>
      (await everythingIn(log))
        ['books.coinbase/0']!.filter(({ key }) => key !== null)
        .map(({ value }) => value)
    expect(await ofBooks(killed)).toEqual(await ofBooks(whole))
    expect((await everythingIn(killed))['rejections/0']).toEqual((await everythingIn(whole))['rejections/0'])
  })

  test('stopped before anything was made, leaves no trace', async () => {
    const log = await openLog()
    await generate(log, { wish: { historyMs: 0, exit: false }, nowMs: NOON, stopAtMs: NOON })
    expect(await valuesIn(log)).toEqual([])
  })
})
