import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { coinbase } from '../../src/ingest/coinbase.ts'
import type { BodyAbout } from '../../src/ingest/venue.ts'
import { venues } from '../../src/ingest/venues.ts'
import { encodeBook, ProductBook } from '../../src/models/product-book.ts'
import type { Refusal } from '../../src/models/rejection.ts'
import { parseIsoTime } from '../../src/models/time.ts'

const FIXTURES = 'fixtures/coinbase'
const about: BodyAbout = {
  source: 'coinbase',
  product: 'BTC-USD',
  receivedAtMs: parseIsoTime('2026-11-20T14:31:11Z')!,
  levelsMax: 20,
}

describe('every fixture becomes what is written beside it', () => {
  const names = readdirSync(FIXTURES).filter((name) => /^rest-book\.(?!.*expected)/.test(name))
  test.each(names)('%s', async (name) => {
    const expected = `../../${FIXTURES}/${name.replace('.json', '.expected.json')}`
    const read = answerTo(readFileSync(`${FIXTURES}/${name}`)) as { refusal?: Refusal }
    // The JSON parser's own words change with Node's versions.
    if (read.refusal?.kind === 'malformed-json') read.refusal = { ...read.refusal, message: '...' }
    await expect(`${JSON.stringify(read, null, 2)}\n`).toMatchFileSnapshot(expected)
  })
})

test('a book is asked for at the venue, the whole of it', () => {
  expect(coinbase.bookUrl('https://api.exchange.coinbase.com', 'BTC-USD')).toBe(
    'https://api.exchange.coinbase.com/products/BTC-USD/book?level=2',
  )
  expect(venues.coinbase).toBe(coinbase)
})

test('a book keeps who asked for it and when it came', () => {
  const read = coinbase.parseBook(bytes(body()), {
    ...about,
    source: 'mock',
    product: 'ETH-USD',
    levelsMax: 1,
  })
  expect(read).toEqual({
    book: expect.objectContaining({
      venue: 'coinbase',
      source: 'mock',
      product: 'ETH-USD',
      receivedAtMs: about.receivedAtMs,
      exchangeTimeMs: null,
      bids: '[["100.5","2",3]]',
      bidLevels: 2,
    }),
  })
})

test('bytes in the middle of a larger buffer are read as if they stood alone', () => {
  const text = body()
  const around = bytes(`[${text}]`)
  expect(coinbase.parseBook(around.subarray(1, around.length - 1), about)).toEqual(
    coinbase.parseBook(bytes(text), about),
  )
  expect(coinbase.parseBook(new Uint8Array(bytes(text)), about)).toEqual(
    coinbase.parseBook(bytes(text), about),
  )
})

describe('a number is kept to its last digit or refused', () => {
  const good = ['1', '0.1', '10', '0.000000000000000001', '99999999999999999999', '9007199254740993']
  good.push('12345678901234567890.123456789012345678', '64930.00', '0.10', '1.000000000000000000')
  test.each(good)('%s is a price and a size', (number) => {
    expect(answerTo(bytes(body({ bids: `[["${number}","${number}",1]]` })))).toMatchObject({
      book: { bids: [[number, number, 1]] },
    })
  })

  const bad = [
    '0',
    '0.0',
    '-1',
    '-0',
    '+1',
    '01',
    '00.1',
    '.5',
    '1.',
    '1e3',
    '1E3',
    '1e999',
    '1e-400',
    '1,5',
    '0x10',
  ]
  bad.push(
    '',
    ' 1',
    '1 ',
    '1\\n',
    'NaN',
    'Infinity',
    '1.2.3',
    '１',
    '१',
    '1_000',
    '1\\u0000',
    '--1',
    '0.',
    '1٫5',
  )
  bad.push('100000000000000000000', '0.0000000000000000001', '1'.repeat(40), `0.${'0'.repeat(40)}1`)
  test.each(bad)('"%s" is neither', (number) => {
    expect(answerTo(bytes(body({ bids: `[["${number}","1",1]]` })))).toMatchObject(wrong('bids[0][0]'))
    expect(answerTo(bytes(body({ asks: `[["7","1",1],["8","${number}",1]]` })))).toMatchObject(
      wrong('asks[1][1]'),
    )
  })

  test.each(['1', 'null', 'true', '{}', '[]', '["1"]', '9007199254740993', '1e999', '-0'])(
    '%s without quotes is neither',
    (value) => {
      expect(answerTo(bytes(body({ bids: `[[${value},"1",1]]` })))).toMatchObject(wrong('bids[0][0]'))
      expect(answerTo(bytes(body({ bids: `[["1",${value},1]]` })))).toMatchObject(wrong('bids[0][1]'))
    },
  )

  test.each(['3', '"3"', '3.0', '3e0', '30e-1', '0.3E+1'])('%s is an order count of 3', (orders) => {
    expect(answerTo(bytes(body({ bids: `[["1","1",${orders}]]` })))).toMatchObject({
      book: { bids: [['1', '1', 3]] },
    })
  })

  const counts = [
    '0',
    '-0',
    '-1',
    '1.5',
    '1e999',
    '9007199254740993',
    '"0"',
    '"01"',
    '"-1"',
    '"1.0"',
    '"1e3"',
    '""',
  ]
  counts.push('null', 'true', '[1]', '{}', '" 1"', '"9007199254740993"', '"NaN"', `"${'1'.repeat(40)}"`)
  test.each(counts)('%s is no order count', (orders) => {
    expect(answerTo(bytes(body({ asks: `[["7","1",${orders}]]` })))).toMatchObject(wrong('asks[0][2]'))
  })

  test.each(['-1', '1.5', '1e999', '9007199254740992', '"1"', 'null', 'true', '[]'])(
    '%s is no sequence',
    (sequence) => {
      expect(answerTo(bytes(body({ sequence })))).toMatchObject(wrong('sequence'))
    },
  )

  test.each([
    ['0', 0],
    ['-0', 0],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['1e3', 1000],
  ])('%s is a sequence', (sequence, value) => {
    expect(answerTo(bytes(body({ sequence })))).toMatchObject({ book: { sequence: value } })
  })
})

