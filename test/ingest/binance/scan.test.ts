import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseBinanceFrame, readBinanceFrame } from '../../../src/ingest/binance/frames.ts'
import { type DepthForm, scanAggTrade, scanDepth, scanSnapshot } from '../../../src/ingest/binance/scan.ts'
import { binanceFuturesBooks, binanceSpot } from '../../../src/ingest/binance/wires.ts'
import { Levels } from '../../../src/ingest/levels.ts'
import type { WireEvent } from '../../../src/ingest/venue.ts'
import { damage, spoiled } from '../spoiled.ts'
import { RECEIVED_AT_MS } from '../wire-fixtures.ts'

const FIXTURES = 'fixtures/binance'

describe('the scanner itself reads what the venue sends', () => {
  test.each([
    ['ws-depth.btcusdt', 'spot'],
    ['ws-depth.one-side', 'spot'],
    ['ws-depth.no-change', 'spot'],
    ['ws-futures-depth.dated', 'futures'],
  ] as const)('%s', (name, form) => {
    expect(scanDepth(fixture(name), new Levels(), form)).toBeDefined()
  })

  test.each(['taker-buys', 'taker-sells', 'three-fills', 'futures'])('ws-aggTrade.%s', (name) => {
    expect(scanAggTrade(fixture(`ws-aggTrade.${name}`))).toBeDefined()
  })

  test.each([
    ['rest-depth.btcusdt', 'spot'],
    ['rest-depth.empty-book', 'spot'],
    ['rest-futures-depth.btcusdt', 'futures'],
  ] as const)('%s', (name, form) => {
    expect(scanSnapshot(fixture(name), new Levels(), form)).toBeDefined()
  })
})

describe('what the scanner does not know its way about in, it leaves to the contract', () => {
  const fields = '"E":1795185070000,"s":"BTCUSDT","U":1,"u":2,"b":[],"a":[]'
  test.each([
    ['a key more', `"e":"depthUpdate",${fields},"x":1`],
    ['a key twice, the last one counts', `"e":"depthUpdate",${fields},"u":7`],
    [
      'a key twice, in small letters and large ones',
      `"e":"depthUpdate",${fields.replace('"u":2', '"u":2,"U":7')}`,
    ],
    ['an integer with a leading zero', `"e":"depthUpdate",${fields.replace('"U":1', '"U":01')}`],
    ['an integer as a float', `"e":"depthUpdate",${fields.replace('"U":1', '"U":1.0')}`],
    [
      'an integer beyond what is safe',
      `"e":"depthUpdate",${fields.replace('"u":2', '"u":9007199254740993')}`,
    ],
    ['a negative integer', `"e":"depthUpdate",${fields.replace('"U":1', '"U":-1')}`],
    ['a name with an escape in it', `"e":"depthUpdate",${fields.replace('BTCUSDT', 'BTC\\u0055SDT')}`],
    ['a name that is not Latin', `"e":"depthUpdate",${fields.replace('BTCUSDT', '币USDT')}`],
    ['no name', `"e":"depthUpdate",${fields.replace('BTCUSDT', '')}`],
    ['a space', `"e":"depthUpdate", ${fields}`],
  ])('%s', (_, data) => {
    const frame = Buffer.from(`{"stream":"btcusdt@depth@100ms","data":{${data}}}`)
    const levels = new Levels()
    expect(scanDepth(frame, levels, 'spot')).toBeUndefined()
    expect(levels.length).toBe(0)
    expectAgreement(frame, 'spot')
  })

  test.each([
    ['an escape in the name of the stream', (text: string) => text.replace('btcusdt', 'btcu\\u0073dt')],
    ['bytes behind the end', (text: string) => `${text} `],
    ['another frame behind the end', (text: string) => text + text],
    ['a byte order mark', (text: string) => `\ufeff${text}`],
    ['a last brace missing', (text: string) => text.slice(0, -1)],
  ])('%s', (_, change) => {
    const frame = Buffer.from(change(fixture('ws-depth.btcusdt').toString()))
    expect(scanDepth(frame, new Levels(), 'spot')).toBeUndefined()
    expectAgreement(frame, 'spot')
  })

  test('bytes that are no UTF-8', () => {
    const frame = Buffer.concat([
      Buffer.from('{"stream":"'),
      Buffer.from([0xc3]),
      fixture('ws-depth.btcusdt').subarray(11),
    ])
    expect(scanDepth(frame, new Levels(), 'spot')).toBeUndefined()
    expectAgreement(frame, 'spot')
  })
})

test('bytes in the middle of a larger buffer are read as if they stood alone', () => {
  const frame = fixture('ws-depth.btcusdt')
  const around = Buffer.concat([Buffer.from('[['), frame, Buffer.from(']]')])
  expect(answerOf(parseBinanceFrame, around.subarray(2, -2), 'spot')).toEqual(
    answerOf(parseBinanceFrame, frame, 'spot'),
  )
})

test('names that meet in the memory for names are still told apart', () => {
  const named = (symbol: string) =>
    Buffer.from(fixture('ws-depth.btcusdt').toString().replace('BTCUSDT', symbol))
  const symbols = Array.from({ length: 10_000 }, (_, i) => `A${i.toString(36).toUpperCase()}USDT`)
  const read = [...symbols, ...symbols].map(
    (symbol) => scanDepth(named(symbol), new Levels(), 'spot')!.symbol,
  )
  expect(read).toEqual([...symbols, ...symbols])
})

