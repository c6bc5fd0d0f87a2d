import { promisify } from 'node:util'
import zlib from 'node:zlib'
import type { Codec } from './compression.ts'

/** zstd by Node itself, which has it from 22.15 on; before that, by a package made of WebAssembly. */

type Unpacking = (bytes: Uint8Array, options: { maxOutputLength: number }, done: Done) => void
type Done = (error: Error | null, bytes: Buffer) => void
type OwnZstd = {
  readonly zstdCompress: (bytes: Uint8Array, done: Done) => void
  readonly zstdDecompress: Unpacking
}

/** Undefined where this Node has none. */
export function ownZstd(bytesMax: number): Codec | undefined {
  const own = zlib as Partial<OwnZstd>
  if (own.zstdCompress === undefined || own.zstdDecompress === undefined) return undefined
  const [pack, unpack] = [promisify(own.zstdCompress), promisify(own.zstdDecompress)]
  return {
    compress: ({ buffer }) => pack(buffer),
    decompress: (bytes) => unpack(bytes, { maxOutputLength: bytesMax }),
  }
}

type ZstdPackage = {
  init(): Promise<void>
  compress(bytes: Uint8Array): Uint8Array
  decompress(bytes: Uint8Array, options: { defaultHeapSize: number }): Uint8Array
}

/** Its memory is made when it is first needed, once for the whole process. */
let initialized: Promise<void> | undefined

export function zstdOfPackage(module: unknown, bytesMax: number): Codec {
  const zstd = module as ZstdPackage
  const ready = () => {
    initialized ??= zstd.init()
    return initialized
  }
  return {
    async compress({ buffer }) {
      await ready()
      return bufferOf(zstd.compress(buffer))
    },
    async decompress(bytes) {
      await ready()
      return bufferOf(unpack(zstd, bytes, bytesMax))
    },
  }
}

/** A frame need not say how much it holds, and Java's do not; the package then takes a guess. */
const GUESS_BYTES_MIN = 1_048_576
/** Books are packed to a tenth. */
const GUESS_TIMES = 16
const GUESS_GROWS_TIMES = 4

function unpack(zstd: ZstdPackage, bytes: Buffer, bytesMax: number): Uint8Array {
  for (let guess = Math.max(GUESS_BYTES_MIN, GUESS_TIMES * bytes.length); ; guess *= GUESS_GROWS_TIMES) {
    const isLast = guess >= bytesMax
    try {
      return zstd.decompress(bytes, { defaultHeapSize: isLast ? bytesMax : guess })
    } catch (error) {
      if (isLast || !isTooSmall(error)) throw error
    }
  }
}

/** `ZSTD_error_dstSize_tooSmall`, which is 70, negative. */
function isTooSmall(error: unknown): boolean {
  return error instanceof Error && /code -70$/.test(error.message)
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
