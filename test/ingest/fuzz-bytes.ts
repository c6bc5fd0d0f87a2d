import type { Chance } from './fuzz-chance.ts'

/** What may become of a frame on its way, and of what a peer that is no venue may send. `other` is a frame of anybody's. */
export type Mutator = (bytes: Uint8Array, chance: Chance, other: Uint8Array) => Uint8Array

/** The longest stretch that is taken out, put in or copied. */
const STRETCH_BYTES = 64

export const byteMutators: Readonly<Record<string, Mutator>> = {
  'a bit flipped': (bytes, chance) => {
    const at = chance.below(bytes.length)
    return withByte(bytes, at, bytes[at]! ^ (1 << chance.below(8)))
  },
  'another byte': (bytes, chance) => withByte(bytes, chance.below(bytes.length), chance.byte()),
  'another digit': (bytes, chance) => {
    const digits = [...bytes.keys()].filter((i) => bytes[i]! >= 0x30 && bytes[i]! <= 0x39)
    if (digits.length === 0) return bytes
    return withByte(bytes, chance.of(digits), '0123456789.-+eE",'.charCodeAt(chance.below(17)))
  },
  'bytes put in': (bytes, chance) => {
    const stretch = Uint8Array.from({ length: chance.length(STRETCH_BYTES) }, () => chance.byte())
    return spliced(bytes, chance.below(bytes.length + 1), 0, stretch)
  },
  'punctuation put in': (bytes, chance) =>
    spliced(bytes, chance.below(bytes.length + 1), chance.below(2), text(chance.of(PIECES))),
  'bytes taken out': (bytes, chance) =>
    spliced(bytes, chance.below(bytes.length), chance.length(STRETCH_BYTES), NOTHING),
  'a stretch twice': (bytes, chance) => {
    const from = chance.below(bytes.length)
    const stretch = bytes.subarray(from, from + chance.length(STRETCH_BYTES))
    return spliced(bytes, chance.below(bytes.length + 1), 0, stretch)
  },
  'cut off': (bytes, chance) => bytes.subarray(0, chance.below(bytes.length)),
  'its beginning lost': (bytes, chance) => bytes.subarray(chance.below(bytes.length)),
  'another frame from the middle on': (bytes, chance, other) =>
    joined(bytes.subarray(0, chance.below(bytes.length)), other.subarray(chance.below(other.length))),
  'another frame behind it': (bytes, _, other) => joined(bytes, other),
  'another frame within it': (bytes, chance, other) =>
    spliced(bytes, chance.below(bytes.length + 1), 0, other),
  'no UTF-8': (bytes, chance) =>
    spliced(bytes, chance.below(bytes.length + 1), 0, Uint8Array.from(chance.of(NO_UTF8))),
  'a byte order mark': (bytes) => joined(text('\ufeff'), bytes),
  'spaces around it': (bytes) => joined(joined(text(' \r\n\t'), bytes), text('\n ')),
  nothing: () => NOTHING,
  noise: (_, chance) => Uint8Array.from({ length: chance.length(2_000) }, () => chance.byte()),
}

const NOTHING = new Uint8Array(0)
const PIECES = [...'{}[]",:\\/.-+eE0 \n\0\u2028', '""', '[]', '{}', '00', '\\u0000', '\\ud800', 'null', ',,']

/** Bytes that begin nothing, begin too little, write `/` or a surrogate as nobody may, or are beyond all characters. */
const NO_UTF8 = [
  [0xff],
  [0x80],
  [0xc3],
  [0xe2, 0x82],
  [0xc0, 0xaf],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
]

export function spliced(bytes: Uint8Array, at: number, remove: number, put: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + remove)])
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  return Buffer.concat([first, second])
}

function withByte(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  const changed = Uint8Array.from(bytes)
  if (at < changed.length) changed[at] = byte
  return changed
}

function text(said: string): Uint8Array {
  return Buffer.from(said)
}
