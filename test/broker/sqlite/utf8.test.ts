import fc from 'fast-check'
import { expect, test } from 'vitest'
import { utf8 } from '../../../src/broker/sqlite/utf8.ts'

test('a text has the bytes that Node gives it, whatever its length and letters', () => {
  const lengths = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.nat(9_000).map((length) => 'aß漢🌊'.repeat(length)),
  )
  fc.assert(
    fc.property(lengths, (text) => {
      expect(utf8(text).equals(Buffer.from(text))).toBe(true)
    }),
  )
})

test('half a surrogate pair becomes U+FFFD', () => {
  expect(utf8('a\ud800b').toString()).toBe('a\ufffdb')
})
