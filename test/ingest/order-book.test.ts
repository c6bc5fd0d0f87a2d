import { describe, expect, test } from 'vitest'
import { Levels } from '../../src/ingest/levels.ts'
import { OrderBook } from '../../src/ingest/order-book.ts'
import { formatDecimal } from '../../src/models/decimal.ts'

describe('changes are absolute', () => {
  test.each([
    ['a new level', 'bid 100 1', 'bid 99 2', '100x1 99x2 |'],
    ['a new best', 'ask 101 1', 'ask 100.5 2', '| 100.5x2 101x1'],
    ['a level between two', 'bid 100 1, bid 98 1', 'bid 99 2', '100x1 99x2 98x1 |'],
    ['another size', 'bid 100 1', 'bid 100 3', '100x3 |'],
    ['size 0', 'bid 100 1, bid 99 2', 'bid 100 0', '99x2 |'],
    ['size 0 of the last', 'ask 100 1', 'ask 100 0', '|'],
    ['size 0 where there is no level', 'bid 100 1', 'bid 99 0, ask 100 0, bid 100.0000000001 0', '100x1 |'],
    ['one price, written otherwise', 'bid 64930 1', 'bid 64930.00 2', '64930x2 |'],
    ['one price several times: the last counts', 'bid 100 1', 'bid 100 2, bid 100 0, bid 100 3', '100x3 |'],
    ['removed and back', 'ask 100 1', 'ask 100 0, ask 100 2', '| 100x2'],
    ['the same again', 'ask 100 1', 'ask 100 1, ask 100 1', '| 100x1'],
    ['both sides', 'bid 99 1, ask 101 1', 'ask 100 2, bid 99 0, ask 101 0, bid 98 4', '98x4 | 100x2'],
    ['more places than before', 'bid 100 1', 'bid 100.001 0.5', '100.001x0.5 100x1 |'],
    [
      'sizes of a meme coin',
      'bid 0.00001234 12345678901234',
      'bid 0.00001235 0.00000001',
      '0.00001235x0.00000001 0.00001234x12345678901234 |',
    ],
    [
      'a place more than an old price has room for',
      'bid 9007199254740991 1',
      'bid 1.5 1',
      '9007199254740991x1 1.5x1 |',
    ],
    [
      'a place more than an old size has room for',
      'bid 2 9007199254740991',
      'bid 1 0.5',
      '2x9007199254740991 1x0.5 |',
    ],
    [
      'a price of 38 digits',
      'ask 100 1',
      'ask 12345678901234567890.000000000000000001 2',
      '| 100x1 12345678901234567890.000000000000000001x2',
    ],
  ])('%s', (_, before, changes, after) => {
    const book = new OrderBook()
    apply(book, before)
    apply(book, changes)
    expect(text(book)).toBe(after)
  })
})

describe('a snapshot is all there is', () => {
  test.each([
    ['in order', 'bid 100 1, bid 99 2, ask 101 3, ask 102 4', '100x1 99x2 | 101x3 102x4'],
    ['in any order', 'ask 102 4, bid 99 2, ask 101 3, bid 100 1', '100x1 99x2 | 101x3 102x4'],
    ['worst first', 'bid 98 3, bid 99 2, bid 100 1', '100x1 99x2 98x3 |'],
    ['one price twice: the later', 'bid 100 1, bid 99 2, bid 100.0 3', '100x3 99x2 |'],
    ['rows of size 0', 'bid 100 0, bid 99 2', '99x2 |'],
    ['nothing', '', '|'],
    [
      'too many digits',
      'bid 9007199254740993 1, bid 9007199254740992 2',
      '9007199254740993x1 9007199254740992x2 |',
    ],
  ])('%s', (_, rows, after) => {
    const book = new OrderBook()
    apply(book, 'bid 1 1, ask 2 2')
    replace(book, rows)
    expect(text(book)).toBe(after)
  })

  test('a book that had too many digits forgets that', () => {
    const book = new OrderBook()
    replace(book, 'bid 9007199254740993 1, ask 9007199254740995 2')
    replace(book, 'bid 100 1, ask 101 1')
    apply(book, 'bid 100.5 0.25')
    expect(text(book)).toBe('100.5x0.25 100x1 | 101x1')
  })

  test('a cleared book has nothing, and takes anything', () => {
    const book = new OrderBook()
    replace(book, 'bid 9007199254740993 1, ask 102 2')
    book.clear()
    expect(text(book)).toBe('|')
    expect([book.state(), book.bidsKnown, book.asksKnown]).toEqual(['empty', 0, 0])
    apply(book, 'bid 0.00000001 1')
    expect(text(book)).toBe('0.00000001x1 |')
    expect(book.bidsKnown).toBe(1)
  })
})

