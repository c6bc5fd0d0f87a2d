import { expect, test } from 'vitest'
import { fullBucket, type Rate, takeToken } from '../../../src/ingest/wire/token-bucket.ts'

const rate: Rate = { perSecond: 8, burst: 1 }

test('requests that come together leave one by one, an eighth of a second apart', () => {
  expect(waits(rate, [0, 0, 0, 0])).toEqual([0, 125, 250, 375])
})

test('a token that was not used for a second is still only one', () => {
  expect(waits(rate, [0, 1_000, 1_000])).toEqual([0, 0, 125])
})

test('a burst may leave at once, and is then paid for', () => {
  expect(waits({ perSecond: 8, burst: 3 }, [0, 0, 0, 0, 125])).toEqual([0, 0, 0, 125, 125])
})

test('what weighs more takes more', () => {
  const { bucket } = takeToken(
    fullBucket({ perSecond: 10, burst: 30 }, 0),
    0,
    { perSecond: 10, burst: 30 },
    25,
  )
  expect(takeToken(bucket, 0, { perSecond: 10, burst: 30 }, 10).waitMs).toBe(500)
})

test('who comes later waits behind those who are waiting', () => {
  expect(waits(rate, [0, 0, 50, 100])).toEqual([0, 125, 200, 275])
})

test('whoever asks and when, no second sees more than nine requests leave', () => {
  const asks = Array.from({ length: 400 }, (_, i) => Math.floor(i / 7) * 311)
  const leaves = waits(rate, asks).map((waitMs, i) => waitMs + asks[i]!)
  const busiest = Math.max(
    ...leaves.map((from) => leaves.filter((at) => at >= from && at < from + 1_000).length),
  )
  expect(busiest).toBeLessThanOrEqual(9)
})

/** How long each taker waits, by the moments at which they ask. */
function waits(of: Rate, asks: readonly number[]): number[] {
  let bucket = fullBucket(of, 0)
  return asks.map((nowMs) => {
    const taken = takeToken(bucket, nowMs, of)
    bucket = taken.bucket
    return taken.waitMs
  })
}
