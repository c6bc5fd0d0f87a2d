import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coinbaseExchange } from '../../../src/ingest/coinbase/exchange.ts'
import { L2Update, readFrame, Snapshot } from '../../../src/ingest/coinbase/exchange-frames.ts'
import { scanFrame } from '../../../src/ingest/coinbase/exchange-scan.ts'
import type { WireEvent } from '../../../src/ingest/venue.ts'
import { describeRecorded, recordedFrames } from '../recorded.ts'
import { damaged, damages, oddNumber, oddTime, price, read, size, symbol, time } from './made.ts'
import { RECORDING } from './replay.ts'

describe('the fast way says what the contract says', () => {
  test('of every right frame, and knows all that are spelled as the venue spells them', () => {
    fc.assert(
      fc.property(fc.oneof(updates, snapshots), (text) => {
        expect(read(scanFrame, text)).toEqual(read(readFrame, text))
      }),
      { numRuns: 2_000 },
    )
  })

  test('or nothing, of frames with numbers, sides, times and names of every kind', () => {
    fc.assert(
      fc.property(oddFrames, (text) => expectAgreement(Buffer.from(text))),
      { numRuns: 5_000 },
    )
  })

  test('or nothing, of frames that are cut, flipped, doubled or written into', () => {
    fc.assert(
      fc.property(fc.oneof(updates, snapshots, oddFrames), damages, (text, damage) => {
        expectAgreement(damaged(Buffer.from(text), damage))
      }),
      { numRuns: 5_000 },
    )
  })

  test('of bytes in the middle of a larger buffer as if they stood alone', () => {
    const text = frameText({ changes: '[["buy","64930.57","0.5"]]' })
    const around = Buffer.from(`{}${text}}]`)
    expect(read(scanFrame, around.subarray(2, around.length - 2))).toEqual(read(readFrame, text))
    expect(read(scanFrame, new Uint8Array(Buffer.from(text)))).toEqual(read(readFrame, text))
  })

  test('and leaves to it what it does not know its way about in', () => {
    const row = '["buy","64930.57","0.5"]'
    expect(read(scanFrame, frameText({ changes: `[${row}]` }))).toBeDefined()
    expect(read(scanFrame, frameText({ changes: `[ ${row}]` }))).toBeUndefined()
    expect(read(scanFrame, frameText({ changes: `[${row}]`, symbol: 'B\\u0054C-USD' }))).toBeUndefined()
    expect(read(scanFrame, frameText({ changes: `[${row}]`, more: ',"sequence":1' }))).toBeUndefined()
    expect(read(readFrame, frameText({ changes: `[${row}]`, more: ',"sequence":1' }))).toMatchObject([
      { type: 'delta' },
    ])
  })
})

describe('the contract is the schemas', () => {
  test('a frame of books is used if and only if they say yes', () => {
    fc.assert(
      fc.property(fc.oneof(updates, snapshots, oddFrames), (text) => {
        const json = JSON.parse(text) as { type: string }
        const schema = json.type === 'snapshot' ? Snapshot : L2Update
        const isUsed = read(readFrame, text)!.every((event) => (event as WireEvent).type !== 'rejected')
        const isLate = JSON.stringify(read(readFrame, text)).includes('future-time')
        expect(isUsed || isLate).toBe(schema.safeParse(json).success)
      }),
      { numRuns: 2_000 },
    )
  })
})

describeRecorded(RECORDING, () => {
  test('no frame, however it is spoiled, is more than one that cannot be used', () => {
    const frames = recordedFrames(RECORDING).map(({ bytes }) => bytes)
    // Of the few snapshots one each, and the same number of everything else.
    const some = [...frames.filter(({ length }) => length > 4_096), ...frames.slice(-2_000)]
    fc.assert(
      fc.property(fc.constantFrom(...some), damages, (frame, damage) =>
        expectAgreement(damaged(frame, damage)),
      ),
      { numRuns: 2_000 },
    )
  })
})

function expectAgreement(frame: Uint8Array): void {
  const byContract = read(readFrame, frame)
  expect(read(scanFrame, frame) ?? byContract).toEqual(byContract)
  expect(read(coinbaseExchange.parseFrame, frame)).toEqual(byContract)
}

function frameText(parts: { changes: string; symbol?: string; time?: string; more?: string }): string {
  const { changes, symbol = 'BTC-USD', time = '2026-11-20T14:31:10.123456Z', more = '' } = parts
  return `{"type":"l2update","product_id":"${symbol}","changes":${changes},"time":"${time}"${more}}`
}

const change = fc.tuple(fc.constantFrom('buy', 'sell'), price, size)
const updates = fc
  .tuple(symbol, fc.array(change, { maxLength: 6 }), time)
  .map(([product, changes, at]) => frameText({ symbol: product, changes: JSON.stringify(changes), time: at }))

const side = fc.array(fc.tuple(price, size), { maxLength: 6 }).map((rows) => JSON.stringify(rows))
const snapshots = fc
  .tuple(symbol, side, side, fc.boolean(), fc.option(time))
  .map(([product, bids, asks, bidsFirst, at]) => {
    const sides = bidsFirst ? `"bids":${bids},"asks":${asks}` : `"asks":${asks},"bids":${bids}`
    const rest = at === null ? '' : `,"time":"${at}"`
    return `{"type":"snapshot","product_id":"${product}",${sides}${rest}}`
  })

/** Valid JSON of the right outline, in which anything may be amiss. */
const oddChange = fc.tuple(fc.constantFrom('buy', 'sell', 'bid', 'Buy', ''), oddNumber, oddNumber)
const oddRow = fc.oneof(
  oddChange,
  oddChange.map((row) => row.slice(1)),
  fc.constantFrom(null, [], {}, ['buy', '1', '1', '1']),
)
const oddFrames = fc
  .tuple(
    fc.constantFrom('l2update', 'snapshot'),
    fc.constantFrom('BTC-USD', '', 'é', 'x'.repeat(65)),
    fc.array(oddRow),
    oddTime,
  )
  .map(([type, product_id, rows, at]) => {
    const levels = type === 'snapshot' ? { asks: rows, bids: rows } : { changes: rows }
    return JSON.stringify({ type, product_id, ...levels, ...(at !== '' && { time: at }) })
  })
