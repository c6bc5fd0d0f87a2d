import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ChecksummedRow, rowChecksum, textChecksum } from '../../../src/broker/sqlite/checksum.ts'

const id = fc.option(fc.integer({ min: 1 }))
const bytes = fc.uint8Array({ minLength: 1 }).map((all) => Buffer.from(all))
const row: fc.Arbitrary<ChecksummedRow> = fc.record({
  offset: fc.maxSafeNat(),
  timeMs: fc.maxSafeNat(),
  keyId: id,
  runId: id,
  n: fc.maxSafeNat(),
  bytes: fc.maxSafeNat(),
  headers: fc.option(bytes),
  value: bytes,
})

test('a bit that flips in any number gives another sum', () => {
  const numbers = fc.constantFrom('offset', 'timeMs', 'keyId', 'runId', 'n', 'bytes')
  fc.assert(
    fc.property(row, numbers, fc.nat(52), (before, name, bit) => {
      const number = before[name] ?? 0
      const flipped = Number(BigInt(number) ^ (1n << BigInt(bit)))
      expect(rowChecksum({ ...before, [name]: flipped })).not.toBe(rowChecksum(before))
    }),
  )
})

test('a byte that changes anywhere in a value or its headers gives another sum', () => {
  const change = fc.integer({ min: 1, max: 255 })
  fc.assert(
    fc.property(row, fc.constantFrom('value', 'headers'), fc.nat(), change, (before, name, at, by) => {
      const changed = Buffer.from(before[name] ?? Buffer.from('{}'))
      const place = at % changed.length
      changed[place] = changed[place]! ^ by
      expect(rowChecksum({ ...before, [name]: changed })).not.toBe(rowChecksum(before))
    }),
  )
})

test('a text that stands under another id gives another sum', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), fc.nat(), (text, one, other) => {
      fc.pre(one !== other)
      expect(textChecksum(one, text)).not.toBe(textChecksum(other, text))
    }),
  )
})

test('the sum of a known row never changes: it lies on disks', () => {
  const known = {
    offset: 5,
    timeMs: 1_700_000_000_000,
    keyId: 1,
    runId: 2,
    n: 6,
    bytes: 9_000_000_000,
    headers: Buffer.from('{}'),
    value: Buffer.from('ß🌊'),
  }
  expect(rowChecksum(known)).toMatchInlineSnapshot(`1315210216`)
})