describe('the time is read or refused, never guessed', () => {
  test.each([
    ['2026-11-20T14:31:10Z', '2026-11-20T14:31:10Z'],
    ['2026-11-20T14:31:10.019204671Z', '2026-11-20T14:31:10.019Z'],
    ['2026-11-20T14:31:10.9999999+00:00', '2026-11-20T14:31:10.999Z'],
    ['2010-01-01T00:00:00Z', '2010-01-01T00:00:00Z'],
    ['2026-11-20T14:32:11Z', '2026-11-20T14:32:11Z'], // 60 s ahead to the millisecond
  ])('%s', (time, expected) => {
    expect(answerTo(bytes(body({ time: `"${time}"` })))).toMatchObject({
      book: { exchangeTimeMs: parseIsoTime(expected) },
    })
  })

  const bad = [
    '',
    'now',
    '2026-11-20',
    '2026-11-20T14:31:10',
    '2026-11-20T14:31:10+01:00',
    '2026-02-30T00:00:00Z',
  ]
  bad.push('0001-01-01T00:00:00.000000Z', '2009-12-31T23:59:59.999Z', '9999-12-31T23:59:59Z', '1700000000')
  test.each(bad)('"%s" is no time', (time) => {
    expect(answerTo(bytes(body({ time: `"${time}"` })))).toMatchObject(wrong('time'))
  })

  test.each(['null', '1700000000', '{}'])('%s is no time', (time) => {
    expect(answerTo(bytes(body({ time })))).toMatchObject(wrong('time'))
  })

  test('more than a minute ahead of our own clock is a rejection of its own kind', () => {
    expect(answerTo(bytes(body({ time: '"2026-11-20T14:32:11.001Z"' })))).toEqual({
      refusal: { kind: 'future-time', path: 'time', message: '60001 ms ahead of our clock' },
    })
  })
})

test.each([
  ['bid above ask', '[["101","1",1]]', '[["100","1",1]]', '', 'crossed'],
  ['bid at ask, written otherwise', '[["100.0","1",1]]', '[["100","1",1]]', '', 'locked'],
  ['one place decides', '[["9.99","1",1]]', '[["10","1",1]]', '', 'ok'],
  ['the eighteenth place decides', '[["1.000000000000000001","1",1]]', '[["1","1",1]]', '', 'crossed'],
  [
    'auction, whatever its prices',
    '[["101","1",1]]',
    '[["100","1",1]]',
    ',"auction_mode":true',
    'indicative',
  ],
])('%s is a state of a valid book', (_, bids, asks, more, state) => {
  expect(answerTo(bytes(`{"bids":${bids},"asks":${asks},"sequence":1${more}}`))).toMatchObject({
    book: { state },
  })
})

test('what the venue says instead of a book stands in the rejection, on one line and in bounds', () => {
  expect(answerTo(bytes('{"message":"NotFound"}'))).toEqual({
    refusal: {
      kind: 'wrong-shape',
      path: 'bids',
      message: 'the venue sent no book but the message "NotFound"',
    },
  })
  const { refusal } = answerTo(bytes(JSON.stringify({ message: `\n\u0007\u202e${'x'.repeat(1e6)}` }))) as {
    refusal: { message: string }
  }
  expect(refusal.message).toMatch(/^[\x20-\x7e]{200,300}$/)
})

test('a body of another kind altogether is a rejection with its reason', () => {
  expect(answerTo(bytes('[]'))).toMatchObject(wrong(''))
  expect(answerTo(bytes('"bids"'))).toMatchObject(wrong(''))
  expect(answerTo(bytes('{}'))).toMatchObject(wrong('bids'))
  expect(answerTo(bytes(body({ bids: '{"0":["1","1",1],"length":1}' })))).toMatchObject(wrong('bids'))
  expect(answerTo(bytes(body({ asks: '"[[1,1,1]]"' })))).toMatchObject(wrong('asks'))
  expect(answerTo(bytes(body({ auction_mode: '"true"' })))).toMatchObject(wrong('auction_mode'))
})

function body(
  fields: Partial<Record<'bids' | 'asks' | 'sequence' | 'time' | 'auction_mode', string>> = {},
): string {
  const {
    bids = '[["100.5","2",3],["100","1",1]]',
    asks = '[["100.75","1",1]]',
    sequence = '7',
    ...more
  } = fields
  const rest = Object.entries(more).map(([key, value]) => `,"${key}":${value}`)
  return `{"bids":${bids},"asks":${asks},"sequence":${sequence}${rest.join('')}}`
}

function bytes(text: string): Buffer {
  return Buffer.from(text)
}

function wrong(path: string): object {
  return { refusal: { kind: 'wrong-shape', path } }
}

/** A book as it will lie on its topic, checked against the topic's schema; or the refusal. */
function answerTo(body: Uint8Array): unknown {
  const read = coinbase.parseBook(body, about)
  return 'refusal' in read ? read : { book: ProductBook.parse(JSON.parse(encodeBook(read.book))) }
}
