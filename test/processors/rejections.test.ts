import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keepOriginal, type Rejection, type Resent } from '../../src/models/rejection.ts'
import { rejections } from '../../src/processors/rejections.ts'
import { holdsInAnyOrder, merged, START_MS } from './play.ts'

const rejection: Rejection = {
  type: 'rejection',
  id: 'r1-4',
  kind: 'wrong-shape',
  path: 'bids[3][1]',
  message: 'expected a number above zero',
  venue: 'coinbase',
  source: 'mock',
  product: 'BTC-USD',
  receivedAtMs: START_MS,
  original: keepOriginal(Buffer.from('{"bids":[["1","0",1]]}')),
}
const resent = (atMs: number): Resent => ({ type: 'resent', id: 'r1-4', atMs })

describe('rejections', () => {
  test('a rejection is kept whole, with the length of what was received', () => {
    const row = merged(rejections, ['r1-4'], [rejection])
    expect(row).toMatchObject({ kind: 'wrong-shape', path: 'bids[3][1]', bytes: 22, resentAtMs: null })
    expect(row?.original).toEqual(rejection.original)
  })

  test('sent again, it says since when; in either order, and for the first time it was', () => {
    const after = merged(rejections, ['r1-4'], [rejection, resent(START_MS + 9), resent(START_MS + 5)])
    const before = merged(rejections, ['r1-4'], [resent(START_MS + 5), resent(START_MS + 9), rejection])
    expect(after).toMatchObject({ kind: 'wrong-shape', resentAtMs: START_MS + 5 })
    expect(before).toEqual(after)
  })

  test('the word that it was sent again, read alone, makes a row without a kind', () => {
    expect(merged(rejections, ['r1-4'], [resent(START_MS)])).toMatchObject({ kind: null, bytes: null })
  })

  test('every arrival order gives the same row', () => {
    const anyRejection = fc
      .record({ path: fc.constantFrom('bids', 'asks'), at: fc.nat(2) })
      .map(({ path, at }) => ({ ...rejection, path, receivedAtMs: START_MS + at }))
    holdsInAnyOrder(rejections, ['r1-4'], fc.oneof(anyRejection, fc.nat(3).map(resent)))
  })
})
