import kafkajs, { type CompressionTypes as CompressionType } from 'kafkajs'
import { EngineError } from '../../models/engine-error.ts'
import { packLz4, unpackLz4 } from './lz4.ts'
import { ownZstd, zstdOfPackage } from './zstd.ts'

const { CompressionCodecs, CompressionTypes } = kafkajs

/** kafkajs's table of codecs, which is there to be added to. */
const codecs: Record<number, () => unknown> = CompressionCodecs

export type KafkaCompression = 'none' | 'gzip' | 'zstd' | 'lz4' | 'snappy'

/** As kafkajs wants it. */
export type Codec = {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>
  decompress(bytes: Buffer): Promise<Buffer>
}

/** A broker takes a megabyte at a time: what holds more than this was packed to fill the memory of whoever reads it. */
const UNPACKED_BYTES_MAX = 128 * 1_048_576

const TYPES: Readonly<Record<KafkaCompression, CompressionType>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  lz4: CompressionTypes.LZ4,
  snappy: CompressionTypes.Snappy,
  zstd: CompressionTypes.ZSTD,
}

/** kafkajs packs with gzip by itself, and LZ4 is ours. For the others there are packages, used where they are installed. */
const LZ4: Codec = {
  compress: async ({ buffer }) => packLz4(buffer),
  decompress: async (bytes) => unpackLz4(bytes, UNPACKED_BYTES_MAX),
}

type Packaged = {
  readonly type: CompressionType
  readonly package: string
  readonly hint: string
  /** Undefined where it takes the package. */
  without(): Codec | undefined
  codecOf(module: unknown): Codec
}

const PACKAGED: Readonly<Record<'snappy' | 'zstd', Packaged>> = {
  snappy: {
    type: CompressionTypes.Snappy,
    package: 'kafkajs-snappy',
    hint: 'npm install kafkajs-snappy',
    without: () => undefined,
    codecOf: (module) => (module as { default: () => Codec }).default(),
  },
  zstd: {
    type: CompressionTypes.ZSTD,
    package: '@bokuweb/zstd-wasm',
    hint: 'npm install @bokuweb/zstd-wasm, or run Node 22.15 or newer, which needs no package for it',
    without: () => ownZstd(UNPACKED_BYTES_MAX),
    codecOf: (module) => zstdOfPackage(module, UNPACKED_BYTES_MAX),
  },
}

type ImportPackage = (name: string) => Promise<unknown>

/**
 * The type that kafkajs sends with. Makes every codec that there is known to it, since others may have packed what we read.
 * Rejects with an EngineError that names the package where the one asked for is missing.
 */
export async function compressionType(
  wanted: KafkaCompression,
  importPackage: ImportPackage = (name) => import(name),
): Promise<CompressionType> {
  codecs[CompressionTypes.LZ4] = () => told('lz4', LZ4)
  for (const [name, packaged] of Object.entries(PACKAGED)) {
    const codec = packaged.without() ?? (await codecFrom(packaged, importPackage))
    if ('missing' in codec && name === wanted) {
      throw missing(`KAFKA_COMPRESSION=${wanted}`, packaged, codec.missing)
    }
    codecs[packaged.type] = () => {
      if (!('missing' in codec)) return told(name, codec)
      throw passedOn(missing(`Records on Kafka are packed with ${name}, which`, packaged, codec.missing))
    }
  }
  return TYPES[wanted]
}

type Missing = { readonly missing: unknown }

async function codecFrom(packaged: Packaged, importPackage: ImportPackage): Promise<Codec | Missing> {
  try {
    return packaged.codecOf(await importPackage(packaged.package))
  } catch (error) {
    return { missing: error }
  }
}

function missing(what: string, { package: name, hint }: Packaged, cause: unknown): EngineError {
  return new EngineError('bad-config', `${what} needs the package ${name}`, { hint, cause })
}

/** Says what could not be unpacked. */
function told(name: string, { compress, decompress }: Codec): Codec {
  return {
    compress,
    async decompress(bytes) {
      try {
        return await decompress(bytes)
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        const what = `Records on Kafka that are packed with ${name} cannot be unpacked: ${why}`
        throw passedOn(new EngineError('log-corrupt', what, { cause: error }))
      }
    },
  }
}

/** As kafkajs passes it on at once, instead of trying again. */
function passedOn(error: EngineError): Error {
  const passing = new kafkajs.KafkaJSNonRetriableError(error.message)
  return Object.assign(passing, { name: 'KafkaJSNotImplemented', cause: error })
}
