import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Levels } from '../../../src/ingest/levels.ts'
import { parseFrame, readFrame } from '../../../src/ingest/okx/frames.ts'
import { scanBooks } from '../../../src/ingest/okx/scan.ts'
import { decimal } from '../decimals.ts'
import { damage, spoiled } from '../spoiled.ts'
import { comparable, RECEIVED_AT_MS, rowsOf } from '../wire-fixtures.ts'

const ARG = '{"channel":"books","instId":"BTC-USDT"}'
const ASKS = '[["71235.6","0","0","0"],["71235.9","4.25","0","2"]]'
const DATA = `{"asks":${ASKS},"bids":[["71234.5","0.30","0","1"]],"ts":"${RECEIVED_AT_MS}","checksum":0,"seqId":541,"prevSeqId":301}`
const FRAME = `{"arg":${ARG},"action":"update","data":[${DATA}]}`

describe('the scanner itself reads', () => {
  test.each([
    ['what the venue sends', FRAME, 301],
    ['frames without a checksum', FRAME.replace('"checksum":0,', ''), 301],
    ['fields in another order', `{"data":[${DATA}],"action":"update","arg":${ARG}}`, 301],
    ['an update with nothing before it', FRAME.replace('"prevSeqId":301', '"prevSeqId":-1'), -1],
  ])('%s', (_, text, previous) => {
    const levels = new Levels()
    const delta = scanBooks(bytesOf(text), levels)
    expect(delta).toMatchObject({
      type: 'delta',
      symbol: 'BTC-USDT',
      last: 541,
      previous,
      exchangeTimeMs: RECEIVED_AT_MS,
    })
    expect(rowsOf(levels, delta!)).toEqual(['ask 71235.6 0', 'ask 71235.9 4.25', 'bid 71234.5 0.3'])
    expectAgreement(bytesOf(text))
  })

  test('snapshots', () => {
    const text = FRAME.replace('"update"', '"snapshot"').replace('"prevSeqId":301', '"prevSeqId":-1')
    expect(scanBooks(bytesOf(text), new Levels())).toMatchObject({
      type: 'snapshot',
      last: 541,
      whole: false,
      to: 3,
    })
    expectAgreement(bytesOf(text))
  })
})

describe('what the scanner does not know its way about in, it leaves to the contract', () => {
  test.each([
    ['a checksum', FRAME.replace('"checksum":0', '"checksum":-914047754')],
    ['no numbers', FRAME.replace(',"seqId":541,"prevSeqId":301', '')],
    ['another number below zero', FRAME.replace('"prevSeqId":301', '"prevSeqId":-12')],
    ['bids before asks', FRAME.replace(/"asks":(.*),"bids":(.*),"ts"/, '"bids":$2,"asks":$1,"ts"')],
    ['two books', FRAME.replace(`[${DATA}]`, `[${DATA},${DATA}]`)],
    ['no book', FRAME.replace(`[${DATA}]`, '[]')],
    ['another channel', FRAME.replace('"books"', '"books5"')],
    ['another action', FRAME.replace('"update"', '"upgrade"')],
    ['a field twice', FRAME.replace('"seqId":541', '"seqId":541,"seqId":541')],
    ['a field nobody knows', FRAME.replace('"seqId":541', '"seqId":541,"more":[]')],
    ['no time', FRAME.replace(/"ts":"\d+",/, '')],
    ['a bare time', FRAME.replace(/"ts":"(\d+)"/, '"ts":$1')],
    ['a time long ago', FRAME.replace(/"ts":"\d+"/, '"ts":"5"')],
    ['an exponent', FRAME.replace('"seqId":541', '"seqId":5e2')],
    ['a price of 0', FRAME.replace('"71235.6"', '"0"')],
    ['a short row', FRAME.replace('["71235.6","0","0","0"]', '["71235.6","0"]')],
    ['words in a row', FRAME.replace('"0.30","0","1"', '"0.30","0","one"')],
    ['spaces', FRAME.replaceAll(',', ', ')],
    ['bytes behind the end', `${FRAME}}`],
    ['an end too early', FRAME.slice(0, -1)],
    ['nothing', ''],
  ])('%s', (_, text) => {
    const levels = new Levels()
    expect(scanBooks(bytesOf(text), levels)).toBeUndefined()
    expect(levels.length).toBe(0)
    expectAgreement(bytesOf(text))
  })
})

describe('scanner and contract agree', () => {
  test('on every book and every change', () => {
    fc.assert(
      fc.property(push, (text) => {
        expectAgreement(bytesOf(text))
      }),
      { numRuns: 1_000 },
    )
  })

  test('on all of them spoiled by cuts, flips, copies and insertions', () => {
    fc.assert(
      fc.property(push, fc.array(damage, { minLength: 1, maxLength: 3 }), (text, damages) => {
        expectAgreement(damages.reduce(spoiled, bytesOf(text)))
      }),
      { numRuns: 5_000 },
    )
  })
})

test('no frame, however spoiled, makes the parser throw', () => {
  const frames = readdirSync('fixtures/okx')
    .filter((name) => name.startsWith('ws-') && !name.includes('.expected.'))
    .map((name) => readFileSync(`fixtures/okx/${name}`))
  fc.assert(
    fc.property(
      fc.constantFrom(...frames),
      fc.array(damage, { minLength: 1, maxLength: 4 }),
      (frame, damages) => {
        const about = { receivedAtMs: RECEIVED_AT_MS, levels: new Levels() }
        expect(Array.isArray(parseFrame(damages.reduce<Uint8Array>(spoiled, frame), about))).toBe(true)
      },
    ),
    { numRuns: 5_000 },
  )
})

const side = fc
  .array(fc.tuple(decimal, decimal, fc.nat(99)), { maxLength: 4 })
  .map((rows) => `[${rows.map(([price, size, orders]) => `["${price}","${size}","0","${orders}"]`).join()}]`)
const push = fc
  .record({
    asks: side,
    bids: side,
    seqId: fc.oneof(fc.nat(1_000), fc.maxSafeNat()),
    prevSeqId: fc.oneof(fc.constant(-1), fc.maxSafeNat()),
    checksum: fc.constantFrom('', '"checksum":0,', '"checksum":-7,'),
    action: fc.constantFrom('snapshot', 'update'),
    symbol: fc.constantFrom('BTC-USDT', 'BTC-USD-261225', 'é-B'),
  })
  .map(
    ({ asks, bids, seqId, prevSeqId, checksum, action, symbol }) =>
      `{"arg":{"channel":"books","instId":"${symbol}"},"action":"${action}","data":[{"asks":${asks},"bids":${bids},` +
      `"ts":"${RECEIVED_AT_MS}",${checksum}"seqId":${seqId},"prevSeqId":${prevSeqId}}]}`,
  )

/** What the scanner says yes to, the contract reads in the same way. */
function expectAgreement(frame: Uint8Array): void {
  const [scanned, read] = [new Levels(), new Levels()]
  const event = scanBooks(frame, scanned)
  const events = readFrame(frame, { receivedAtMs: RECEIVED_AT_MS, levels: read })
  if (event !== undefined) expect(comparable([event], scanned)).toEqual(comparable(events, read))
  else expect(scanned.length).toBe(0)
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
