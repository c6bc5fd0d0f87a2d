import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countOf, type IdRange, overlapsAny, without } from '../../../src/ingest/streaming/id-ranges.ts'

describe('numbers that are missing, and what is left of them', () => {
  const rows: [string, string, string][] = [
    ['5-9', '5-5', '6-9'],
    ['5-9', '9-9', '5-8'],
    ['5-9', '7-7', '5-6 8-9'],
    ['5-9', '6-8', '5-5 9-9'],
    ['5-9', '1-20', ''],
    ['5-9', '1-4', '5-9'],
    ['5-9', '10-12', '5-9'],
    ['1-3 5-9 20-20', '3-20', '1-2'],
    ['', '1-1', ''],
  ]
  test.each(rows)('%s without %s: %s', (ranges, gone, left) => {
    expect(without(read(ranges), read(gone)[0]!)).toEqual(read(left))
  })
})

test('whatever is taken out of ranges: what is left are the numbers that were not, each once', () => {
  const range = fc.tuple(fc.nat(30), fc.nat(8)).map(([fromId, more]) => ({ fromId, toId: fromId + more }))
  fc.assert(
    fc.property(range, fc.array(range, { maxLength: 8 }), (whole, gone) => {
      const left = gone.reduce<IdRange[]>(without, [whole])
      const expected = numbers([whole]).filter((id) => !numbers(gone).includes(id))
      expect(numbers(left)).toEqual(expected)
      expect(countOf(left)).toBe(expected.length)
      for (const one of gone) expect(overlapsAny(left, one)).toBe(false)
    }),
  )
})

function read(text: string): IdRange[] {
  return text
    .split(' ')
    .filter((part) => part !== '')
    .map((part) => {
      const [fromId, toId] = part.split('-').map(Number) as [number, number]
      return { fromId, toId }
    })
}

function numbers(ranges: readonly IdRange[]): number[] {
  return ranges.flatMap(({ fromId, toId }) => Array.from({ length: toId - fromId + 1 }, (_, i) => fromId + i))
}
