import fc from 'fast-check'

/** Bytes of a frame taken out, put in, changed, or copied to elsewhere in it. */
export type Damage = { readonly at: number; readonly length: number; readonly put: string | number }

/** Evenly over the frame; `fc.double` would nearly always mean its beginning. */
const place = fc.nat(999_999).map((millionths) => millionths / 1_000_000)

const pieces = [
  ...'0123456789.,:"[]{}\\ -+eEtf\n\0',
  'null',
  'true',
  '00',
  '1e3',
  '[]',
  '["1","1"],',
  '\u00e9',
]

export const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ at: place, length: fc.nat(12), put: fc.constant('') }),
  fc.record({ at: place, length: fc.nat(1), put: fc.constantFrom(...pieces) }),
  fc.record({ at: place, length: fc.constant(1), put: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ at: place, length: fc.constant(-1), put: place }),
)

/** Takes `length` bytes out at `at` and puts something in their place; a negative length copies from `at` to `put`. */
export function spoiled(frame: Uint8Array, { at, length, put }: Damage): Uint8Array {
  const from = Math.floor(at * frame.length)
  if (length < 0) {
    const to = Math.floor((put as number) * frame.length)
    return Buffer.concat([frame.subarray(0, to), frame.subarray(from, from + 40), frame.subarray(to)])
  }
  const insert = typeof put === 'number' ? Buffer.from([put]) : Buffer.from(put)
  return Buffer.concat([frame.subarray(0, from), insert, frame.subarray(from + length)])
}
