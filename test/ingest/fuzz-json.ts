import { type Mutator, spliced } from './fuzz-bytes.ts'
import { RECEIVED_AT_MS } from './wire-fixtures.ts'

/**
 * What a venue may say otherwise tomorrow, and what nobody in their senses says: the frame stays JSON, byte for byte the same
 * but for one place. Where it is no JSON it stays what it is.
 */
export const jsonMutators: Readonly<Record<string, Mutator>> = {
  'another value': (bytes, chance) => {
    const value = chance.any(spansOf(bytes).values)
    return value === undefined ? bytes : replaced(bytes, value, chance.of(VALUES))
  },
  'another value of this kind': (bytes, chance) => {
    const scalars = spansOf(bytes).values.filter(
      ({ from }) => bytes[from] !== OPEN_BRACE && bytes[from] !== OPEN_BRACKET,
    )
    const value = chance.any(scalars)
    if (value === undefined) return bytes
    return replaced(bytes, value, bytes[value.from] === QUOTE ? `"${chance.of(TEXTS)}"` : chance.of(NUMBERS))
  },
  "another frame's value": (bytes, chance, other) => {
    const value = chance.any(spansOf(bytes).values)
    const foreign = chance.any(spansOf(other).values)
    if (value === undefined || foreign === undefined) return bytes
    return spliced(bytes, value.from, value.to - value.from, other.subarray(foreign.from, foreign.to))
  },
  'a value of elsewhere in it': (bytes, chance) => {
    const { values } = spansOf(bytes)
    const [to, from] = [chance.any(values), chance.any(values)]
    return to === undefined || from === undefined ? bytes : copied(bytes, from, to)
  },
  'an exponent': (bytes, chance) => {
    const number = chance.any(spansOf(bytes).values.filter(({ from }) => isNumber(bytes[from]!)))
    if (number === undefined) return bytes
    const isText = bytes[number.from] === QUOTE
    const exponent = Buffer.from(`e${chance.of(['', '-', '+'])}${chance.below(chance.of([3, 30, 1_000]))}`)
    return spliced(bytes, number.to - (isText ? 1 : 0), 0, exponent)
  },
  'a field left out': (bytes, chance) => {
    const member = chance.any(spansOf(bytes).members)
    if (member === undefined) return bytes
    const comma = bytes[member.to] === COMMA ? 1 : 0
    const before = comma === 0 && bytes[member.from - 1] === COMMA ? 1 : 0
    return spliced(bytes, member.from - before, member.to - member.from + before + comma, Buffer.alloc(0))
  },
  'a field nobody knows': (bytes, chance) => {
    const member = chance.any(spansOf(bytes).members)
    const field = Buffer.from(`${chance.of(KEYS)}:${chance.of(VALUES)},`)
    return member === undefined ? bytes : spliced(bytes, member.from, 0, field)
  },
  'a field twice': (bytes, chance) => {
    const member = chance.any(spansOf(bytes).members)
    if (member === undefined) return bytes
    const again = Buffer.concat([
      bytes.subarray(member.from, member.value),
      Buffer.from(`${chance.of(VALUES)},`),
    ])
    const sameAgain = Buffer.concat([bytes.subarray(member.from, member.to), Buffer.from(',')])
    return spliced(bytes, member.from, 0, chance.below(2) === 0 ? again : sameAgain)
  },
  'another name': (bytes, chance) => {
    const { members } = spansOf(bytes)
    const [member, model] = [chance.any(members), chance.any(members)]
    if (member === undefined || model === undefined) return bytes
    const name =
      chance.below(2) === 0 ? Buffer.from(`${chance.of(KEYS)}:`) : bytes.subarray(model.from, model.value)
    return spliced(bytes, member.from, member.value - member.from, name)
  },
  'fields in another order': (bytes, chance) => {
    const { members } = spansOf(bytes)
    const first = chance.any(members)
    if (first === undefined) return bytes
    const siblings = members.filter((member) => member.parent === first.parent && member.from > first.from)
    const second = chance.any(siblings)
    return second === undefined ? bytes : exchanged(bytes, first, second)
  },
  'spaces between': (bytes, chance) => {
    const { values } = spansOf(bytes)
    const value = chance.any(values)
    const space = Buffer.from(chance.of([' ', '\n  ', '\t', '\r\n']))
    return value === undefined
      ? bytes
      : spliced(bytes, chance.below(2) === 0 ? value.from : value.to, 0, space)
  },
  'an escape': (bytes, chance) => {
    const { from, to } =
      chance.any(spansOf(bytes).values.filter((span) => bytes[span.from] === QUOTE)) ?? NO_SPAN
    if (to - from < 3) return bytes
    const at = from + 1 + chance.below(to - from - 2)
    return spliced(bytes, at, 1, Buffer.from(`\\u${bytes[at]!.toString(16).padStart(4, '0')}`))
  },
  'a row more': (bytes, chance) => {
    const list = chance.any(listsOf(bytes))
    if (list === undefined) return bytes
    const isEmpty = list.to - list.from === 2
    return spliced(bytes, list.from + 1, 0, Buffer.from(`${chance.of(ROWS)}${isEmpty ? '' : ','}`))
  },
  'a list again and again': (bytes, chance) => {
    const list = chance.any(listsOf(bytes))
    if (list === undefined || list.to - list.from === 2) return bytes
    const inside = bytes.subarray(list.from + 1, list.to - 1)
    const again = Buffer.concat([inside, Buffer.from(',')])
    const times = 1 + chance.below(Math.max(1, Math.min(40, Math.floor(AGAIN_BYTES / again.length))))
    return spliced(bytes, list.from + 1, 0, Buffer.concat(Array.from({ length: times }, () => again)))
  },
}

