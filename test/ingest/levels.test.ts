import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Levels } from '../../src/ingest/levels.ts'
import { DECIMAL_PATTERN, decimalOf, formatDecimal } from '../../src/models/decimal.ts'

describe('a row is added where price and size are plain decimals within our bounds', () => {
  test.each([
    ['64930', '0.5', '64930 0.5'],
    ['36905.90', '0.00100000', '36905.9 0.001'],
    ['0.00000001', '10000000000000.00000000', '0.00000001 10000000000000'],
    ['100', '0', '100 0'],
    ['100.00', '0.00000000', '100 0'],
    ['9007199254740991', '9007199254740993', '9007199254740991 9007199254740993'],
    ['12345678901234567890.000000000000000001', '1', '12345678901234567890.000000000000000001 1'],
    ['1', '99999999999999999999.999999999999999999', '1 99999999999999999999.999999999999999999'],
  ])('%s %s is %s', (price, size, canonical) => {
    const levels = new Levels()
    expect(levels.add('bid', price, size)).toBe(true)
    expect(rows(levels)).toEqual([`bid ${canonical}`])
  })

  test.each([
    ['0', '1'],
    ['0.00000000', '1'],
    ['-1', '1'],
    ['1', '-1'],
    ['1', '-0'],
    ['1e3', '1'],
    ['1', '2.0e3'],
    ['', '1'],
    ['1', ''],
    ['.5', '1'],
    ['1.', '1'],
    ['01', '1'],
    ['1', '00'],
    [' 1', '1'],
    ['NaN', '1'],
    ['1', 'Infinity'],
    ['100000000000000000000', '1'],
    ['1', '0.0000000000000000001'],
  ])('"%s" "%s" is none, and nothing is added', (price, size) => {
    const levels = new Levels()
    levels.add('ask', '2', '3')
    expect(levels.add('bid', price, size)).toBe(false)
    expect(rows(levels)).toEqual(['ask 2 3'])
  })
})

test('digits stand without zeros at the end; a number of more than 2^53 stands as a text beside NaN', () => {
  const levels = new Levels()
  levels.add('bid', '36905.90', '100')
  levels.add('ask', '9007199254740991', '9007199254740992')
  expect([...levels.isBid.subarray(0, 2)]).toEqual([1, 0])
  expect([...levels.priceDigits.subarray(0, 2)]).toEqual([369059, 9007199254740991])
  expect([...levels.pricePlaces.subarray(0, 2)]).toEqual([1, 0])
  expect([...levels.sizeDigits.subarray(0, 2)]).toEqual([100, Number.NaN])
  expect([...levels.texts]).toEqual([[1, ['9007199254740991', '9007199254740992']]])
})

test('after a reset nothing is left of the frame before', () => {
  const levels = new Levels()
  levels.add('bid', '1', '12345678901234567890')
  levels.reset()
  levels.add('ask', '2', '3')
  expect(rows(levels)).toEqual(['ask 2 3'])
  expect(levels.texts.size).toBe(0)
})

test('a copy keeps its rows whatever becomes of the frame they came from, and takes more', () => {
  const levels = new Levels()
  levels.add('bid', '1', '2')
  levels.add('ask', '3', '12345678901234567890')
  levels.add('ask', '4', '5')
  const some = levels.copy(1, 3)
  const none = levels.copy(1, 1)
  levels.reset()
  levels.add('bid', '6', '7')
  expect(rows(some)).toEqual(['ask 3 12345678901234567890', 'ask 4 5'])
  for (const copy of [some, none]) expect(copy.add('bid', '8', '9')).toBe(true)
  expect([rows(some).at(-1), rows(none)]).toEqual(['bid 8 9', ['bid 8 9']])
})

test('a million rows fit, and not one more', () => {
  const levels = new Levels()
  const many = `[${'["1","1"],'.repeat(999_998)}["1","1"]]`
  expect(levels.scanRows(Buffer.from(many), 0, 'bid')).toBe(many.length)
  expect(levels.add('bid', '1', '1')).toBe(true)
  expect(levels.add('bid', '1', '1')).toBe(false)
  expect(levels.scanRows(Buffer.from('[["1","1"]]'), 0, 'ask')).toBe(-1)
  expect(levels.length).toBe(1_000_000)
})

