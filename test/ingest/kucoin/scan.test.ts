import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseFrame, readFrame } from '../../../src/ingest/kucoin/frames.ts'
import { scanLevel2 } from '../../../src/ingest/kucoin/scan.ts'
import { scanTicker } from '../../../src/ingest/kucoin/ticker-scan.ts'
import { Levels } from '../../../src/ingest/levels.ts'
import { decimal } from '../decimals.ts'
import { damage, spoiled } from '../spoiled.ts'
import { comparable, RECEIVED_AT_MS, rowsOf } from '../wire-fixtures.ts'

const ROWS = '[["67993.3","1.2","14701689783"],["67994","0","14701689784"]]'
const TIME = `"time":${RECEIVED_AT_MS}`
const DATA = `{"changes":{"asks":${ROWS},"bids":[]},"sequenceEnd":14701689784,"sequenceStart":14701689783,"symbol":"BTC-USDT",${TIME}}`
const HEAD = '{"topic":"/market/level2:BTC-USDT","type":"message","subject":"trade.l2update","data":'
const FRAME = `${HEAD}${DATA}}`

describe('the scanner itself reads', () => {
  test.each([
    ['what the venue sends', FRAME],
    [
      'fields in another order',
      `{"data":${DATA},"subject":"trade.l2update","topic":"/market/level2:BTC-USDT","type":"message"}`,
    ],
    [
      'numbers before the changes',
      `${HEAD}{"sequenceStart":14701689783,"symbol":"BTC-USDT",${TIME},"changes":{"asks":${ROWS},"bids":[]},"sequenceEnd":14701689784}}`,
    ],
  ])('%s', (_, text) => {
    const levels = new Levels()
    const delta = scanLevel2(bytesOf(text), levels)
    expect(delta).toMatchObject({
      symbol: 'BTC-USDT',
      first: 14701689783,
      last: 14701689784,
      exchangeTimeMs: RECEIVED_AT_MS,
    })
    expect(rowsOf(levels, delta!)).toEqual(['ask 67993.3 1.2', 'ask 67994 0'])
    expectAgreement(bytesOf(text))
  })

  test.each(['asks', 'bids'])('a row of price 0 alone in its side: %s', (side) => {
    const levels = new Levels()
    const text = FRAME.replace(ROWS, side === 'asks' ? '[["0","0","14701689783"]]' : '[]').replace(
      '"bids":[]',
      side === 'bids' ? '"bids":[["0","0","14701689783"]]' : '"bids":[]',
    )
    expect(scanLevel2(bytesOf(text), levels)).toMatchObject({ first: 14701689783, from: 0, to: 0 })
    expectAgreement(bytesOf(text))
  })

  test.each([
    ['first', '[["0","0","1"],["5","1","2"],["6","0","3"]]'],
    ['in the middle', '[["5","1","2"],["0","0","1"],["6","0","3"]]'],
    ['last', '[["5","1","2"],["6","0","3"],["0","0","1"]]'],
    [
      'again and again',
      '[["0","0","1"],["0","0","1"],["5","1","2"],["0","0","1"],["6","0","3"],["0","0","1"]]',
    ],
  ])('a row of price 0 among others: %s', (_, rows) => {
    const levels = new Levels()
    const delta = scanLevel2(bytesOf(FRAME.replace(ROWS, rows)), levels)
    expect(rowsOf(levels, delta!)).toEqual(['ask 5 1', 'ask 6 0'])
    expectAgreement(bytesOf(FRAME.replace(ROWS, rows)))
  })

  test('bytes in the middle of a larger buffer', () => {
    const around = bytesOf(`[${FRAME}]`)
    expect(
      scanLevel2(new Uint8Array(around.buffer, around.byteOffset + 1, FRAME.length), new Levels()),
    ).toBeDefined()
  })
})

