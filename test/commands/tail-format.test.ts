import { describe, expect, test } from 'vitest'
import type { LogRecord } from '../../src/broker/broker.ts'
import { renderingOf } from '../../src/commands/tail-format.ts'

const tp = { topic: 'books.coinbase', partition: 3 }

function record(about: Partial<LogRecord> = {}): LogRecord {
  return {
    offset: 17,
    key: 'BTC-USD',
    run: 'run-1',
    n: 5,
    appendedAtMs: Date.UTC(2026, 10, 21, 10),
    headers: { a: '1', b: '2' },
    value: '{"type":"book"}',
    corrupt: false,
    ...about,
  }
}

const damaged = record({ key: null, run: null, n: null, headers: null, value: null, corrupt: true })
const binary = record({ value: null, bytes: Uint8Array.of(0xff, 0x00, 0x80) })

/** Everything that is written of these records. */
function written(format: string, ...records: LogRecord[]): string {
  const rendering = renderingOf(format)
  return rendering.head + records.map((each) => rendering.record(tp, each)).join('') + rendering.foot
}

describe('a template', () => {
  const cases: [string, string][] = [
    ['%t %p %o %k %v\\n', 'books.coinbase 3 17 BTC-USD {"type":"book"}\n'],
    ['%h\\t%d', 'a=1,b=2\t1795255200000'],
    ['100%% %o\\\\n', '100% 17\\n'],
  ]
  test.each(cases)('%s', (format, text) => {
    expect(written(format, record())).toBe(text)
  })

  test('writes nothing for what a record has not', () => {
    expect(written('[%k][%v][%h]', record({ key: null, value: null, headers: null }))).toBe('[][][]')
  })

  test.each([['%q'], ['%o %'], ['\\x41']])('%s is a mistake of usage', (format) => {
    expect(() => renderingOf(format)).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})

describe('a name', () => {
  test('table: a line a record, cut where it is long', () => {
    expect(written('table', record(), record({ offset: 18, key: null, value: 'x'.repeat(500) }))).toBe(
      `books.coinbase/3@17   2026-11-21T10:00:00.000Z   BTC-USD   {"type":"book"}\n` +
        `books.coinbase/3@18   2026-11-21T10:00:00.000Z   -   ${'x'.repeat(120)}…\n`,
    )
  })

  test('table: nothing that a terminal would obey', () => {
    expect(written('table', record({ value: 'a\u001b[2Jb\nc', key: '\u0007k' }))).toBe(
      'books.coinbase/3@17   2026-11-21T10:00:00.000Z   k   a [2Jb c\n',
    )
  })

  test('ndjson: an object a line', () => {
    expect(JSON.parse(written('ndjson', record()))).toEqual({
      topic: 'books.coinbase',
      partition: 3,
      offset: 17,
      appendedAtMs: Date.UTC(2026, 10, 21, 10),
      key: 'BTC-USD',
      run: 'run-1',
      n: 5,
      headers: { a: '1', b: '2' },
      value: '{"type":"book"}',
    })
  })

  test('json: one list, also of nothing', () => {
    expect(JSON.parse(written('json', record(), record({ offset: 18 })))).toMatchObject([
      { offset: 17 },
      { offset: 18 },
    ])
    expect(JSON.parse(written('json'))).toEqual([])
  })

  test('value: a line each', () => {
    expect(written('value', record(), record({ value: 'b' }))).toBe('{"type":"book"}\nb\n')
  })

  test('anything else is a mistake of usage', () => {
    expect(() => renderingOf('xml')).toThrow('expected table, json, ndjson, value or a template')
  })
})

describe('what is no text', () => {
  test('is base64 in JSON and in templates, and only counted in the table', () => {
    expect(JSON.parse(written('ndjson', binary))).toMatchObject({ value: null, bytes: '/wCA' })
    expect(written('%v', binary)).toBe('/wCA')
    expect(written('table', binary)).toContain('(3 bytes, not text)')
  })

  test('a damaged record is marked where there is a place for it, and nothing of it is shown', () => {
    expect(written('table', damaged)).toBe('books.coinbase/3@17   (damaged)\n')
    expect(JSON.parse(written('ndjson', damaged))).toEqual({ ...tp, offset: 17, corrupt: true })
    expect(['json', 'table', 'value', '%v'].map((format) => renderingOf(format).marksDamage)).toEqual([
      true,
      true,
      false,
      false,
    ])
  })
})
