import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coinbaseAdvanced } from '../../../src/ingest/coinbase/advanced.ts'
import { BookEvent, readFrame } from '../../../src/ingest/coinbase/advanced-frames.ts'
import { scanFrame } from '../../../src/ingest/coinbase/advanced-scan.ts'
import { describeRecorded, recordedFile } from '../recorded.ts'
import { damaged, damages, oddNumber, oddTime, price, read, size, symbol, time } from './made.ts'

describe('the fast way says what the contract says', () => {
  test('of every right frame, and knows all that are spelled as the venue spells them', () => {
    fc.assert(
      fc.property(frames, (text) => {
        expect(read(scanFrame, text)).toEqual(read(readFrame, text))
      }),
      { numRuns: 1_000 },
    )
  })

  test('or nothing, of frames with numbers, sides, times and names of every kind', () => {
    fc.assert(
      fc.property(oddFrames, (text) => expectAgreement(Buffer.from(text))),
      { numRuns: 2_000 },
    )
  })

  test('or nothing, of frames that are cut, flipped, doubled or written into', () => {
    fc.assert(
      fc.property(fc.oneof(frames, oddFrames), damages, (text, damage) => {
        expectAgreement(damaged(Buffer.from(text), damage))
      }),
      { numRuns: 2_000 },
    )
  })
})

test('an event of a book is used if and only if its schema says yes', () => {
  fc.assert(
    fc.property(fc.oneof(frames, oddFrames), (text) => {
      const { events } = JSON.parse(text) as { events: unknown[] }
      const isRight = events.every((event) => BookEvent.safeParse(event).success)
      const said = JSON.stringify(read(readFrame, text))
      expect(!said.includes('"rejected"') || said.includes('future-time')).toBe(isRight)
    }),
    { numRuns: 1_000 },
  )
})

describeRecorded('coinbase/advanced_trade_shapes', () => {
  test('no frame, however it is spoiled, is more than one that cannot be used', () => {
    const shapes = ['l2_data_snapshot', 'l2_data_update', 'subscriptions', 'heartbeats', 'ticker'].map(
      (name) => recordedFile(`coinbase/advanced_trade_shapes/ws_${name}.json`),
    )
    const compact = shapes.map((bytes) => Buffer.from(JSON.stringify(JSON.parse(bytes.toString()))))
    fc.assert(
      fc.property(fc.constantFrom(...shapes, ...compact), damages, (frame, damage) => {
        expectAgreement(damaged(frame, damage))
        expect(read(coinbaseAdvanced.parseFrame, damaged(frame, damage))!.length).toBeGreaterThan(0)
      }),
      { numRuns: 2_000 },
    )
  })
})

function expectAgreement(frame: Uint8Array): void {
  const byContract = read(readFrame, frame)
  expect(read(scanFrame, frame) ?? byContract).toEqual(byContract)
}

const update = fc
  .tuple(fc.constantFrom('bid', 'offer'), time, price, size)
  .map(([side, event_time, price_level, new_quantity]) => ({ side, event_time, price_level, new_quantity }))
const event = fc
  .tuple(fc.constantFrom('snapshot', 'update'), symbol, fc.array(update, { minLength: 1, maxLength: 5 }))
  .map(([type, product_id, updates]) => ({ type, product_id, updates }))
const frames = fc
  .tuple(fc.boolean(), fc.array(event, { minLength: 1, maxLength: 3 }), fc.nat())
  .map(([isNamed, events, sequence_num]) => {
    const head = { channel: 'l2_data', ...(isNamed && { client_id: '' }), timestamp: '2026-11-20T14:31:10Z' }
    return JSON.stringify({ ...head, sequence_num, events })
  })

const oddUpdate = fc
  .tuple(fc.constantFrom('bid', 'offer', 'ask', ''), oddTime, oddNumber, oddNumber)
  .map(([side, event_time, price_level, new_quantity]) => ({ side, event_time, price_level, new_quantity }))
const oddEvent = fc
  .tuple(
    fc.constantFrom('snapshot', 'update', 'updates'),
    fc.array(fc.oneof(oddUpdate, fc.constantFrom(null, [], 1))),
  )
  .map(([type, updates]) => ({ type, product_id: 'BTC-USD', updates }))
const oddFrames = fc
  .array(fc.oneof(oddEvent, fc.constantFrom(null, {}, 'x')), { maxLength: 2 })
  .map((events) => JSON.stringify({ channel: 'l2_data', timestamp: 'x', sequence_num: 1, events }))