describe('how best bid and best ask stand to each other', () => {
  test.each([
    ['bid 99.99 1, ask 100 1', 'ok'],
    ['bid 100 1, ask 100.00 1', 'locked'],
    ['bid 100.01 1, ask 100 1', 'crossed'],
    ['bid 9007199254740993 1, ask 9007199254740993.000000000000000001 1', 'ok'],
    ['bid 9007199254740993.000000000000000001 1, ask 9007199254740993 1', 'crossed'],
    ['bid 9007199254740993 1, ask 9007199254740993.0 1', 'locked'],
    ['bid 100 1', 'empty'],
    ['ask 100 1', 'empty'],
    ['', 'empty'],
  ])('%s: %s', (rows, state) => {
    const book = new OrderBook()
    apply(book, rows)
    expect(book.state()).toBe(state)
  })
})

test('the best of each side is exact, and nothing where a side has no level', () => {
  const book = new OrderBook()
  expect([book.bestBid(), book.bestBidSize(), book.bestAsk(), book.bestAskSize()]).toEqual(
    Array(4).fill(undefined),
  )
  apply(book, 'bid 64930.57 0.07705309, bid 64930.5 1, ask 12345678901234567890.5 0.3')
  expect(
    [book.bestBid(), book.bestBidSize(), book.bestAsk(), book.bestAskSize()].map((value) =>
      formatDecimal(value!),
    ),
  ).toEqual(['64930.57', '0.07705309', '12345678901234567890.5', '0.3'])
})

describe('the top', () => {
  test.each([
    ['bid 64930.570 0.50, bid 64930 10', '[["64930.57","0.5",null],["64930","10",null]]'],
    ['bid 100 1000000, bid 0.00000001 0.1', '[["100","1000000",null],["0.00000001","0.1",null]]'],
    ['bid 1234567890.12345 999999999', '[["1234567890.12345","999999999",null]]'],
    ['bid 0.000000000001 1000000000000', '[["0.000000000001","1000000000000",null]]'],
    ['bid 999999999.999999 0.000001', '[["999999999.999999","0.000001",null]]'],
    ['bid 1000000000 1000000000.5', '[["1000000000","1000000000.5",null]]'],
    [
      'bid 12345678901234567890.000000000000000001 1',
      '[["12345678901234567890.000000000000000001","1",null]]',
    ],
    ['', '[]'],
  ])('%s', (rows, json) => {
    const book = new OrderBook()
    apply(book, rows)
    expect(book.top(20)).toEqual({ bids: json, asks: '[]' })
    apply(book, rows.replaceAll('bid', 'ask'))
    expect(JSON.parse(book.top(20).asks)).toEqual([...(JSON.parse(json) as unknown[])].reverse())
  })

  test('holds so many levels and no more, removed ones never', () => {
    const book = new OrderBook()
    apply(book, 'bid 100 1, bid 99 2, bid 98 3, bid 97 4, bid 98 0')
    expect(book.top(0).bids).toBe('[]')
    expect(book.top(2).bids).toBe('[["100","1",null],["99","2",null]]')
    expect(book.top(3).bids).toBe('[["100","1",null],["99","2",null],["97","4",null]]')
    expect(book.topLevels(2).bids).toEqual([
      ['100', '1'],
      ['99', '2'],
    ])
    expect(book.topNumbers(2).bids).toEqual([
      { price: 100, size: 1 },
      { price: 99, size: 2 },
    ])
  })

  test.each([
    ['long', (i: number) => `${1_000_000 + i}.123456789`, '999999999.999999'],
    [
      'longest',
      (i: number) => `${10n ** 19n + BigInt(i)}.${'1'.repeat(18)}`,
      `${'9'.repeat(20)}.${'3'.repeat(18)}`,
    ],
  ])('a thousand %s levels are one text', (_, priceOf, size) => {
    const book = new OrderBook()
    const prices = Array.from({ length: 1_000 }, (_, i) => priceOf(i))
    apply(book, prices.map((price) => `ask ${price} ${size}`).join(', '))
    expect(JSON.parse(book.top(1_000).asks)).toEqual(prices.map((price) => [price, size, null]))
  })
})

