import { describe, expect, test } from 'vitest'
import { type KafkaRecord, logRecords } from '../../../src/broker/kafka/records.ts'

const RECORD: KafkaRecord = { offset: '5', timestamp: '1700000000000', key: null, value: null, headers: {} }

describe('headers of others', () => {
  const ns: [string, Buffer | Buffer[] | undefined, number | null][] = [
    ['a whole number', Buffer.from('12'), 12],
    ['the largest safe one', Buffer.from('9007199254740991'), 9007199254740991],
    ['beyond it', Buffer.from('9007199254740993'), null],
    ['none', undefined, null],
    ['zero', Buffer.from('0'), null],
    ['signed', Buffer.from('-1'), null],
    ['a fraction', Buffer.from('1.5'), null],
    ['with a space', Buffer.from(' 1'), null],
    ['empty', Buffer.from(''), null],
    ['twice', [Buffer.from('1'), Buffer.from('2')], null],
  ]
  test.each(ns)('n that is %s', (_, n, expected) => {
    const headers = n === undefined ? {} : { n }
    expect(logRecords([{ ...RECORD, headers }])[0]!.n).toBe(expected)
  })

  test('runs follow one another without being taken for each other', () => {
    const runs = ['a', 'a', 'ab', 'b', 'ø', 'a', '']
    const records = logRecords(runs.map((run) => ({ ...RECORD, headers: { run: Buffer.from(run) } })))
    expect(records.map(({ run }) => run)).toEqual(['a', 'a', 'ab', 'b', 'ø', 'a', null])
  })

  test('a name that means something to JavaScript is only a name', () => {
    const headers = Object.fromEntries([['__proto__', Buffer.from('x')]])
    const [record] = logRecords([{ ...RECORD, headers }])
    expect(Object.entries(record!.headers!)).toEqual([['__proto__', 'x']])
    expect(Object.getPrototypeOf(record!.headers)).toBe(Object.prototype)
  })
})

describe('values', () => {
  const values: [string, Buffer, string | null][] = [
    ['ASCII', Buffer.from('{"a":1}'), '{"a":1}'],
    ['every plane of Unicode', Buffer.from('ß 漢 \u{1f30a}'), 'ß 漢 \u{1f30a}'],
    ['a byte order mark', Buffer.from('\ufeffx'), '\ufeffx'],
    ['empty', Buffer.from(''), ''],
    ['half a character', Buffer.of(0x61, 0xc3), null],
    ['half a surrogate pair', Buffer.of(0xed, 0xa0, 0x80), null],
  ]
  test.each(values)('%s', (_, value, text) => {
    const [record] = logRecords([{ ...RECORD, value }])
    expect(record!.value).toBe(text)
    expect(record!.bytes).toEqual(text === null ? Uint8Array.from(value) : undefined)
  })

  test('bytes that are kept do not keep what came with them', () => {
    const all = Buffer.alloc(1_000_000, 0xff)
    const [record] = logRecords([{ ...RECORD, value: all.subarray(0, 10) }])
    expect(record!.bytes!.buffer.byteLength).toBe(10)
  })
})

test('the end of a transaction is a record of nothing', () => {
  const control = { ...RECORD, isControlRecord: true, key: Buffer.of(0, 0, 0, 1), value: Buffer.of(0, 0) }
  expect(logRecords([control])).toEqual([
    {
      offset: 5,
      key: null,
      run: null,
      n: null,
      appendedAtMs: 1_700_000_000_000,
      headers: null,
      value: null,
      corrupt: false,
    },
  ])
})