/** What makes frames of a hundred kilobytes and more: for now and then. */
export const heavyMutators: Readonly<Record<string, Mutator>> = {
  'nested ten thousand times': (bytes, chance) => {
    const value = chance.any(spansOf(bytes).values)
    const nested = chance.of([
      `${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}`,
      `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`,
      '['.repeat(DEPTH),
    ])
    return value === undefined ? Buffer.from(nested) : replaced(bytes, value, nested)
  },
  'a hundred thousand rows': (bytes, chance) => {
    const list = chance.any(listsOf(bytes))
    if (list === undefined) return bytes
    const isEmpty = list.to - list.from === 2
    const row =
      isEmpty || chance.below(2) === 0 ? chance.of(ROWS) : latin1(bytes.subarray(list.from + 1, list.to - 1))
    const rows = `${row},`.repeat(Math.min(ROWS_MANY, Math.floor(HEAVY_BYTES / row.length)))
    return spliced(bytes, list.from + 1, 0, Buffer.from(isEmpty ? rows.slice(0, -1) : rows, 'latin1'))
  },
  'a long text': (bytes, chance) => {
    const value = chance.any(spansOf(bytes).values)
    const letters = chance.of(['0', '9', 'A', ',', ' ', '[', '\\\\', '\\u0000', '\u{1f642}', '0e'])
    const inside = letters.repeat(Math.floor(HEAVY_BYTES / 4 / letters.length))
    const said = chance.of([
      `"${inside}"`,
      `"1.${inside}1e1"`,
      `"/market/level2:${inside}"`,
      '9'.repeat(HEAVY_BYTES / 4),
    ])
    return value === undefined ? bytes : replaced(bytes, value, said)
  },
  'ten thousand fields': (bytes, chance) => {
    const member = chance.any(spansOf(bytes).members)
    const fields = Array.from({ length: 10_000 }, (_, i) => `"f${i}":${i},`).join('')
    return member === undefined ? bytes : spliced(bytes, member.from, 0, Buffer.from(fields))
  },
}

const DEPTH = 10_000
const ROWS_MANY = 100_000
const HEAVY_BYTES = 1_000_000
const AGAIN_BYTES = 16_000

/** Digits that are at the edge of something: of doubles, of safe integers, of our decimals. */
const NUMBERS = [
  '0', '-0', '1', '-1', '0.0', '1e999', '-1e999', '1e-400', '1e20', '1e-18', '1e-19', '2.0e3', '1E+2',
  '0.1e1', '9007199254740991', '9007199254740992', '9007199254740993', '-9007199254740993',
  '18446744073709551616', '99999999999999999999', '100000000000000000000', '1.7976931348623157e308', '5e-324',
  '1234567890123456789012345678901234567890', '0.1234567890123456789012345678901234567890',
  '0.000000000000000001', '0.0000000000000000001', '12345678901234567890.123456789012345678',
  '1262303999999', '1262304000000', '4102444800000', '4102444800001',
  `${RECEIVED_AT_MS}`, `${RECEIVED_AT_MS + 60_000}`, `${RECEIVED_AT_MS + 60_001}`, `${RECEIVED_AT_MS}000000`,
  `${RECEIVED_AT_MS / 1_000}`,
] // biome-ignore format: a list

const TEXTS = [
  ...NUMBERS,
  '', ' ', 'NaN', 'Infinity', '-Infinity', 'null', 'true', '00', '01', '.5', '5.', '1.', '+1', '0x10', '1,5', '1_000', ' 1', '1 ',
  '\u0661', '\uff11', '\\u0000', '1\\u0000', '\\ud800', '\\udc00\\ud800', '\ud83d\ude42', '\\u202egnp', '\\n\\r\\t', '\\u2028', '\\u007f',
  '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf:BTC-USDT', '__proto__:BTC-USDT', '/market/:', '...',
  'A'.repeat(64), 'A'.repeat(65), 'A'.repeat(2_000), '0'.repeat(40), `1.${'0'.repeat(200)}e1`, '\u5e01\u5b89', 'BTC-USDT', 'btcusdt', 'BTC.USDT',
  'buy', 'sell', 'bid', 'ask', 'offer', 'new', 'delete', 'snapshot', 'update', 'subscription', 'message', 'error',
  '2026-11-20T14:31:10Z', '2026-11-20T14:32:11.000Z', '2026-11-20T14:32:11.001Z', '2026-02-30T00:00:00Z', '1970-01-01T00:00:00Z',
  '0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999999Z', '2100-01-01T00:00:00.001Z', '2009-12-31T23:59:59.999Z', '2026-11-20T24:00:00Z',
] // biome-ignore format: a list