describe('how far a book is known', () => {
  test('a whole book is known to the last level', () => {
    const book = new OrderBook()
    replace(book, 'bid 100 1, bid 99 1, ask 101 1', true)
    apply(book, 'bid 50 1, ask 200 1')
    expect(known(book)).toBe('3 of 3 bids, 2 of 2 asks')
  })

  test.each([
    ['as it came', '', '3 of 3 bids, 2 of 2 asks'],
    ['a level within', 'bid 99.5 1', '4 of 4 bids, 2 of 2 asks'],
    ['levels beyond the edge are not counted', 'bid 97.99 1, ask 102.01 1', '3 of 4 bids, 2 of 3 asks'],
    ['a level at the edge is', 'bid 98 0, bid 98 2', '3 of 3 bids, 2 of 2 asks'],
    ['the edge stays where its level goes', 'bid 98 0, bid 97 1, ask 102 0', '2 of 3 bids, 1 of 1 asks'],
    ['more places', 'bid 98.0001 1, bid 97.9999 1', '4 of 5 bids, 2 of 2 asks'],
    [
      'a place more than the edge has room for',
      'bid 98 0, bid 99 0, bid 100 0, bid 0.00000000000001 1',
      '0 of 1 bids, 2 of 2 asks',
    ],
    [
      'too many digits',
      'bid 98.000000000000000001 1, bid 97.999999999999999999 1',
      '4 of 5 bids, 2 of 2 asks',
    ],
    ['everything known is gone', 'ask 101 0, ask 102 0, ask 103 1', '3 of 3 bids, 0 of 1 asks'],
  ])('a part of a book, %s', (_, changes, expected) => {
    const book = new OrderBook()
    replace(book, 'bid 100 1, bid 99 1, bid 98 1, ask 101 1, ask 102 1', false)
    apply(book, changes)
    expect(known(book)).toBe(expected)
  })

  test('a side that came without a level is known', () => {
    const book = new OrderBook()
    replace(book, 'bid 100 1', false)
    apply(book, 'ask 101 1')
    expect(known(book)).toBe('1 of 1 bids, 1 of 1 asks')
  })

  for (const [digits, price] of [
    ['few', (n: number) => `${n}`],
    ['many', (n: number) => `${n}.000000000000000001`],
  ] as const) {
    describe(`a trimmed book of ${digits} digits`, () => {
      const bids = (...numbers: number[]) => numbers.map((n) => `bid ${price(n)} 1`).join(', ')

      test('keeps everything up to twice the levels', () => {
        const book = new OrderBook()
        apply(book, bids(100, 99, 98, 97))
        book.trim(2)
        expect(known(book)).toBe('4 of 4 bids, 0 of 0 asks')
      })

      test('keeps the best of more than that, and knows no further', () => {
        const book = new OrderBook()
        apply(book, bids(100, 99, 98, 97, 96))
        book.trim(2)
        expect(text(book)).toBe(`${price(100)}x1 ${price(99)}x1 |`)
        apply(book, bids(98, 101))
        expect(known(book)).toBe('3 of 4 bids, 0 of 0 asks')
      })

      test('does not know more than it did before', () => {
        const book = new OrderBook()
        replace(book, bids(100, 99), false)
        apply(book, bids(98, 97, 96, 95, 94))
        book.trim(3)
        expect(text(book)).toBe(`${price(100)}x1 ${price(99)}x1 ${price(98)}x1 |`)
        expect(known(book)).toBe('2 of 3 bids, 0 of 0 asks')
      })
    })
  }
})

/** `bid 100 1, ask 101 2` */
function staged(rows: string): Levels {
  const levels = new Levels()
  for (const row of rows.split(', ').filter((row) => row !== '')) {
    const [side, price, size] = row.split(' ') as ['bid' | 'ask', string, string]
    expect(levels.add(side, price, size)).toBe(true)
  }
  return levels
}

function apply(book: OrderBook, rows: string): void {
  const levels = staged(rows)
  book.apply(levels, 0, levels.length)
}

function replace(book: OrderBook, rows: string, whole = true): void {
  const levels = staged(rows)
  book.replace(levels, 0, levels.length, whole)
}

/** Bids and asks, best first. */
function text(book: OrderBook): string {
  const { bids, asks } = book.topLevels(1_000)
  return [...bids.map((level) => level.join('x')), '|', ...asks.map((level) => level.join('x'))].join(' ')
}

function known(book: OrderBook): string {
  return `${book.bidsKnown} of ${book.bidLevels} bids, ${book.asksKnown} of ${book.askLevels} asks`
}
