/**
 * LZ4 as Kafka packs batches with it: the frame format (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md) around
 * blocks (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md). Ours, since the packages for it are compiled where
 * they are installed. Checksums are neither written nor looked at: Kafka has one of its own over every batch.
 */

const MAGIC = 0x184d2204
const DESCRIPTOR_AT = 4
const HEADER_BYTES = 7

/** Version 1; blocks that know nothing of each other, which are the only ones Kafka's own client reads; of 64 KiB at most. */
const FLAGS = 0x60
const BLOCK_SIZE_CODE = 0x40
/** Second byte of the xxHash of the two before it. */
const HEADER_CHECKSUM = 0x82
const BLOCK_BYTES = 65_536

const HAS_BLOCK_CHECKSUM = 0x10
const HAS_CONTENT_SIZE = 0x08
const HAS_DICTIONARY = 0x01
const STORED = 0x80000000

/** The shortest row of bytes that is worth a reference. */
const MATCH_MIN = 4
/** The format wants the last bytes of a block as they are, and no reference to begin close to them. */
const LAST_LITERALS = 5
const MATCH_FROM_END_MIN = 12
/** From 15 on a length goes on in further bytes. */
const LENGTH_HERE_MAX = 15

/** Up to here, copying byte by byte is faster than having it done. */
const FEW_BYTES = 24

/** 16,384 places to look for what came before: two for every eight bytes of a block. */
const HASH_BITS = 14
/** After so many tries without a match (as a power of two) it looks at every second place, then at every third ... */
const SKIP_BITS = 6

/** One frame that holds all of it. */
export function packLz4(bytes: Uint8Array): Buffer {
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES)
  const packed = Buffer.allocUnsafe(HEADER_BYTES + bytes.length + 4 * blocks + 4)
  packed.writeUInt32LE(MAGIC, 0)
  packed.set([FLAGS, BLOCK_SIZE_CODE, HEADER_CHECKSUM], DESCRIPTOR_AT)
  const places = new Uint16Array(1 << HASH_BITS)
  const scratch = Buffer.allocUnsafe(bytes.length === 0 ? 0 : worstCase(BLOCK_BYTES))
  let at = HEADER_BYTES
  for (let from = 0; from < bytes.length; from += BLOCK_BYTES) {
    const block = bytes.subarray(from, from + BLOCK_BYTES)
    const length = packBlock(block, scratch, places)
    const isSmaller = length < block.length
    packed.writeUInt32LE(isSmaller ? length : (block.length | STORED) >>> 0, at)
    packed.set(isSmaller ? scratch.subarray(0, length) : block, at + 4)
    at += 4 + (isSmaller ? length : block.length)
  }
  packed.writeUInt32LE(0, at)
  return packed.subarray(0, at + 4)
}

/** What cannot be packed grows by a byte in 255. */
function worstCase(length: number): number {
  return length + Math.ceil(length / 255) + 16
}

/** Writes the block that stands for `bytes` and answers its length. `places` is for its own use. */
function packBlock(bytes: Uint8Array, to: Buffer, places: Uint16Array): number {
  places.fill(0)
  const matchEndMax = bytes.length - LAST_LITERALS
  let literalsFrom = 0
  let at = 0
  for (let i = 1, tries = 0; i <= bytes.length - MATCH_FROM_END_MIN; tries++) {
    const word = wordAt(bytes, i)
    const hash = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS)
    const earlier = places[hash]!
    places[hash] = i
    if (wordAt(bytes, earlier) !== word) {
      i += 1 + (tries >> SKIP_BITS)
      continue
    }
    const back = i - earlier
    // What was passed over may belong to it.
    while (i > literalsFrom && i > back && bytes[i - 1] === bytes[i - 1 - back]) i--
    const end = matchEnd(bytes, i, back, matchEndMax)
    at = writeLiterals(to, at, bytes, literalsFrom, i, end - i - MATCH_MIN)
    to[at++] = back & 255
    to[at++] = back >> 8
    at = writeLength(to, at, end - i - MATCH_MIN)
    i = end
    literalsFrom = i
    tries = 0
  }
  return writeLiterals(to, at, bytes, literalsFrom, bytes.length, 0)
}

function wordAt(bytes: Uint8Array, i: number): number {
  return bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
}

/** The first four bytes are known to be equal to those so far back. */
function matchEnd(bytes: Uint8Array, from: number, back: number, endMax: number): number {
  let end = from + MATCH_MIN
  while (end < endMax && bytes[end] === bytes[end - back]) end++
  return end
}

/** The first half of a sequence: a token for both halves, and bytes as they are. Answers where it ends. */
function writeLiterals(
  to: Buffer,
  at: number,
  bytes: Uint8Array,
  from: number,
  end: number,
  matchMore: number,
): number {
  const literals = end - from
  to[at] = (Math.min(literals, LENGTH_HERE_MAX) << 4) | Math.min(matchMore, LENGTH_HERE_MAX)
  let next = writeLength(to, at + 1, literals)
  if (literals > FEW_BYTES) {
    to.set(bytes.subarray(from, end), next)
    return next + literals
  }
  for (let i = from; i < end; i++) to[next++] = bytes[i]!
  return next
}

