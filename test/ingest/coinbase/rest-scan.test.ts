import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scanBook } from '../../../src/ingest/coinbase/rest-scan.ts'
import { coinbase } from '../../../src/ingest/coinbase.ts'
import { compare, decimalOf } from '../../../src/models/decimal.ts'
import { about, expectAgreement, LEVELS_MAX } from './contract.ts'

const BIDS = '[["100.5","2",3],["100","1",1],["99.9","0.5",1],["7","1",1]]'
const ASKS = '[["100.75","1",1],["101","0.00000001",12]]'

describe('the scanner itself reads', () => {
  test.each([
    ['what the API sends', `{"bids":${BIDS},"asks":${ASKS},"sequence":7,"auction":null}`],
    ['sequence first', `{"sequence":7,"bids":${BIDS},"asks":${ASKS}}`],
    ['asks first', `{"asks":${ASKS},"sequence":7,"bids":${BIDS}}`],
    ['spaces between the fields', `{ "asks":${ASKS} ,\n\t"sequence": 7 , "bids":${BIDS} }`],
    [
      'an auction in full',
      `{"bids":${BIDS},"asks":${ASKS},"sequence":7,"auction":{"open_price":"100.6","turns":[[1],{}]}}`,
    ],
    ['a sequence twice', `{"sequence":1,"bids":${BIDS},"asks":${ASKS},"sequence":7}`],
  ])('%s', (_, text) => {
    expect(scanBook(Buffer.from(text), LEVELS_MAX)).toMatchObject({
      bids: { text: '[["100.5","2",3],["100","1",1],["99.9","0.5",1]]', levels: 4 },
      asks: { text: ASKS, levels: 2 },
      rest: { sequence: 7 },
    })
    expectAgreement(text)
  })
})

test('the scanner itself reads sizes of every length, up to the last byte of the body', () => {
  const wholes = ['0', '1', '9', '10', '2504', '99999999999999999999']
  const places = [
    '',
    '.1',
    '.01',
    '.0001',
    '.12345',
    '.00000001',
    '.10',
    '.000000010',
    '.123456789',
    `.${'7'.repeat(18)}`,
  ]
  for (const size of wholes.flatMap((whole) => places.map((fraction) => whole + fraction))) {
    if (size === '0') continue
    const text = `{"sequence":7,"bids":[["2","${size}",1],["1","${size}",999]],"asks":[["3","${size}",1]]}`
    expect(scanBook(Buffer.from(text), 1)).toMatchObject({ asks: { text: `[["3","${size}",1]]` } })
    expectAgreement(text)
  }
})

test.each([1, 255, 256, 257, 600, 1_000])(
  'of a thousand levels a side the scanner keeps the best %d',
  (levelsMax) => {
    const level = (i: number) => [`${i + 1}.5`, '0.25', 1]
    const asks = Array.from({ length: 1_000 }, (_, i) => level(i))
    const bids = asks.toReversed()
    expect(scanBook(Buffer.from(JSON.stringify({ bids, asks, sequence: 7 })), levelsMax)).toEqual({
      bids: { text: JSON.stringify(bids.slice(0, levelsMax)), levels: 1_000 },
      asks: { text: JSON.stringify(asks.slice(0, levelsMax)), levels: 1_000 },
      rest: expect.objectContaining({ sequence: 7 }),
    })
  },
)

