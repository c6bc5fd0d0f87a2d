import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DAY_MS,
  formatDuration,
  HOUR_MS,
  isoTime,
  MINUTE_MS,
  parseDuration,
  parseIsoTime,
  SECOND_MS,
  windowStart,
} from '../../src/models/time.ts'

describe('an ISO 8601 time in UTC', () => {
  test.each([
    ['2026-11-20T14:35:00Z', '2026-11-20T14:35:00.000Z'],
    ['2026-11-20T14:35:00+00:00', '2026-11-20T14:35:00.000Z'],
    ['2026-11-20T14:35:00.1Z', '2026-11-20T14:35:00.100Z'],
    ['2026-11-20T14:35:00.019204671Z', '2026-11-20T14:35:00.019Z'], // cut, not rounded
    ['2026-11-20T23:59:59.999999999Z', '2026-11-20T23:59:59.999Z'],
    ['2028-02-29T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00.000000Z', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
  ])('%s is %s', (text, iso) => {
    expect(isoTime(parseIsoTime(text)!)).toBe(iso)
  })

  const no = ['', 'now', '2026-11-20', '2026-11-20T14:35Z', '2026-11-20 14:35:00Z', '2026-11-20T14:35:00']
  no.push('2026-11-20T14:35:00+01:00', '2026-11-20T14:35:00z', '2026-02-30T00:00:00Z', '2026-02-29T00:00:00Z')
  no.push('2026-13-01T00:00:00Z', '2026-11-20T24:00:00Z', '2026-11-20T14:60:00Z', '2026-11-20T14:35:00.Z')
  no.push(
    '2026-11-20T14:35:00.0123456789Z',
    '+002026-11-20T14:35:00Z',
    '2026-11-20T14:35:00Z\n',
    '1795185300000',
  )
  test.each(no)('"%s" is none', (text) => {
    expect(parseIsoTime(text)).toBeUndefined()
  })

  test('what is written is read again', () => {
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(1970), max: Date.UTC(9999) }), (timeMs) => {
        expect(parseIsoTime(isoTime(timeMs))).toBe(timeMs)
      }),
    )
  })
})

describe('windows', () => {
  test.each([
    ['2026-11-20T14:34:59.999Z', 5 * MINUTE_MS, '2026-11-20T14:30:00.000Z'],
    ['2026-11-20T14:35:00.000Z', 5 * MINUTE_MS, '2026-11-20T14:35:00.000Z'],
    ['2026-11-20T14:35:00.001Z', HOUR_MS, '2026-11-20T14:00:00.000Z'],
    ['2026-11-20T14:35:00.001Z', DAY_MS, '2026-11-20T00:00:00.000Z'],
    ['1969-12-31T23:59:59.999Z', SECOND_MS, '1969-12-31T23:59:59.000Z'],
  ])('%s lies in the window of %d ms that begins at %s', (time, lengthMs, start) => {
    expect(isoTime(windowStart(parseIsoTime(time)!, lengthMs))).toBe(start)
  })

  test('every moment lies in exactly one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1e13, max: 1e13 }),
        fc.integer({ min: 1, max: DAY_MS }),
        (timeMs, lengthMs) => {
          const startMs = windowStart(timeMs, lengthMs)
          expect(startMs).toBeLessThanOrEqual(timeMs)
          expect(startMs + lengthMs).toBeGreaterThan(timeMs)
          expect(Math.abs(startMs % lengthMs)).toBe(0)
        },
      ),
    )
  })
})

describe('durations', () => {
  test.each([
    ['500ms', 500, '500ms'],
    ['30s', 30_000, '30s'],
    ['5m', 300_000, '5m'],
    ['90s', 90_000, '90s'],
    ['120s', 120_000, '2m'],
    ['24h', DAY_MS, '1d'],
    [' 7d ', 7 * DAY_MS, '7d'],
    ['0s', 0, '0ms'],
  ])('"%s" is %d ms, at its shortest %s', (text, durationMs, shortest) => {
    expect(parseDuration(text)).toBe(durationMs)
    expect(formatDuration(durationMs)).toBe(shortest)
  })

  test.each(['', '5', 'm', '5 m', '-5m', '1.5h', '5M', '5min', '1h30m', '1e3s', '9999999999s'])(
    '"%s" is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined()
    },
  )

  test('what is written is read again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999 }), (durationMs) => {
        expect(parseDuration(formatDuration(durationMs))).toBe(durationMs)
      }),
    )
  })
})
