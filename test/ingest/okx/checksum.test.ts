import { expect, test } from 'vitest'
import { Levels } from '../../../src/ingest/levels.ts'
import { openChecksum } from '../../../src/ingest/okx/checksum.ts'
import { type BookChecksum, type BookDelta, NO_NUMBER, type RawLevel } from '../../../src/ingest/venue.ts'

// Right numbers are those of Python: ctypes.c_int32(zlib.crc32(b'10:1:11:2:9.5:0.30')).value

test('the sum is of bids and asks by turns, best first, in the digits of the venue', () => {
  const checksum = openChecksum()
  const bids: RawLevel[] = [
    ['9.5', '0.30'],
    ['10', '1'],
  ]
  // 10:1:11:2:9.5:0.30:11.25:7
  expect(
    says(
      checksum,
      snapshot(
        bids,
        [
          ['11', '2'],
          ['11.25', '7'],
        ],
        SUMS.both,
      ),
    ),
  ).toBe(true)
  expect(
    says(
      checksum,
      snapshot(
        bids,
        [
          ['11', '2'],
          ['11.25', '7'],
        ],
        SUMS.both + 1,
      ),
    ),
  ).toBe(false)
  expect(
    says(
      checksum,
      snapshot(
        [['9.5', '0.3'], bids[1]!],
        [
          ['11', '2'],
          ['11.25', '7'],
        ],
        SUMS.both,
      ),
    ),
  ).toBe(false)
})

test('where one side has no more levels the other goes on alone', () => {
  // 10:1:11:2:9.5:0.30
  expect(
    says(
      openChecksum(),
      snapshot(
        [
          ['10', '1'],
          ['9.5', '0.30'],
        ],
        [['11', '2']],
        SUMS.moreBids,
      ),
    ),
  ).toBe(true)
})

test('a change sets, removes and adds levels, and only the best 25 a side are summed', () => {
  const checksum = openChecksum()
  const asks = Array.from({ length: 30 }, (_, i): RawLevel => [`${11 + i}`, '1'])
  expect(
    says(
      checksum,
      snapshot(
        [
          ['10', '1'],
          ['9.5', '0.30'],
        ],
        asks,
        SUMS.thirtyAsks,
      ),
    ),
  ).toBe(true)
  const away: RawLevel[] = asks.map(([price]) => [price, '0'])
  expect(says(checksum, delta([], [...away, ['11', '2'], ['100', '0']], SUMS.moreBids))).toBe(true)
})

test('a book that was ever changed without one is not summed again before its next snapshot', () => {
  const checksum = openChecksum()
  const { raw: _, checksum: __, ...bare } = delta([], [], 0)
  expect(
    says(
      checksum,
      snapshot(
        [
          ['10', '1'],
          ['9.5', '0.30'],
        ],
        [['11', '2']],
        SUMS.moreBids,
      ),
    ),
  ).toBe(true)
  expect(says(checksum, bare)).toBe(true)
  expect(says(checksum, delta([], [], 1))).toBe(true)
  expect(says(checksum, snapshot([['10', '1']], [], 1))).toBe(false)
})

const SUMS = { both: -1_339_815_212, moreBids: 698_061_491, thirtyAsks: 2_046_188_364 }

function snapshot(bids: RawLevel[], asks: RawLevel[], checksum: number) {
  return { ...delta(bids, asks, checksum), type: 'snapshot' as const, whole: false }
}

function delta(bids: RawLevel[], asks: RawLevel[], checksum: number): BookDelta {
  const numbers = {
    first: NO_NUMBER,
    last: NO_NUMBER,
    previous: NO_NUMBER,
    exchangeTimeMs: null,
    from: 0,
    to: 0,
  }
  return { type: 'delta', symbol: 'A-B', ...numbers, checksum, raw: { bids, asks } }
}

function says(checksum: BookChecksum, event: Parameters<BookChecksum['holds']>[0]): boolean {
  return checksum.holds(event, new Levels())
}