const number = fc.oneof(
  fc.constantFrom(
    '0',
    '0.00000000',
    '1.00000000',
    '0.00000001',
    '99999999999999999999',
    '01',
    '1.',
    '.5',
    '-1',
    '1e3',
    '',
  ),
  fc
    .tuple(fc.nat(99_999), fc.nat(99_999_999))
    .map(([whole, part]) => `${whole}.${String(part).padStart(8, '0')}`),
)
const rows = fc.array(fc.tuple(number, number), { maxLength: 4 })
const count = fc.oneof(fc.nat(100), fc.constantFrom(93548120031, 999_999_999_999_999, 9_007_199_254_740_991))
const time = fc.constantFrom(RECEIVED_AT_MS, RECEIVED_AT_MS + 60_000, RECEIVED_AT_MS + 60_001, 1, 5e12)
const symbol = fc.constantFrom(
  'A'.repeat(65),
  'BTCUSDT',
  'BTCUSDT_261225',
  '1000SATSFDUSD',
  'btcusdt',
  '币安人生USDT',
  '',
)

const depth = fc
  .record({ E: time, T: count, s: symbol, U: count, u: count, pu: count, b: rows, a: rows })
  .map(({ E, T, s, U, u, pu, b, a }) => [
    { e: 'depthUpdate', E, s, U, u, b, a },
    { e: 'depthUpdate', E, T, s, U, u, pu, b, a },
  ])
const trade = fc
  .record({
    E: count,
    s: symbol,
    a: count,
    p: number,
    q: number,
    f: count,
    l: count,
    T: time,
    m: fc.boolean(),
  })
  .map((fields) => [
    { e: 'aggTrade', ...fields, M: true },
    { e: 'aggTrade', ...fields },
  ])
const frames = fc
  .tuple(fc.oneof(depth, trade), fc.nat(1), fc.constantFrom('btcusdt@depth@100ms', 'x', ''))
  .map(([forms, form, stream]) => Buffer.from(JSON.stringify({ stream, data: forms[form] })))

test('whatever is read by the scanner is what the contract says, and what is spoiled is spoiled to both', () => {
  fc.assert(
    fc.property(
      frames,
      fc.array(damage, { maxLength: 2 }),
      fc.constantFrom('spot', 'futures'),
      (frame, all, form) => {
        expectAgreement(all.reduce<Uint8Array>(spoiled, frame), form as DepthForm)
      },
    ),
    { numRuns: 5_000 },
  )
})

test('the same holds for every fixture, spoiled', () => {
  const names = readdirSync(FIXTURES).filter((name) => name.startsWith('ws-') && !name.includes('.expected.'))
  const fixtures = names.map((name) => fixture(name.slice(0, -5)))
  fc.assert(
    fc.property(fc.constantFrom(...fixtures), fc.array(damage, { maxLength: 3 }), (frame, all) => {
      for (const form of ['spot', 'futures'] as const)
        expectAgreement(all.reduce<Uint8Array>(spoiled, frame), form)
    }),
    { numRuns: 3_000 },
  )
})

test('a book that was asked for is what the contract says as well', () => {
  const book = fc
    .record({ lastUpdateId: count, E: time, T: count, bids: rows, asks: rows })
    .map(({ lastUpdateId, E, T, bids, asks }) => [
      { lastUpdateId, bids, asks },
      { lastUpdateId, E, T, bids, asks },
    ])
  fc.assert(
    fc.property(book, fc.array(damage, { maxLength: 2 }), (forms, all) => {
      for (const [form, wire] of [
        ['spot', binanceSpot],
        ['futures', binanceFuturesBooks],
      ] as const) {
        const compact = all.reduce<Uint8Array>(
          spoiled,
          Buffer.from(JSON.stringify(forms[form === 'spot' ? 0 : 1])),
        )
        // A space behind the end is nothing to the contract and too much for the scanner.
        const spaced = Buffer.concat([compact, Buffer.from(' ')])
        expect(scanSnapshot(spaced, new Levels(), form)).toBeUndefined()
        const read = [compact, spaced].map((body) => {
          const levels = new Levels()
          const about = { receivedAtMs: RECEIVED_AT_MS, levels, symbol: 'BTCUSDT' }
          return withRows(wire.books!.snapshot!.parse(body, about), levels)
        })
        expect(read[0]).toEqual(read[1])
      }
    }),
    { numRuns: 2_000 },
  )
})

function fixture(name: string): Buffer {
  return readFileSync(`${FIXTURES}/${name}.json`)
}

function expectAgreement(frame: Uint8Array, form: DepthForm): void {
  expect(answerOf(parseBinanceFrame, frame, form)).toEqual(answerOf(readBinanceFrame, frame, form))
}

type Parse = typeof parseBinanceFrame

function answerOf(parse: Parse, frame: Uint8Array, form: DepthForm): unknown {
  const levels = new Levels()
  return withRows(parse(frame, { receivedAtMs: RECEIVED_AT_MS, levels }, form), levels)
}

/** The rows as well, and of what the JSON parser says only that it says something: it counts bytes. */
function withRows(answer: WireEvent | readonly WireEvent[], levels: Levels): unknown {
  const rows = Array.from({ length: levels.length }, (_, row) => [levels.isBid[row], ...levels.text(row)])
  const text = JSON.stringify(answer, (_key, value) =>
    value?.kind === 'malformed-json' ? 'malformed' : value,
  )
  return { answer: JSON.parse(text), rows }
}
