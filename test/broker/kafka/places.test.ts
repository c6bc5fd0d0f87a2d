import { expect, test } from 'vitest'
import { judge, placeAt } from '../../../src/broker/kafka/places.ts'

const TP = { topic: 'books.coinbase', partition: 0 }
const STUCK_MS = 10_000

/** At position 5; times in seconds since records of this partition, and of any, last came. */
const cases: [string, { end: number; quietS: number; allQuietS: number }, string][] = [
  ['nothing to come is fine however long it lasts', { end: 5, quietS: 3_600, allQuietS: 3_600 }, 'fine'],
  ['records that lie there may take a while', { end: 9, quietS: 9, allQuietS: 9 }, 'fine'],
  ['records that do not come for longer are stuck', { end: 9, quietS: 10, allQuietS: 10 }, 'stuck'],
  ['while others come, a partition may wait for them', { end: 9, quietS: 20, allQuietS: 1 }, 'fine'],
  ['but not for ever', { end: 9, quietS: 30, allQuietS: 1 }, 'stuck'],
  ['a log that ends before the position is looked at again', { end: 4, quietS: 3, allQuietS: 3 }, 'fine'],
]
test.each(cases)('%s', (_, { end, quietS, allQuietS }, verdict) => {
  const atMs = 1e6
  const place = placeAt(TP, 5, atMs - quietS * 1_000)
  expect(judge(place, end, { atMs, heardAtMs: atMs - allQuietS * 1_000, stuckMs: STUCK_MS })).toBe(verdict)
})

test('a log that was twice seen to end before the position has lost its end', () => {
  const place = placeAt(TP, 5, 0)
  const look = { atMs: 3_000, heardAtMs: 0, stuckMs: STUCK_MS }
  expect([judge(place, 4, look), judge(place, 4, look)]).toEqual(['fine', 'lost'])
})

test('a new leader that did not know yet how far the log goes has lost nothing', () => {
  const place = placeAt(TP, 5, 0)
  const look = { atMs: 3_000, heardAtMs: 0, stuckMs: STUCK_MS }
  expect([4, 5, 4].map((end) => judge(place, end, look))).toEqual(['fine', 'fine', 'fine'])
})

test('the time in which nothing was there does not count', () => {
  const place = placeAt(TP, 5, 0)
  judge(place, 5, { atMs: 50_000, heardAtMs: 0, stuckMs: STUCK_MS })
  expect(judge(place, 9, { atMs: 52_000, heardAtMs: 0, stuckMs: STUCK_MS })).toBe('fine')
})