describe('rows are read from the bytes of a frame', () => {
  test.each([
    ['[]', 0, []],
    ['[["64930.57","0.5"]]', 0, ['bid 64930.57 0.5']],
    ['[["36905.90","0.00100000"],["36905.00","0.00000000"]]', 0, ['bid 36905.9 0.001', 'bid 36905 0']],
    ['[["0.00000001","10000000000000.00000000"]]', 0, ['bid 0.00000001 10000000000000']],
    ['[["123456789.123456789","999999999.999999999"]]', 0, ['bid 123456789.123456789 999999999.999999999']],
    ['[["1.00000000000000","20.100000000000000000"]]', 0, ['bid 1 20.1']],
    [
      '[["0.500000000","0.100000001"],["1.050","1.000000001"]]',
      0,
      ['bid 0.5 0.100000001', 'bid 1.05 1.000000001'],
    ],
    ['[["9007199254740991","9007199254740992"]]', 0, ['bid 9007199254740991 9007199254740992']],
    [
      '[["12345678901234567890.000000000000000001","1"]]',
      0,
      ['bid 12345678901234567890.000000000000000001 1'],
    ],
    ['[["1","2","3"],["4","5","1234567890123"]]', 1, ['bid 1 2', 'bid 4 5']],
    ['[["1","2","0","3"]]', 2, ['bid 1 2']],
  ])('%s', (text, extraColumns, expected) => {
    const levels = new Levels()
    const frame = Buffer.from(`{"b":${text},"a":[]}`)
    expect(levels.scanRows(frame, 5, 'bid', extraColumns)).toBe(5 + text.length)
    expect(rows(levels)).toEqual(expected)
  })

  test('bids and asks of one frame follow each other', () => {
    const levels = new Levels()
    const frame = Buffer.from('{"b":[["1","2"]],"a":[["3","4"],["5","0"]]}')
    expect(levels.scanRows(frame, 5, 'bid')).toBe(16)
    expect(levels.scanRows(frame, 21, 'ask')).toBe(frame.length - 1)
    expect(rows(levels)).toEqual(['bid 1 2', 'ask 3 4', 'ask 5 0'])
  })

  test.each([
    ['a space', '[["1", "2"]]', 0],
    ['numbers', '[[1,2]]', 0],
    ['a row too short', '[["1"]]', 0],
    ['a row too long', '[["1","2","3"]]', 0],
    ['a column too few', '[["1","2"]]', 1],
    ['a column that is no digits', '[["1","2","x"]]', 1],
    ['a column with nothing in it', '[["1","2",""]]', 1],
    ['a column that never ends', '[["1","2","3', 1],
    ['a price of zero', '[["0","2"]]', 0],
    ['a padded price of zero', '[["0.00000000","2"]]', 0],
    ['a negative size', '[["1","-2"]]', 0],
    ['an exponent', '[["1","2.0e3"]]', 0],
    ['no digit before the point', '[[".5","2"]]', 0],
    ['no digit behind the point', '[["1.","2"]]', 0],
    ['two points', '[["1.2.3","2"]]', 0],
    ['a leading zero', '[["01","2"]]', 0],
    ['21 digits', '[["100000000000000000000","2"]]', 0],
    ['19 places', '[["1","0.1000000000000000000"]]', 0],
    ['nothing in a string', '[["","2"]]', 0],
    ['a comma at the end', '[["1","2"],]', 0],
    ['no comma', '[["1","2"]["1","2"]]', 0],
    ['an escape', '[["\\u0031","2"]]', 0],
    ['no array', '{"1":"2"}', 0],
    ['null', 'null', 0],
    ['an end after a row', '[["1","2"]', 0],
    ['an end after a bracket', '[', 0],
    ['an end in a number', '[["1', 0],
    ['nothing', '', 0],
  ])('%s is left to a slower way, and no row stays', (_, text, extraColumns) => {
    for (const bytes of [
      Buffer.from(text),
      Buffer.from(`${text}}`),
      Buffer.from(`[["1","12345678901234567890"],${text.slice(1)}}`),
    ]) {
      const levels = new Levels()
      levels.add('ask', '7', '12345678901234567890')
      expect(levels.scanRows(bytes, 0, 'bid', extraColumns)).toBe(-1)
      expect(rows(levels)).toEqual(['ask 7 12345678901234567890'])
      expect(levels.texts.size).toBe(1)
    }
  })

  test('a place that is none is left to a slower way', () => {
    const levels = new Levels()
    const bytes = Buffer.from('[["1","2"]]')
    expect([-1, 1, 3, 10, 11, 100].map((at) => levels.scanRows(bytes, at, 'bid'))).toEqual(Array(6).fill(-1))
  })
})