describe('what the scanner does not know its way about in, it leaves to the contract', () => {
  test.each([
    ['a key twice, the last one counts', `{"bids":${BIDS},"asks":${ASKS},"sequence":7,"bids":[["1","1",1]]}`],
    ['a key twice, the last one no side', `{"bids":${BIDS},"asks":${ASKS},"sequence":7,"bids":1}`],
    ['a key twice, the last one its mark', `{"bids":${BIDS},"asks":${ASKS},"sequence":7,"asks":2}`],
    ['an escaped key', `{"\\u0062ids":${BIDS},"asks":${ASKS},"sequence":7}`],
    ['an escaped key after the plain one', `{"bids":${BIDS},"asks":${ASKS},"sequence":7,"\\u0062ids":1}`],
    ['bids inside the auction', `{"auction":{"bids":${BIDS}},"asks":${ASKS},"sequence":7}`],
    [
      'bids inside the auction and outside',
      `{"auction":{"bids":${BIDS}},"bids":[["1","1",1]],"asks":${ASKS},"sequence":7}`,
    ],
    ['bids inside the auction, behind', `{"bids":${BIDS},"asks":${ASKS},"sequence":7,"auction":{"bids":[]}}`],
    ['both sides inside the auction', `{"auction":{"bids":${BIDS},"asks":${ASKS}},"sequence":7}`],
    ['bids in a string', `{"x":"\\"bids\\":${BIDS.replaceAll('"', '\\"')}","asks":${ASKS},"sequence":7}`],
    ['bids as a value', `{"x":"bids","bids":${BIDS},"asks":${ASKS},"sequence":7}`],
    ['bids in a prototype', `{"__proto__":{"bids":${BIDS},"asks":${ASKS}},"sequence":7}`],
    ['bids in a list', `[{"bids":${BIDS},"asks":${ASKS},"sequence":7}]`],
    ['a side twice, the other never', `{"bids":${BIDS},"bids":${BIDS},"sequence":7}`],
    ['bytes behind the end', `{"bids":${BIDS},"asks":${ASKS},"sequence":7}}`],
    ['another body behind the end', `{"bids":${BIDS},"asks":${ASKS},"sequence":7}{}`],
    ['a line end behind the end', `{"bids":${BIDS},"asks":${ASKS},"sequence":7}\r\n`],
    ['a zero byte behind the end', `{"bids":${BIDS},"asks":${ASKS},"sequence":7}\0}`],
    ['a byte order mark', `\ufeff{"bids":${BIDS},"asks":${ASKS},"sequence":7}`],
    ['no colon', `{"bids"${BIDS},"asks":${ASKS},"sequence":7}`],
    ['a comma too many', `{"bids":${BIDS},,"asks":${ASKS},"sequence":7}`],
    ['a comma at the end of a side', `{"bids":${BIDS.replace(']]', '],]')},"asks":${ASKS},"sequence":7}`],
    ['no brace', `"bids":${BIDS},"asks":${ASKS},"sequence":7}`],
    ['letters of other alphabets', `{"bids":${BIDS},"asks":${ASKS},"sequence":7,"say":"привет 🙂"}`],
    ['a no-break space between fields', `{"bids":${BIDS},\u00a0"asks":${ASKS},"sequence":7}`],
    ['a long foreword', `{"x":"${'-'.repeat(5_000)}","bids":${BIDS},"asks":${ASKS},"sequence":7}`],
    ['a long afterword', `{"bids":${BIDS},"asks":${ASKS},"sequence":7,"x":"${'-'.repeat(5_000)}"}`],
    ['a price of sixteen digits', `{"bids":[["0.0000000000000002","1",1]],"asks":${ASKS},"sequence":7}`],
    [
      'two prices of one double',
      `{"bids":[["9007199254740993","1",1],["9007199254740992","1",1]],"asks":${ASKS},"sequence":7}`,
    ],
    ['asks that fall by less than one', `{"bids":${BIDS},"asks":[["2","1",1],["1.95","1",1]],"sequence":7}`],
    [
      'eighteen digits, apart in the last',
      `{"bids":[["100000000.000000002","1",1],["100000000.000000001","1",1]],"asks":${ASKS},"sequence":7}`,
    ],
    [
      'ten places, out of order',
      `{"bids":${BIDS},"asks":[["1","1",1],["0.5000000001","1",1],["2","1",1]],"sequence":7}`,
    ],
    ['a letter behind the places of a size', `{"bids":[["1","0.1x",1]],"asks":${ASKS},"sequence":7}`],
    ['a letter of another alphabet there', `{"bids":[["1","0.12é",1]],"asks":${ASKS},"sequence":7}`],
    ['an order count left out', `{"bids":[["1","1",]],"asks":${ASKS},"sequence":7}`],
    ['a bracket and nothing more', '{"bids":['],
    ['a digit and nothing more', '{"bids":[["1'],
    ['one brace', '}'],
    ['nothing', ''],
  ])('%s', (_, text) => {
    expect(scanBook(Buffer.from(text), LEVELS_MAX)).toBeUndefined()
    expectAgreement(text)
  })

  test.each([[0x80], [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xc3]])(
    'bytes %s that are no UTF-8',
    (...bad) => {
      const parts = [`{"bids":${BIDS},"x":"`, `","asks":${ASKS},"sequence":7}`].map((part) =>
        Buffer.from(part),
      )
      const body = Buffer.concat([parts[0]!, Buffer.from(bad), parts[1]!])
      expect(coinbase.parseBook(body, about)).toMatchObject({ refusal: { kind: 'malformed-json', path: '' } })
      expectAgreement(body)
    },
  )
})