describe('what the scanner does not know its way about in, it leaves to the contract', () => {
  test.each([
    ['bids before asks', FRAME.replace(`"asks":${ROWS},"bids":[]`, `"bids":[],"asks":${ROWS}`)],
    ['a comma before a price of 0', FRAME.replace(ROWS, '[,["0","0","1"]]')],
    ['a comma behind a price of 0', FRAME.replace(ROWS, '[["0","0","1"],]')],
    ['two commas at a price of 0', FRAME.replace(ROWS, '[["5","1","1"],,["0","0","1"]]')],
    ['another price of 0', FRAME.replace(ROWS, '[["0.0","0","1"]]')],
    ['a field twice', FRAME.replace(TIME, `${TIME},${TIME}`)],
    ['a field nobody knows', FRAME.replace(TIME, `${TIME},"more":1`)],
    ['no symbol', FRAME.replace('"symbol":"BTC-USDT",', '')],
    ['an empty symbol', FRAME.replace('"symbol":"BTC-USDT"', '"symbol":""')],
    ['an escaped symbol', FRAME.replace('"symbol":"BTC', '"symbol":"\\u0042TC')],
    ['a symbol of other alphabets', FRAME.replace('"symbol":"BTC', '"symbol":"币')],
    ['a long symbol', FRAME.replace('"symbol":"BTC', `"symbol":"${'B'.repeat(70)}`)],
    ['another topic', FRAME.replace('/market/level2:', '/market/level3:')],
    ['another subject', FRAME.replace('trade.l2update', 'trade.l2updates')],
    ['another type', FRAME.replace('"message"', '"massage"')],
    ['an exponent', FRAME.replace('"sequenceEnd":14701689784', '"sequenceEnd":1e12')],
    ['a fraction', FRAME.replace('"sequenceEnd":14701689784', '"sequenceEnd":14701689784.5')],
    ['a leading zero', FRAME.replace('"sequenceEnd":14701689784', '"sequenceEnd":014701689784')],
    [
      'a number beyond all safe ones',
      FRAME.replace('"sequenceEnd":14701689784', '"sequenceEnd":9007199254740993'),
    ],
    ['a start behind its end', FRAME.replace('"sequenceEnd":14701689784', '"sequenceEnd":14701689782')],
    ['a time long ago', FRAME.replace(TIME, '"time":5')],
    ['a bare price', FRAME.replace('"67993.3"', '67993.3')],
    ['a comma too many', FRAME.replace('"bids":[]', '"bids":[],')],
    ['spaces', FRAME.replaceAll(',', ', ')],
    ['a byte order mark', `\ufeff${FRAME}`],
    ['bytes behind the end', `${FRAME}}`],
    ['a line end behind the end', `${FRAME}\n`],
    ['an end too early', FRAME.slice(0, -1)],
    ['a brace', '{'],
    ['nothing', ''],
  ])('%s', (_, text) => {
    const levels = new Levels()
    expect(scanLevel2(bytesOf(text), levels)).toBeUndefined()
    expect(levels.length).toBe(0)
    expectAgreement(bytesOf(text))
  })
})