test('what is read from bytes is what is added from texts, whatever the number', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(numberText, numberText), { minLength: 1, maxLength: 3 }), (written) => {
      const added = new Levels()
      const scanned = new Levels()
      const accepted = written.every(([price, size]) => added.add('bid', price, size))
      const end = scanned.scanRows(Buffer.from(JSON.stringify(written)), 0, 'bid')
      expect(end !== -1).toBe(accepted)
      expect(scanned.length).toBe(accepted ? written.length : 0)
      if (!accepted) return
      expect(columns(scanned)).toEqual(columns(added))
      expect(rows(scanned)).toEqual(written.map(([price, size]) => `bid ${plain(price)} ${plain(size)}`))
    }),
    { numRuns: 2_000 },
  )
})

test('bytes that are not rows are never read beyond their end, nor leave rows', () => {
  const pieces = fc.constantFrom(
    '[',
    ']',
    '"',
    ',',
    '.',
    '0',
    '1',
    '9',
    '12345678901',
    '}',
    '[["1","2"]',
    '],["3.50","0"',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), fc.nat(2), (parts, extraColumns) => {
      const text = parts.join('')
      const levels = new Levels()
      const end = levels.scanRows(Buffer.from(text), 0, 'ask', extraColumns)
      const read = end === -1 ? undefined : (JSON.parse(text.slice(0, end)) as string[][])
      expect(levels.length).toBe(read?.length ?? 0)
      if (read !== undefined) expect(read.every((row) => row.length === 2 + extraColumns)).toBe(true)
    }),
    { numRuns: 5_000 },
  )
})

/** Numbers as venues write them, with what is nearly one among them. */
const numberText = fc
  .tuple(
    fc.oneof(
      fc.constantFrom('0', '1', '00', '9007199254740991', '12345678901234567890'),
      fc.bigInt(0n, 10n ** 21n).map(String),
      fc.nat(99_999).map(String),
    ),
    fc.oneof(fc.constant(undefined), fc.stringMatching(/^[0-9]{0,19}$/), fc.stringMatching(/^[0-9]{1,8}$/)),
    fc.nat(8),
  )
  .map(([whole, fraction, zeros]) =>
    fraction === undefined ? whole : `${whole}.${fraction}${'0'.repeat(zeros)}`,
  )

function rows(levels: Levels): string[] {
  return Array.from(
    { length: levels.length },
    (_, row) => `${levels.isBid[row] === 1 ? 'bid' : 'ask'} ${levels.text(row).join(' ')}`,
  )
}

function columns(levels: Levels) {
  const { length } = levels
  return {
    priceDigits: levels.priceDigits.slice(0, length),
    pricePlaces: levels.pricePlaces.slice(0, length),
    sizeDigits: levels.sizeDigits.slice(0, length),
    sizePlaces: levels.sizePlaces.slice(0, length),
    texts: [...levels.texts],
  }
}

function plain(text: string): string {
  expect(text).toMatch(DECIMAL_PATTERN)
  return formatDecimal(decimalOf(text))
}