describe('scanner and contract agree', () => {
  test('on every valid body', () => {
    fc.assert(
      fc.property(book, layout, (wire, how) => {
        const text = written(wire, how)
        expectAgreement(text)
        expect(coinbase.parseBook(Buffer.from(text), about)).toHaveProperty('book')
      }),
      { numRuns: 500 },
    )
  })

  test('on every compact body with prices of up to fifteen digits, which the scanner reads itself', () => {
    fc.assert(
      fc.property(compactBook, fc.shuffledSubarray([...FIELDS], { minLength: 4 }), (wire, order) => {
        const text = written(wire, { order, gap: '', quotedCounts: false, more: '"auction":null' })
        expect(scanBook(Buffer.from(text), 1)).toBeDefined()
        expectAgreement(text)
      }),
      { numRuns: 500 },
    )
  })

  test('on every body with sides of any order and numbers of any length', () => {
    fc.assert(
      fc.property(
        fc.array(level, { maxLength: 6 }),
        fc.array(level, { maxLength: 6 }),
        layout,
        (bids, asks, how) => {
          expectAgreement(written({ bids, asks, sequence: 7 }, how))
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('on every body spoiled by cuts, flips, copies and insertions', () => {
    fc.assert(
      fc.property(book, layout, fc.array(damage, { minLength: 1, maxLength: 3 }), (wire, how, damages) => {
        expectAgreement(damages.reduce(spoiled, Buffer.from(written(wire, how))))
      }),
      { numRuns: 4_000 },
    )
  })

  const recording = `${process.env['RECORDINGS_DIR']}/coinbase/rest_book_level2_BTC-USD_2026-08-07.json.gz`
  const recorded = () => {
    const { sequence, bids, asks } = JSON.parse(gunzipSync(readFileSync(recording)).toString())
    return Buffer.from(JSON.stringify({ sequence, bids, asks }))
  }

  test.skipIf(!existsSync(recording))('on a full recorded book (where RECORDINGS_DIR is set)', () => {
    const read = scanBook(recorded(), 1)
    expect(read).toMatchObject({
      bids: { text: expect.stringMatching(/^\[\["64930\.57",/), levels: 18_376 },
      asks: { text: expect.stringMatching(/^\[\["64934\.09",/), levels: 27_017 },
    })
    expectAgreement(recorded())
  })

  test.skipIf(!existsSync(recording))('on spoiled recorded books (where RECORDINGS_DIR is set)', () => {
    const whole = recorded()
    fc.assert(
      fc.property(damage, (how) => {
        expectAgreement(spoiled(whole, how))
      }),
      { numRuns: 60 },
    )
  })
})

type Wire = { bids: [string, string, number][]; asks: [string, string, number][]; sequence: number }

const digits = (length: number) =>
  fc.array(fc.constantFrom(...'0123456789'), { minLength: 1, maxLength: length }).map((all) => all.join(''))
const decimal = fc
  .tuple(fc.constantFrom(2, 6, 20), fc.constantFrom(0, 2, 8, 18))
  .chain(([whole, places]) =>
    fc.tuple(digits(whole), places === 0 ? fc.constant('') : digits(places).map((text) => `.${text}`)),
  )
  .map(([whole, fraction]) => whole.replace(/^0+(?=\d)/, '') + fraction)
const count = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }))
/** Now and then zero. */
const level = fc.tuple(decimal, decimal, count)
const aboveZero = decimal.filter((text) => /[1-9]/.test(text))

const side = (sign: 1 | -1, price: fc.Arbitrary<string>, orders: fc.Arbitrary<number>) =>
  fc
    .uniqueArray(fc.tuple(price, aboveZero, orders), {
      minLength: 1,
      maxLength: 8,
      comparator: ([a], [b]) => compare(decimalOf(a), decimalOf(b)) === 0,
    })
    .map((levels) => levels.sort(([a], [b]) => compare(decimalOf(a), decimalOf(b)) * sign))
const books = (price: fc.Arbitrary<string>, orders: fc.Arbitrary<number>) =>
  fc.record({ bids: side(-1, price, orders), asks: side(1, price, orders), sequence: fc.maxSafeNat() })
const book = books(aboveZero, count)
const compactBook = books(
  fc
    .tuple(
      fc.constantFrom(9, 999, 999_999),
      fc.nat(),
      fc.constantFrom('', '.1', '.10', '.01', '.000000009', '.95'),
    )
    .map(([most, any, fraction]) => `${1 + (any % most)}${fraction}`),
  fc.integer({ min: 1, max: 999_999_999_999_999 }),
)

const FIELDS = ['bids', 'asks', 'sequence', 'more'] as const
type Layout = {
  readonly order: readonly (typeof FIELDS)[number][]
  readonly gap: string
  readonly quotedCounts: boolean
  readonly more: string
}
const layout: fc.Arbitrary<Layout> = fc.record({
  order: fc.shuffledSubarray([...FIELDS], { minLength: 4 }),
  gap: fc.constantFrom('', '', '', ' ', '\n  '),
  quotedCounts: fc.boolean(),
  more: fc.constantFrom(
    '"auction":null',
    '"time":"2026-11-20T14:31:10.5Z"',
    '"auction_mode":true',
    '"turn":[1,{}]',
  ),
})

function written(wire: Wire, how: Layout): string {
  const levels = (all: Wire['bids']) =>
    JSON.stringify(how.quotedCounts ? all.map(([price, size, orders]) => [price, size, String(orders)]) : all)
  const fields = {
    bids: `"bids":${levels(wire.bids)}`,
    asks: `"asks":${levels(wire.asks)}`,
    sequence: `"sequence":${wire.sequence}`,
    more: how.more,
  }
  const text = `{${how.order.map((name) => fields[name]).join(',')}}`
  return how.gap === '' ? text : text.replaceAll(',', `,${how.gap}`)
}

/** Evenly over the body; `fc.double` would nearly always mean its beginning. */
const place = fc.nat(999_999).map((millionths) => millionths / 1_000_000)
const damage = fc.oneof(
  fc.record({ at: place, length: fc.nat(12), put: fc.constant('') }),
  fc.record({
    at: place,
    length: fc.nat(1),
    put: fc.constantFrom(
      ...'0123456789.,:"[]{}\\ -+eE\n\0',
      'null',
      '"bids"',
      '"bids":[],',
      '\u00e9',
      '["1","1",1],',
    ),
  }),
  fc.record({ at: place, length: fc.constant(1), put: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ at: place, length: fc.constant(-1), put: place }),
)

/** Takes `length` bytes out at `at` and puts something in their place; a negative length copies from `at` to `put`. */
function spoiled(
  body: Buffer,
  { at, length, put }: { at: number; length: number; put: string | number },
): Buffer {
  const from = Math.floor(at * body.length)
  if (length < 0) {
    const to = Math.floor((put as number) * body.length)
    return Buffer.concat([body.subarray(0, to), body.subarray(from, from + 40), body.subarray(to)])
  }
  const insert = typeof put === 'number' ? Buffer.from([put]) : Buffer.from(put)
  return Buffer.concat([body.subarray(0, from), insert, body.subarray(from + length)])
}