function writeLength(to: Buffer, at: number, length: number): number {
  if (length < LENGTH_HERE_MAX) return at
  let rest = length - LENGTH_HERE_MAX
  while (rest >= 255) {
    to[at++] = 255
    rest -= 255
  }
  to[at++] = rest
  return at
}

/** What the frame holds. Throws an Error where it is not one, is cut off, or holds more than `bytesMax`. */
export function unpackLz4(frame: Buffer, bytesMax: number): Buffer {
  const { blocksAt, blockBytes, checksumBytes } = readHeader(frame)
  let unpacked: Buffer = Buffer.allocUnsafe(Math.min(bytesMax, Math.max(blockBytes, 4 * frame.length)))
  let length = 0
  for (let at = blocksAt; ; ) {
    const head = uint32At(frame, at)
    if (head === 0) return unpacked.subarray(0, length)
    const end = at + 4 + (head & ~STORED)
    if (end > frame.length) throw cutOff()
    const block = frame.subarray(at + 4, end)
    if (length + blockBytes > unpacked.length) unpacked = grown(unpacked, length + blockBytes, bytesMax)
    length = head >= STORED ? copyBlock(block, unpacked, length) : unpackBlock(block, unpacked, length)
    at = end + checksumBytes
  }
}

function readHeader(frame: Buffer): { blocksAt: number; blockBytes: number; checksumBytes: number } {
  if (uint32At(frame, 0) !== MAGIC || frame.length < HEADER_BYTES) throw new Error('it is no LZ4 frame')
  const [flags, sizes] = [frame[DESCRIPTOR_AT]!, frame[DESCRIPTOR_AT + 1]!]
  const sizeCode = (sizes >> 4) & 7
  if (flags >> 6 !== 1 || sizeCode < 4) throw new Error('it is an LZ4 frame of another version')
  if ((flags & HAS_DICTIONARY) !== 0) throw new Error('it needs a dictionary of LZ4')
  return {
    blocksAt: HEADER_BYTES + ((flags & HAS_CONTENT_SIZE) === 0 ? 0 : 8),
    // 4 is 64 KiB, and each further one four times as much.
    blockBytes: 1 << (8 + 2 * sizeCode),
    checksumBytes: (flags & HAS_BLOCK_CHECKSUM) === 0 ? 0 : 4,
  }
}

/** At least so long, or as long as may be: a block that needs more than that then does not fit. */
function grown(unpacked: Buffer, length: number, bytesMax: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.min(bytesMax, Math.max(length, 2 * unpacked.length)))
  unpacked.copy(larger)
  return larger
}

function copyBlock(block: Buffer, to: Buffer, at: number): number {
  if (at + block.length > to.length) throw tooLong()
  block.copy(to, at)
  return at + block.length
}

/** Unpacks one block behind what is there already, which it may refer to. Answers where it ends. */
function unpackBlock(block: Buffer, to: Buffer, from: number): number {
  const sequences = new Sequences(block)
  let at = from
  for (;;) {
    const token = sequences.byte()
    const literals = sequences.length(token >> 4)
    if (at + literals > to.length) throw tooLong()
    sequences.copyTo(to, at, literals)
    at += literals
    if (sequences.isOver) return at
    const back = sequences.byte() | (sequences.byte() << 8)
    const length = MATCH_MIN + sequences.length(token & LENGTH_HERE_MAX)
    if (back === 0 || back > at) throw new Error('it refers to what is not there')
    if (at + length > to.length) throw tooLong()
    copyBack(to, at, back, length)
    at += length
  }
}

/** A block, read from its beginning to its end. */
class Sequences {
  readonly #block: Buffer
  #at = 0

  constructor(block: Buffer) {
    this.#block = block
  }

  get isOver(): boolean {
    return this.#at === this.#block.length
  }

  byte(): number {
    if (this.isOver) throw cutOff()
    return this.#block[this.#at++]!
  }

  /** `here`: as much of it as the token has room for. */
  length(here: number): number {
    let length = here
    if (here < LENGTH_HERE_MAX) return length
    for (let more = 255; more === 255; length += more) more = this.byte()
    return length
  }

  copyTo(to: Buffer, at: number, length: number): void {
    const end = this.#at + length
    if (end > this.#block.length) throw cutOff()
    if (length > FEW_BYTES) this.#block.copy(to, at, this.#at, end)
    else for (let i = this.#at, j = at; i < end; ) to[j++] = this.#block[i++]!
    this.#at = end
  }
}

/** A row may run into itself: then it repeats. */
function copyBack(to: Buffer, at: number, back: number, length: number): void {
  if (back >= length && length > FEW_BYTES) {
    to.copyWithin(at, at - back, at - back + length)
    return
  }
  for (let i = at; i < at + length; i++) to[i] = to[i - back]!
}

function uint32At(frame: Buffer, at: number): number {
  if (at + 4 > frame.length) throw cutOff()
  return frame.readUInt32LE(at)
}

function cutOff(): Error {
  return new Error('it is cut off')
}

function tooLong(): Error {
  return new Error('it holds more than it may')
}
