import { describe, expect, test } from 'vitest'
import { WAITING_ROWS_MAX, WaitingChanges } from '../../../src/ingest/books/waiting-changes.ts'
import type { BookRules } from '../../../src/ingest/venue.ts'
import { deltaOf, RULES, snapshotOf } from '../book-rig.ts'

describe('changes that wait, and what a snapshot leaves of them', () => {
  const rows: [string, string, number, string | undefined][] = [
    ['nothing waits', '', 10, ''],
    ['it is just before the first', '11 12 13', 10, '11 12 13'],
    ['it is among them', '11 12 13', 12, '13'],
    ['it is within one of them', '9-11 12', 10, '9-11 12'],
    ['it is behind all of them', '11 12', 15, ''],
    ['it is too old', '12 13', 10, undefined],
  ]
  test.each(rows)('%s', (_, waiting, number, left) => {
    expect(leftOf(waiting, number, RULES.byRange)).toBe(left)
  })

  test('a rule of its own for the first change behind a snapshot counts', () => {
    expect(leftOf('9-11 12', 10, RULES.byLink)).toBeUndefined()
    expect(leftOf('9-11 12', 10, RULES.byLinkBoth)).toBe('9-11 12')
  })
})

test('what waits keeps its rows, whatever becomes of those it came with', () => {
  const waiting = new WaitingChanges()
  const { event, levels } = deltaOf(['11', 'b100=1', 'b99.5=2', 'a101=0'])
  expect(waiting.add({ ...event, from: 1, to: 3 }, levels)).toBe(true)
  levels.reset()
  levels.add('bid', '7', '7')
  const [only] = waiting.after(snapshotOf(['10', 'b1=1', 'a2=1']).event, RULES.byRange)!
  expect(only!.event).toMatchObject({ from: 0, to: 2 })
  expect([0, 1].map((row) => only!.levels.text(row))).toEqual([
    ['99.5', '2'],
    ['101', '0'],
  ])
})

test('when there is no room the latest stays, and a snapshot from before it does not fit', () => {
  const waiting = new WaitingChanges()
  const { event, levels } = deltaOf(['11', 'b100=1'])
  const half = { ...event, from: 0, to: WAITING_ROWS_MAX / 2 }
  expect(waiting.add(half, levels)).toBe(true)
  expect(waiting.add({ ...half, first: 12, last: 12 }, levels)).toBe(true)
  expect(waiting.add({ ...event, first: 13, last: 13 }, levels)).toBe(false)
  expect([waiting.length, waiting.last]).toEqual([1, 13])
  expect(waiting.after(snapshotOf(['11', 'b1=1', 'a2=1']).event, RULES.byRange)).toBeUndefined()
  expect(waiting.after(snapshotOf(['12', 'b1=1', 'a2=1']).event, RULES.byRange)).toHaveLength(1)
})

/** Numbers of what a snapshot of this number leaves of what waits; undefined where it does not fit. */
function leftOf(script: string, number: number, rules: BookRules): string | undefined {
  const waiting = new WaitingChanges()
  for (const numbers of script.split(' ').filter((text) => text !== '')) {
    const { event, levels } = deltaOf([numbers, 'b100=1'])
    waiting.add(event, levels)
  }
  const left = waiting.after(snapshotOf([String(number), 'b1=1', 'a2=1']).event, rules)
  return left
    ?.map(({ event: { first, last } }) => (first === last ? String(first) : `${first}-${last}`))
    .join(' ')
}
