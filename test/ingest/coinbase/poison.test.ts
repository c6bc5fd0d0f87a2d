import { describe, expect, test } from 'vitest'
import { coinbase } from '../../../src/ingest/coinbase.ts'
import { BIG_LIST } from '../../alerts/naughty.ts'
import { about, expectAgreement } from './contract.ts'

describe('JSON that is none makes a rejection, alone and in the middle of a good book', () => {
  const broken = [
    '[',
    '{',
    '"',
    ']',
    '}',
    '[1',
    '[1,',
    '[,1]',
    '[1,]',
    '[1,,2]',
    '[1 2]',
    '["a" "b"]',
    '{"a"}',
  ]
  broken.push(
    '{"a":}',
    '{"a":1,}',
    '{,"a":1}',
    '{a:1}',
    "{'a':1}",
    "'a'",
    '{"a" 1}',
    '{"a"::1}',
    '{1:1}',
    '{"a":1 "b":2}',
  )
  broken.push(
    '01',
    '-01',
    '-',
    '+1',
    '1.',
    '.1',
    '-.1',
    '1e',
    '1e+',
    '1.e1',
    '0x1',
    '0b1',
    '1_000',
    '1a',
    '--1',
    '1e1.5',
  )
  broken.push(
    'NaN',
    'Infinity',
    '-Infinity',
    'nul',
    'nulll',
    'True',
    'TRUE',
    'undefined',
    'None',
    'tru',
    'falsee',
  )
  broken.push(
    '"\\x41"',
    '"\\u00"',
    '"\\u00G0"',
    '"\\',
    '"\\a"',
    '"a\nb"',
    '"a\tb"',
    '"\u0000"',
    '"\u001f"',
    '“a”',
    '`a`',
  )
  broken.push(
    '/* a */ 1',
    '1 // a',
    '# 1',
    '1;',
    '(1)',
    '[1}',
    '{"a":1]',
    '\u00a01',
    '\u20281',
    '\ufeff1',
    '\u000b1',
  )
  broken.push('['.repeat(100_000), '{"a":'.repeat(100_000), `${'['.repeat(1_000)}1${']'.repeat(999)}`)

  test.each(broken.map((text) => [JSON.stringify(text.slice(0, 30)), text]))('%s', (_, text) => {
    for (const body of [text, inBook(text)]) {
      expect(coinbase.parseBook(Buffer.from(body), about)).toMatchObject({
        refusal: { kind: 'malformed-json', path: '' },
      })
    }
  })
})

describe('JSON that is no book is of the wrong shape, and tolerated under a key of its own', () => {
  const good = [
    'null',
    'true',
    '0',
    '-0',
    '-1.5e-400',
    '1e999',
    '123456789012345678901234567890',
    '""',
    '"\\u0000"',
  ]
  good.push(
    '"\\ud800"',
    '"\\"bids\\":[["',
    '"\u007f"',
    '"\u2028"',
    '"🙂"',
    '[]',
    '{}',
    '[[[]]]',
    '{"":0}',
    ' [ 1 , 2 ] ',
  )
  good.push('{"a":1,"a":2}', '{"__proto__":{"bids":[]}}', '{"constructor":{"prototype":1}}', '{"toString":1}')
  good.push(`${'['.repeat(10_000)}${']'.repeat(10_000)}`, `"${'x'.repeat(100_000)}"`)

  test.each(good.map((text) => [JSON.stringify(text.slice(0, 30)), text]))('%s', (_, text) => {
    expect(coinbase.parseBook(Buffer.from(text), about)).toMatchObject({ refusal: { kind: 'wrong-shape' } })
    expectAgreement(text)
    expect(coinbase.parseBook(Buffer.from(inBook(text)), about)).toHaveProperty('book')
    expectAgreement(inBook(text))
  })
})

describe('no string can do more than be wrong, wherever it stands', () => {
  const naughty = [
    '',
    ' ',
    'undefined',
    'null',
    'NaN',
    '1/0',
    '$1.00',
    '1,000',
    '1.0.0',
    '٠١٢',
    '１２３',
    '-1',
    '1E02',
  ]
  naughty.push(
    '<script>alert(1)</script>',
    "'; DROP TABLE books; --",
    '=1+1',
    '@SUM(A1)',
    '#{7*7}',
    '{{7*7}}',
    '%s%n',
    '$HOME',
  )
  naughty.push(
    '../../etc/passwd',
    'a\r\nSet-Cookie: b',
    '\u001b[31mred\u001b[0m',
    '\u202egnp.exe',
    '\u200b',
    '\ufeff',
    '\0',
  )
  naughty.push(
    'Ω≈ç√∫',
    '田中さん',
    '👩‍👩‍👧',
    'Z̮̞̠͙͔ͅḀ̗̞͈̻̗Ḷ͙͎̯̹̞͓G̻O̭̗̮',
    '\ud800',
    '\udfff\ud800',
    '__proto__',
    'constructor',
    'bids',
    '"bids":[',
  )

  const places: Record<string, (text: string) => object> = {
    'a price': (text) => ({ ...book, bids: [[text, '1', 1]] }),
    'a size': (text) => ({ ...book, asks: [['2', text, 1]] }),
    'a count': (text) => ({ ...book, bids: [['1', '1', text]] }),
    'a time': (text) => ({ ...book, time: text }),
    'a sequence': (text) => ({ ...book, sequence: text }),
    'a side': (text) => ({ ...book, asks: text }),
    'a message': (message) => ({ message }),
  }
  test.each(Object.entries(places))('%s', (_, bodyWith) => {
    for (const text of naughty) {
      const body = JSON.stringify(bodyWith(text))
      expect(coinbase.parseBook(Buffer.from(body), about)).toEqual({
        refusal: {
          kind: 'wrong-shape',
          path: expect.any(String),
          message: expect.stringMatching(ONE_LINE),
        },
      })
      expectAgreement(body)
    }
  })

  test('a key of its own, or a value under one', () => {
    for (const text of [...naughty, ...BIG_LIST].filter((key) => key !== 'bids')) {
      const body = JSON.stringify({ ...book, [`x${text}`]: text })
      expect(coinbase.parseBook(Buffer.from(body), about)).toHaveProperty('book')
      expectAgreement(body)
    }
  })

  test('the big list of naughty strings, some of which are good numbers', () => {
    for (const text of BIG_LIST) {
      for (const bodyWith of Object.values(places)) {
        const body = JSON.stringify(bodyWith(text))
        expectAgreement(body)
        const read = coinbase.parseBook(Buffer.from(body), about)
        if ('refusal' in read) expect(read.refusal.message).toMatch(ONE_LINE)
        else expect(text).toMatch(/^\d+(\.\d+)?$/)
      }
    }
  })
})

test('reading a prototype changes nobody’s prototype', () => {
  const body = inBook('{"__proto__":{"polluted":true}}').replace('{', '{"__proto__":{"polluted":true},')
  expect(coinbase.parseBook(Buffer.from(body), about)).toHaveProperty('book')
  expect({}).not.toHaveProperty('polluted')
})

/** Without control characters: it goes to logs, tables and chats. */
const ONE_LINE = /^\P{C}+$/u

const book = { bids: [['1', '1', 1]], asks: [['2', '1', 1]], sequence: 7 }

/** A good book with one more field. */
function inBook(value: string): string {
  return `{"bids":[["1","1",1]],"asks":[["2","1",1]],"sequence":7,"x":${value}}`
}
