import { describe, expect, test } from 'vitest'
import { parseRange } from '../../src/commands/tail-range.ts'

const NOW_MS = Date.UTC(2026, 10, 21, 12)
const TEN = Date.UTC(2026, 10, 21, 10)

describe('a range of offsets', () => {
  const cases: [string, string][] = [
    ['start', 'start+0'],
    ['end', 'end-0'],
    ['+5', 'start+5'],
    ['-10', 'end-10'],
    ['12345', '12345'],
    ['12345:', '12345'],
    ['0', '0'],
    ['1795212960123', '1795212960123'],
    [':end', 'start+0 to end-0'],
    ['-10:end', 'end-10 to end-0'],
    ['+5:100', 'start+5 to 100'],
    [':200', 'start+0 to 200'],
    ['100:200', '100 to 200'],
  ]
  test.each(cases)('%s reads %s', (text, shown) => {
    expect(show(text)).toBe(shown)
  })
})

describe('a range of times', () => {
  const cases: [string, string][] = [
    ['@2026-11-21T10:00:00Z', '10:00:00.000'],
    ['@2026-11-21T10:00:00.250Z', '10:00:00.250'],
    ['@2026-11-21T10:00:00+00:00', '10:00:00.000'],
    ['@2026-11-21', '00:00:00.000'],
    ['@2026-11-21:', '00:00:00.000'],
    ['@-5m', '11:55:00.000'],
    ['@5m', '11:55:00.000'],
    ['@-1h30m', '10:30:00.000'],
    [`@${TEN / 1_000}`, '10:00:00.000'],
    [`@${TEN}`, '10:00:00.000'],
    [`@${TEN}000`, '10:00:00.000'],
    [`@${TEN}000000`, '10:00:00.000'],
    [`@${TEN}:end`, '10:00:00.000 to end-0'],
    ['@2026-11-21T10:00:00Z:2026-11-21T11:00:00Z', '10:00:00.000 to 11:00:00.000'],
    ['@2026-11-21T10:00:00Z:1h', '10:00:00.000 to 11:00:00.000'],
    ['@-2h:-1h', '10:00:00.000 to 11:00:00.000'],
    ['@:-1h', 'start+0 to 11:00:00.000'],
  ]
  test.each(cases)('%s reads %s', (text, shown) => {
    expect(show(text)).toBe(shown)
  })
})

describe('no range is', () => {
  test.each([
    [''],
    [':'],
    ['@'],
    ['@:'],
    ['ends'],
    ['5+'],
    ['--5'],
    ['1.5'],
    ['100-200'],
    [':+5'],
    ['1234567890123456'],
    ['@yesterday'],
    ['@2026-02-30'],
    ['@2026-11-21T25:00:00Z'],
    ['@2026-11-21T10:00:00'],
    ['@123'],
    ['@123456789012'],
    ['@-5'],
    ['@5y'],
    ['@:1h'],
    ['@end'],
  ])('%j, and the forms are said', (text) => {
    expect(() => parseRange(text, NOW_MS)).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: expect.stringContaining('expected start, end, 12345'),
      }),
    )
  })

  test('one that ends in the future, since nobody knows its last offset', () => {
    expect(() => parseRange('@-5m:1h', NOW_MS)).toThrow('ends in the future')
  })
})

type Place = ReturnType<typeof parseRange>['from']

/** `start+5 to 11:55:00.000` */
function show(text: string): string {
  const { from, until } = parseRange(text, NOW_MS)
  return until === undefined ? showPlace(from) : `${showPlace(from)} to ${showPlace(until)}`
}

function showPlace(place: Place): string {
  switch (place.kind) {
    case 'start':
      return `start+${place.plus}`
    case 'end':
      return `end-${place.minus}`
    case 'offset':
      return String(place.offset)
    case 'time':
      return new Date(place.timeMs).toISOString().slice(11, -1)
  }
}