const VALUES = [
  'null', 'true', 'false', '[]', '{}', '[[]]', '[null]', '[[null]]', '{"":0}', '[1,2,3,4,5]', '["1","1"]', '[["1","1"]]',
  '{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}', '{"a":1,"a":2}', 'NaN', 'undefined', '01', '1.', '-',
  '[[[[[[[[[[]]]]]]]]]]',
  ...NUMBERS,
  ...TEXTS.map((text) => `"${text}"`),
] // biome-ignore format: a list

const KEYS = [
  '"__proto__"', '"constructor"', '"prototype"', '"toString"', '"toJSON"', '"length"', '"then"', '""', '"\\u0000"', '"\\ud800"', '"\u5e01"', '"0"',
  '"type"', '"data"', '"event"', '"id"', '"e"', '"code"', `"${'k'.repeat(500)}"`, '"a b\\n\\u001b[31m"',
] // biome-ignore format: a list

const ROWS = [
  '["1","1"]', '["1","0"]', '["0","1"]', '["0","0","1"]', '["1","1","1"]', '["1","1","0","1"]', '["buy","1","1"]', '["sell","1","0"]',
  '["new",1.0,1.0]', '["delete",1.0,0.0]', '[1,1]', '["1"]', '[]', '{}', '1', 'null', '["1e5","1"]', '["-1","1"]',
  '["99999999999999999999","0.000000000000000001"]', '["12345678901234567890.5","1"]', '["1","12345678901234567890.5"]',
] // biome-ignore format: a list

type Span = { readonly from: number; readonly to: number }
/** A name and its value; `value` is where the value begins, `parent` where the object does. */
type Member = Span & { readonly value: number; readonly parent: number }
type Spans = { readonly values: readonly Span[]; readonly members: readonly Member[] }

const NO_SPAN: Span = { from: 0, to: 0 }
const OPEN_BRACE = 0x7b
const OPEN_BRACKET = 0x5b
const QUOTE = 0x22
const COMMA = 0x2c

function replaced(bytes: Uint8Array, { from, to }: Span, text: string): Uint8Array {
  return spliced(bytes, from, to - from, Buffer.from(text))
}

function copied(bytes: Uint8Array, from: Span, to: Span): Uint8Array {
  return spliced(bytes, to.from, to.to - to.from, bytes.subarray(from.from, from.to))
}

/** Two spans, the first before the second, change places. */
function exchanged(bytes: Uint8Array, first: Span, second: Span): Uint8Array {
  return Buffer.concat([
    bytes.subarray(0, first.from),
    bytes.subarray(second.from, second.to),
    bytes.subarray(first.to, second.from),
    bytes.subarray(first.from, first.to),
    bytes.subarray(second.to),
  ])
}

/** A character a byte: what stands where in it stands there in the bytes. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

function isNumber(byte: number): boolean {
  return byte === QUOTE || byte === 0x2d || (byte >= 0x30 && byte <= 0x39)
}

function listsOf(bytes: Uint8Array): Span[] {
  return spansOf(bytes).values.filter(({ from }) => bytes[from] === OPEN_BRACKET)
}

/** Samples are spoiled again and again: what stands where in them is found once. */
const known = new WeakMap<Uint8Array, Spans>()
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g
const NONE: Spans = { values: [], members: [] }

function spansOf(bytes: Uint8Array): Spans {
  const before = known.get(bytes)
  if (before !== undefined) return before
  const spans = isJson(bytes) ? read(bytes) : NONE
  known.set(bytes, spans)
  return spans
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(latin1(bytes))
    return true
  } catch {
    return false
  }
}

/** Where every value and every member of JSON text stands. */
function read(bytes: Uint8Array): Spans {
  const text = latin1(bytes)
  const values: Span[] = []
  const members: Member[] = []
  const open: { from: number; key: Span | undefined }[] = []
  let last: Span = NO_SPAN

  function ended(value: Span): void {
    values.push(value)
    const around = open.at(-1)
    if (around?.key !== undefined) {
      members.push({ from: around.key.from, to: value.to, value: value.from, parent: around.from })
      around.key = undefined
    }
  }

  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const span = { from: index, to: index + token.length }
    if (token === '{' || token === '[') open.push({ from: index, key: undefined })
    else if (token === '}' || token === ']') ended({ from: open.pop()!.from, to: span.to })
    else if (token === ':') {
      values.pop()
      open.at(-1)!.key = last
    } else if (token !== ',') {
      ended(span)
      last = span
    }
  }
  return { values, members }
}
