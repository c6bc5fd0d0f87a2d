import { describe, expect, test } from 'vitest'
import { backoffMs, RECONNECTING, refusalText, retryMs } from '../../../src/ingest/wire/backoff.ts'

const least = () => 0
const most = () => 1

describe('waits between attempts', () => {
  test('double from 250 ms up to 4 s', () => {
    expect([0, 1, 2, 3, 4, 5, 1_000].map((failed) => backoffMs(RECONNECTING, failed, most))).toEqual([
      250, 500, 1_000, 2_000, 4_000, 4_000, 4_000,
    ])
  })

  test('are half chance', () => {
    expect(backoffMs(RECONNECTING, 9, least)).toBe(2_000)
    expect(backoffMs(RECONNECTING, 9, () => 0.5)).toBe(3_000)
  })

  const cases: [string, number, number | undefined, number, number][] = [
    ['too much asked for', 429, undefined, 60_000, 66_000],
    ['too much asked for, and told how long', 429, 7_000, 7_000, 7_700],
    ['a ban', 418, undefined, 60_000, 66_000],
    ['a ban of three days is looked at again every hour', 418, 259_200_000, 3_600_000, 3_960_000],
    ['a place that is not served', 451, undefined, 60_000, 66_000],
    ['repairs, and told how long', 503, 30_000, 30_000, 33_000],
    ['repairs', 503, undefined, 125, 250],
    ['not allowed', 403, undefined, 125, 250],
  ]
  test.each(cases)('%s: %i, Retry-After %s', (_, status, retryAfterMs, leastMs, mostMs) => {
    const refusing = { status, ...(retryAfterMs !== undefined && { retryAfterMs }) }
    expect([retryMs(refusing, 0, least), retryMs(refusing, 0, most)]).toEqual([leastMs, mostMs])
  })
})

test('451 says what to do, other refusals what the venue said', () => {
  expect(refusalText(451, '')).toContain('does not serve this location')
  expect(refusalText(403, 'forbidden')).toBe('answered 403: forbidden')
  expect(refusalText(500, '')).toBe('answered 500')
})
