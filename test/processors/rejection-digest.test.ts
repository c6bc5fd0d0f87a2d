import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { OutboxMessage } from '../../src/models/outbox-message.ts'
import { keepOriginal, type Rejection, type Resent } from '../../src/models/rejection.ts'
import {
  digestReport,
  type RejectionDigestRow,
  rejectionDigest,
} from '../../src/processors/rejection-digest.ts'
import { holdsInAnyOrder, START_MS } from './play.ts'

const rejection = (i: number): Rejection => ({
  type: 'rejection',
  id: `r1-${i}`,
  kind: i % 2 === 0 ? 'malformed-json' : 'wrong-shape',
  path: '',
  message: 'cut off',
  venue: 'coinbase',
  source: 'mock',
  product: 'BTC-USD',
  receivedAtMs: START_MS + i,
  original: keepOriginal(Buffer.from('{')),
})
const resent: Resent = { type: 'resent', id: 'r1-1', atMs: START_MS }

describe('rejection-digest', () => {
  test.each([
    [9, []],
    [10, ['digest-10']],
    [11, ['digest-10']],
    [25, ['digest-10', 'digest-20']],
  ])('%i rejections close the digests %j', (count, told) => {
    const { messages } = play(Array.from({ length: count }, (_, i) => rejection(i + 1)))
    expect(messages.map(({ id }) => id)).toEqual(told)
  })

  test('what was sent again is no rejection and takes no number', () => {
    const records = Array.from({ length: 9 }, (_, i) => rejection(i + 1))
    expect(play([...records, resent]).messages).toEqual([])
    expect(play([...records, resent, rejection(10)]).messages).toHaveLength(1)
  })

  test('a digest lists all ten, with how many of each kind there were', () => {
    const [message] = play(Array.from({ length: 20 }, (_, i) => rejection(i + 1))).messages.slice(1)
    expect(message).toMatchObject({
      id: 'digest-20',
      kind: 'digest',
      payload: {
        digest: 2,
        firstOrdinal: 11,
        lastOrdinal: 20,
        counts: { 'malformed-json': 5, 'wrong-shape': 5 },
      },
    })
    const { items } = message!.payload as { items: { id: string }[] }
    expect(items.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, i) => `r1-${i + 11}`))
    expect(items[0]).not.toHaveProperty('original')
  })

  test('the report of an open digest tells what there is so far', () => {
    const { rows } = play(Array.from({ length: 25 }, (_, i) => rejection(i + 1)))
    expect(digestReport(rows.get(3)!)).toMatchObject({ firstOrdinal: 21, lastOrdinal: 25, digest: 3 })
  })

  test('every arrival order gives the same row', () => {
    const anyRejection = fc
      .record({ i: fc.nat(4), at: fc.nat(1) })
      .map(({ i, at }) => ({ ...rejection(i), receivedAtMs: START_MS + at }))
    holdsInAnyOrder(rejectionDigest, [1], anyRejection)
  })
})

/** What the runner does with a digest's records: numbers those that count, merges, and collects what is told. */
function play(records: readonly (Rejection | Resent)[]) {
  const rows = new Map<number, RejectionDigestRow>()
  const messages: OutboxMessage[] = []
  const { per } = rejectionDigest
  if (per.kind !== 'key') throw new Error('a digest is keyed by its number')
  let ordinal = 0
  for (const record of records) {
    if (per.counts?.(record) === false) continue
    ordinal++
    const key = per.of(record, { ordinal, partition: 1 })!
    const before = rows.get(key[0] as number)
    const after = rejectionDigest.merge(before, record, key)!
    const message = rejectionDigest.tells?.(before, after)
    if (message !== undefined) messages.push(message)
    rows.set(after.digest, after)
  }
  return { rows, messages }
}
