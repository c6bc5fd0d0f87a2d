import { expect, test } from 'vitest'
import { effectivePollMs, firstPollMs, nextPollMs } from '../../../src/ingest/polling/poll-schedule.ts'

const rate = { perSecond: 8, burst: 1 }

test('few products are polled as often as asked, many as often as the rate allows', () => {
  const intervals = [1, 40, 41, 800].map((products) => effectivePollMs(products, 5_000, rate))
  expect(intervals).toEqual([5_000, 5_000, 5_125, 100_000])
})

test('first polls lie evenly over the interval', () => {
  expect([0, 1, 2, 3].map((index) => firstPollMs(index, 4, 5_000))).toEqual([0, 1_250, 2_500, 3_750])
})

test('a poll keeps to its own grid, and those that a slow one has outlasted are left out', () => {
  expect(nextPollMs(1_000, 1_200, 5_000)).toBe(6_000)
  expect(nextPollMs(1_000, 6_000, 5_000)).toBe(11_000)
  expect(nextPollMs(1_000, 17_500, 5_000)).toBe(21_000)
})
