import { describe, expect, test } from 'vitest'
import { Conflation } from '../../../src/ingest/books/conflation.ts'
import { decimalOf } from '../../../src/models/decimal.ts'

describe('one book that is published for several changes', () => {
  test('says nothing of one change: the book shows that itself', () => {
    expect(play('100 101')).toBeNull()
  })

  test('names the highest bid, the lowest ask and the widest spread, each with its moment', () => {
    expect(
      play(`
        100.0 101.0
        100.5 101.5
         99.0 100.9
        100.1 100.8
      `),
    ).toEqual({
      updates: 4,
      bidMax: '100.5',
      bidMaxAtMs: 1,
      askMin: '100.8',
      askMinAtMs: 3,
      spreadMax: '1.9',
      spreadMaxBid: '99',
      spreadMaxAtMs: 2,
    })
  })

  test('of equal extremes the earliest counts, however they are written', () => {
    expect(
      play(`
        100    101
         99.5  101.0
        100.00 101
        100    101
      `),
    ).toMatchObject({ updates: 4, bidMaxAtMs: 0, askMinAtMs: 0, spreadMax: '1.5', spreadMaxAtMs: 1 })
  })

  test('counts changes that leave the best prices as they are', () => {
    expect(play('100 101 | 100 101 | 100 101')).toMatchObject({ updates: 3, bidMaxAtMs: 0, spreadMax: '1' })
  })

  test('begins anew once it has been published', () => {
    const conflation = new Conflation()
    add(conflation, '100', '101', 0)
    add(conflation, '105', '106', 1)
    conflation.reset()
    expect(conflation.updates).toBe(0)
    add(conflation, '90', '95', 2)
    add(conflation, '91', '94', 3)
    expect(conflation.since()).toMatchObject({ updates: 2, bidMax: '91', askMin: '94', spreadMax: '5' })
  })
})

describe('a book never stands for changes of two seconds', () => {
  const rows: [string, number, number, boolean][] = [
    ['within a second it waits on', 1_000, 1_999, false],
    ['the next second begins at its first millisecond', 1_999, 2_000, true],
    ['a second that was passed over is another', 1_000, 3_000, true],
    ['a clock that goes back into another second is another', 2_000, 1_999, true],
  ]
  test.each(rows)('%s', (_, firstMs, nextMs, isOther) => {
    const conflation = new Conflation()
    expect(conflation.isOfAnotherSecond(nextMs)).toBe(false)
    add(conflation, '100', '101', firstMs)
    expect(conflation.isOfAnotherSecond(nextMs)).toBe(isOther)
  })
})

/** Best bid and ask after each change, a millisecond apart. */
function play(script: string) {
  const conflation = new Conflation()
  const rows = script.split(/[|\n]/).filter((row) => row.trim() !== '')
  rows.forEach((row, ms) => {
    const [bid, ask] = row.trim().split(/\s+/) as [string, string]
    add(conflation, bid, ask, ms)
  })
  return conflation.since()
}

function add(conflation: Conflation, bid: string, ask: string, ms: number): void {
  conflation.add(decimalOf(bid), decimalOf(ask), ms)
}