describe('of tickers', () => {
  const DATA = `{"bestAsk":"71235.6","bestAskSize":"1.21","bestBid":"71234.50","bestBidSize":"0.3","price":"71235","sequence":"14701689790","size":"0.01",${TIME}}`
  const TICKER = `{"topic":"/market/ticker:all","type":"message","subject":"ETH-USDT","data":${DATA}}`

  test.each([
    ['what the venue sends', TICKER],
    [
      'fields in another order',
      `{"data":${DATA},"subject":"ETH-USDT","type":"message","topic":"/market/ticker:all"}`,
    ],
  ])('the scanner reads %s', (_, text) => {
    expect(scanTicker(bytesOf(text))).toMatchObject({
      symbol: 'ETH-USDT',
      bid: '71234.50',
      sequence: 14701689790,
    })
    expectAgreement(bytesOf(text))
  })

  test.each([
    ['that of one product', TICKER.replace(':all', ':ETH-USDT')],
    ['a price of 0', TICKER.replace('"71235.6"', '"0"')],
    ['no price', TICKER.replace('"71235.6"', 'null')],
    ['a bare price', TICKER.replace('"71235.6"', '71235.6')],
    ['an exponent', TICKER.replace('"71235.6"', '"7e4"')],
    ['no sequence', TICKER.replace('"sequence":"14701689790",', '')],
    ['a bare sequence', TICKER.replace('"14701689790"', '14701689790')],
    ['bytes behind the end', `${TICKER} `],
    ['an end too early', TICKER.slice(0, -1)],
  ])('it leaves %s to the contract', (_, text) => {
    expect(scanTicker(bytesOf(text))).toBeUndefined()
    expectAgreement(bytesOf(text))
  })

  test('scanner and contract agree on every one spoiled by cuts, flips, copies and insertions', () => {
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 2 }), (damages) => {
        expectAgreement(damages.reduce(spoiled, bytesOf(TICKER)))
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('scanner and contract agree', () => {
  test('on every change of a book', () => {
    fc.assert(
      fc.property(change, (text) => {
        expectAgreement(bytesOf(text))
      }),
      { numRuns: 1_000 },
    )
  })

  test('on every change spoiled by cuts, flips, copies and insertions', () => {
    fc.assert(
      fc.property(change, fc.array(damage, { minLength: 1, maxLength: 3 }), (text, damages) => {
        expectAgreement(damages.reduce(spoiled, bytesOf(text)))
      }),
      { numRuns: 5_000 },
    )
  })
})

test('no frame, however spoiled, makes the parser throw', () => {
  const frames = readdirSync('fixtures/kucoin')
    .filter((name) => name.startsWith('ws-') && !name.includes('.expected.'))
    .map((name) => readFileSync(`fixtures/kucoin/${name}`))
  fc.assert(
    fc.property(
      fc.constantFrom(...frames),
      fc.array(damage, { minLength: 1, maxLength: 4 }),
      (frame, damages) => {
        const events = parseFrame(damages.reduce<Uint8Array>(spoiled, frame), {
          receivedAtMs: RECEIVED_AT_MS,
          levels: new Levels(),
        })
        expect(events.length).toBeGreaterThan(0)
      },
    ),
    { numRuns: 5_000 },
  )
})

const row = fc
  .tuple(decimal, decimal, fc.nat())
  .map(([price, size, sequence]) => `["${price}","${size}","${sequence}"]`)
const priceless = fc.nat().map((sequence) => `["0","0","${sequence}"]`)
const side = fc.array(fc.oneof(row, row, priceless), { maxLength: 5 }).map((rows) => `[${rows.join()}]`)
const change = fc
  .record({
    asks: side,
    bids: side,
    first: fc.oneof(fc.nat(1_000), fc.maxSafeNat()),
    count: fc.nat(20),
    symbol: fc.constantFrom('BTC-USDT', 'A-B', 'é-B'),
    time: fc.constantFrom('', `,${TIME}`, ',"time":1'),
    isOld: fc.boolean(),
  })
  .map(({ asks, bids, first, count, symbol, time, isOld }) => {
    const changes = `"changes":{"asks":${asks},"bids":${bids}}`
    const topic = `"topic":"/market/level2:${symbol}","type":"message"`
    const data = isOld
      ? `{"sequenceStart":${first},"symbol":"${symbol}",${changes},"sequenceEnd":${first + count}${time}}`
      : `{${changes},"sequenceEnd":${first + count},"sequenceStart":${first},"symbol":"${symbol}"${time}}`
    return isOld
      ? `{"data":${data},"subject":"trade.l2update",${topic}}`
      : `{${topic},"subject":"trade.l2update","data":${data}}`
  })

/** What the scanner says yes to, the contract reads in the same way. */
function expectAgreement(frame: Uint8Array): void {
  const [scanned, read] = [new Levels(), new Levels()]
  const news = scanLevel2(frame, scanned) ?? scanTicker(frame)
  const events = readFrame(frame, { receivedAtMs: RECEIVED_AT_MS, levels: read })
  if (news !== undefined) expect(comparable([news], scanned)).toEqual(comparable(events, read))
  else expect(scanned.length).toBe(0)
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
