import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { firstCounts, placed } from '../../../src/broker/spool/placing.ts'
import type { SpooledRecord } from '../../../src/broker/spool/segment.ts'

const TOPIC = 'books.coinbase'

function record(about: Partial<SpooledRecord> = {}): SpooledRecord {
  return { topic: TOPIC, partition: 0, key: 'BTC-USD', run: 'r', n: 1, value: '{}', ...about }
}

/** `<partition>:<run>` of each place it goes to. */
function places(about: Partial<SpooledRecord>, count: number): string[] {
  return placed(record(about), new Map([[TOPIC, count]])).map(({ partition, run }) => `${partition}:${run}`)
}

const belongs = (count: number) => crc32('BTC-USD') % count

describe('a record', () => {
  test('goes where it was numbered for, where that was known', () => {
    expect(places({ partition: 1 }, 2)).toEqual(['1:r'])
    expect(places({ partition: 1 }, 5)).toEqual(['1:r'])
  })

  test('goes where it was numbered for, where the assumption was right', () => {
    expect(places({ partition: 1, assumedPartitions: 2 }, 2)).toEqual(['1:r'])
  })

  test('with a key goes where the key belongs, as of a run of its old partition, where it was wrong', () => {
    expect(places({ partition: 1, assumedPartitions: 2 }, 7)).toEqual([`${belongs(7)}:r/1`])
  })

  test('of a partition that is no more goes where the key belongs', () => {
    expect(places({ partition: 4 }, 3)).toEqual([`${belongs(3)}:r/4`])
  })

  test('without a key, a mark, goes to every partition', () => {
    expect(places({ partition: 1, key: null, assumedPartitions: 2 }, 3)).toEqual(['0:r/1', '1:r/1', '2:r/1'])
  })

  test('of a topic that the far side does not tell of goes as it is', () => {
    expect(placed(record({ partition: 3, assumedPartitions: 4 }), new Map())).toEqual([
      record({ partition: 3 }),
    ])
  })

  test('keeps its value, its n and its headers', () => {
    const headers = { a: '1' }
    const [moved] = placed(record({ n: 9, headers, assumedPartitions: 2 }), new Map([[TOPIC, 3]]))
    expect(moved).toEqual({ ...record({ n: 9, headers }), partition: belongs(3), run: 'r/0' })
  })
})

test('however partitions change, each run ascends in every partition, and none of a key is left out', () => {
  const keys = ['A-USD', 'B-USD', 'C-USD', 'D-USD', null]
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.constantFrom(...keys), { maxLength: 60 }),
      (assumed, actual, said) => {
        const counts = new Map<number, number>()
        const sent = said.map((key, i) => {
          const partition = key === null ? i % assumed : crc32(key) % assumed
          const n = (counts.get(partition) ?? 0) + 1
          counts.set(partition, n)
          return record({ key, partition, n, assumedPartitions: assumed, value: `${i}` })
        })
        const arrived = sent.flatMap((each) => placed(each, new Map([[TOPIC, actual]])))
        const lastN = new Map<string, number>()
        for (const { partition, run, n, key } of arrived) {
          expect(n).toBeGreaterThan(lastN.get(`${partition} ${run}`) ?? 0)
          lastN.set(`${partition} ${run}`, n)
          expect(partition).toBeLessThan(actual)
          if (key !== null) expect(partition).toBe(crc32(key) % actual)
        }
        const keyed = (all: readonly { key: string | null; value: string }[]) =>
          all.flatMap(({ key, value }) => (key === null ? [] : [value]))
        expect(keyed(arrived)).toEqual(keyed(sent))
      },
    ),
  )
})

describe('the counts to place by', () => {
  const counts = (text: string) => new Map(text.split(' ').map((each) => [each[0]!, Number(each.slice(1))]))
  test.each([
    ['a2', 'a4', 'a2', 'partitions that are added are left to later runs'],
    ['a4', 'a2', 'a2', 'partitions that are gone are gone'],
    ['a2', 'a2 b3', 'a2 b3', 'topics may come later'],
  ])('%s known, %s told: %s (%s)', (known, told, becomes) => {
    expect(firstCounts(counts(known), counts(told))).toEqual(counts(becomes))
  })
})
