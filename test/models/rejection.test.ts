import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  isResendable,
  keepOriginal,
  OriginalBytes,
  originalBytes,
  Rejection,
  RejectionRecord,
} from '../../src/models/rejection.ts'

const KIB = 1024

describe('the original bytes', () => {
  test.each([
    ['nothing at all', Buffer.alloc(0), 'base64'],
    ['16 KiB', noise(16 * KIB), 'base64'],
    ['one byte more', noise(16 * KIB + 1), 'gzip+base64'],
    ['10 MB of one letter', Buffer.alloc(10_000_000, 'a'), 'gzip+base64'],
    ['890 KiB that cannot be made smaller', noise(890 * KIB), 'gzip+base64'],
  ])('%s travel whole and can be sent again', (_, bytes, encoding) => {
    const original = keepOriginal(bytes)
    expect(original).toMatchObject({ encoding, length: bytes.length, sha256: sha256(bytes) })
    expect(isResendable(original)).toBe(true)
    expect(Buffer.compare(originalBytes(original), bytes)).toBe(0)
  })

  test('more than that leave their first 64 KiB, their length and their sha256, and cannot be sent again', () => {
    const bytes = noise(1000 * KIB)
    const original = keepOriginal(bytes)
    expect(original).toMatchObject({ encoding: 'head+base64', length: bytes.length, sha256: sha256(bytes) })
    expect(isResendable(original)).toBe(false)
    expect(Buffer.compare(originalBytes(original), bytes.subarray(0, 64 * KIB))).toBe(0)
  })

  test('in the middle of a larger buffer are kept alone', () => {
    const around = Buffer.from('secret{}secret')
    expect(Buffer.from(originalBytes(keepOriginal(around.subarray(6, 8)))).toString()).toBe('{}')
  })

  test('come back byte for byte, be they UTF-8 or not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 * KIB }), (bytes) => {
        const original = OriginalBytes.parse(JSON.parse(JSON.stringify(keepOriginal(bytes))))
        expect(Buffer.compare(originalBytes(original), bytes)).toBe(0)
      }),
    )
  })
})

const example: Rejection = {
  type: 'rejection',
  id: 'run-1',
  kind: 'wrong-shape',
  path: 'bids[17][0]',
  message: 'expected a number above zero',
  venue: 'coinbase',
  source: 'mock',
  product: 'BTC-USD',
  receivedAtMs: Date.UTC(2026, 10, 20),
  original: keepOriginal(Buffer.from('{}')),
}

test('a rejection and the word that it was sent again share a topic', () => {
  expect(RejectionRecord.parse(example)).toEqual(example)
  const resent = { type: 'resent', id: 'run-1', atMs: Date.UTC(2026, 10, 21) }
  expect(RejectionRecord.parse(resent)).toEqual(resent)
})

test.each([
  ['of a kind of its own', { kind: 'bad-mood' }],
  ['without bytes', { original: undefined }],
  ['without a name', { id: '' }],
])('a rejection %s is none', (_, wrong) => {
  expect(Rejection.safeParse({ ...example, ...wrong }).success).toBe(false)
})

test('a rejection may concern no product, and an input as a whole', () => {
  expect(Rejection.safeParse({ ...example, product: null, path: '' }).success).toBe(true)
})

/** Bytes that no compression makes smaller, the same every time. */
function noise(length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash('sha256').update(`${i}`).digest(),
  )
  return Buffer.concat(blocks).subarray(0, length)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
