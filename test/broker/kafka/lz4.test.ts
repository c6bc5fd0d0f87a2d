import fc from 'fast-check'
import { expect, test } from 'vitest'
import { packLz4, unpackLz4 } from '../../../src/broker/kafka/lz4.ts'

const BYTES_MAX = 64 * 1_048_576

/** Text of a few words over and over, with noise between: references of every length and distance, and none. */
const anything = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(
          fc.constantFrom('BTC-USD', '"price":"64930.25",', 'a', '[]'),
          fc.integer({ min: 1, max: 30_000 }),
        )
        .map(([word, times]) => Buffer.from(word.repeat(times))),
    ),
    { maxLength: 6 },
  )
  .map((parts) => Buffer.concat(parts))

test('whatever is packed is unpacked as it was', () => {
  fc.assert(
    fc.property(anything, (bytes) => {
      expect(unpackLz4(packLz4(bytes), BYTES_MAX).equals(bytes)).toBe(true)
    }),
    { numRuns: 150, seed: 1 },
  )
})

test('books are packed to less than half, and noise grows by no more than the frame around it', () => {
  const books = Buffer.from(
    Array.from({ length: 2_000 }, (_, i) => `["${64_930 + (i % 97) / 4}","1.5",${i}]`).join(),
  )
  expect(packLz4(books).length).toBeLessThan(books.length / 2)
  const noise = Buffer.from(
    fc.sample(fc.uint8Array({ minLength: 200_000, maxLength: 200_000 }), { numRuns: 1, seed: 1 })[0]!,
  )
  expect(packLz4(noise).length).toBe(noise.length + 7 + 4 * 4 + 4)
})

test('a frame of the reference implementation is read', () => {
  const frame = Buffer.from(FRAME, 'hex')
  expect(unpackLz4(frame, BYTES_MAX).toString()).toBe(`${'BTC-USD '.repeat(10)}ETH-USD`)
})

test('what is no frame, is cut off or was changed on its way ends in an error or in other bytes, never in more than may be', () => {
  const frame = packLz4(Buffer.from('BTC-USD '.repeat(5_000)))
  for (let length = 0; length < frame.length; length++) {
    expect(() => unpackLz4(frame.subarray(0, length), BYTES_MAX)).toThrow(/cut off|no LZ4 frame/)
  }
  const change = fc.tuple(fc.nat(frame.length - 1), fc.nat(255))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
      const changed = Buffer.from(frame)
      for (const [at, byte] of changes) changed[at] = byte
      expect(lengthOrError(changed, 100_000)).toBeLessThanOrEqual(100_000)
    }),
    { numRuns: 2_000, seed: 1 },
  )
})

test('a small frame that holds more than a reader wants to keep is refused before it is unpacked', () => {
  const bomb = packLz4(Buffer.alloc(10_000_000))
  expect(bomb.length).toBeLessThan(50_000)
  expect(() => unpackLz4(bomb, 1_000_000)).toThrow('it holds more than it may')
})

function lengthOrError(frame: Buffer, bytesMax: number): number {
  try {
    return unpackLz4(frame, bytesMax).length
  } catch (error) {
    expect((error as Error).constructor).toBe(Error)
    return 0
  }
}

/** `lz4 -c -BX -BD --content-size` of the text: blocks that refer to each other, and every checksum and size there is. */
const FRAME =
  '04224d187c405700000000000000a9140000008f4254432d55534420080035704554482d55534468c21e3600000000802f0dba'
