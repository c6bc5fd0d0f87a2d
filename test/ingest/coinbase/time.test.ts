import fc from 'fast-check'
import { expect, test } from 'vitest'
import { scanTimeMs } from '../../../src/ingest/coinbase/time.ts'
import { parseIsoTime } from '../../../src/models/time.ts'

test.each([
  ['2026-11-20T14:31:10Z', '2026-11-20T14:31:10.000Z'],
  ['2026-11-20T14:31:10.1Z', '2026-11-20T14:31:10.100Z'],
  ['2026-11-20T14:31:10.999999999Z', '2026-11-20T14:31:10.999Z'],
  ['0001-01-01T00:00:00.000000Z', '0001-01-01T00:00:00.000Z'],
  ['2028-02-29T23:59:59.5Z', '2028-02-29T23:59:59.500Z'],
])('%s is read', (text, expected) => {
  expect(scanned(text)).toBe(parseIsoTime(expected))
})

test.each([
  '2026-02-30T00:00:00Z',
  '2026-11-20T24:00:00Z',
  '2026-11-20T14:60:00Z',
  '2026-11-20T14:31:60Z',
  '2026-11-20T14:31:10.Z',
  '2026-11-20T14:31:10.1234567890Z',
  '2026-11-20T14:31:10+00:00',
  '2026-11-20 14:31:10Z',
  '2026-11-20T14:31:1xZ',
  '',
])('%s is left to the slow way', (text) => {
  expect(scanned(text)).toBeUndefined()
})

test('what is read is what the slow way reads, whatever day was read before', () => {
  const day = fc.constantFrom(
    '2026-11-20',
    '2026-11-21',
    '1969-12-31',
    '2026-13-01',
    '2026-1!-01',
    '0001-01-01',
  )
  const clock = fc.stringMatching(/^[0-2][0-9]:[0-6][0-9]:[0-6][0-9](?:\.[0-9]{1,10})?$/)
  const texts = fc.array(
    fc.tuple(day, clock).map((parts) => `${parts.join('T')}Z`),
    { minLength: 3 },
  )
  fc.assert(
    fc.property(texts, (all) => {
      for (const text of all) expect(scanned(text)).toBe(parseIsoTime(text))
    }),
    { numRuns: 2_000 },
  )
})

/** Read from the middle of a larger buffer. */
function scanned(text: string): number | undefined {
  return scanTimeMs(Buffer.from(`"${text}"`), 1, 1 + text.length)
}
