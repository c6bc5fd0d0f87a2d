import kafkajs, { type CompressionTypes as CompressionType } from 'kafkajs'
import { EngineError } from '../../models/engine-error.ts'

const { CompressionCodecs, CompressionTypes } = kafkajs

/** kafkajs's table of codecs, which is there to be added to. */
const codecs: Record<number, () => unknown> = CompressionCodecs

export type KafkaCompression = 'none' | 'gzip' | 'zstd' | 'lz4' | 'snappy'

type Codec = {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>
  decompress(bytes: Buffer): Promise<Buffer>
}
type Plugin = {
  readonly type: CompressionType
  readonly package: string
  codecOf(module: unknown): () => Codec
}

/** kafkajs packs with gzip by itself; each of the others has a package for it, which is used where it is installed. */
const PLUGINS: Readonly<Record<'zstd' | 'lz4' | 'snappy', Plugin>> = {
  snappy: {
    type: CompressionTypes.Snappy,
    package: 'kafkajs-snappy',
    codecOf: (module) => defaultOf<() => Codec>(module),
  },
  lz4: {
    type: CompressionTypes.LZ4,
    package: 'kafkajs-lz4',
    codecOf: (module) => new (defaultOf<new () => { codec: () => Codec }>(module))().codec,
  },
  zstd: {
    type: CompressionTypes.ZSTD,
    package: '@kafkajs/zstd',
    codecOf: (module) => defaultOf<() => () => Codec>(module)(),
  },
}

/**
 * The type that kafkajs sends with. Makes every codec that is installed known to it, since others may have packed what we
 * read. Rejects with an EngineError that names the package where the one asked for is missing.
 */
export async function compressionType(wanted: KafkaCompression): Promise<CompressionType> {
  for (const [name, plugin] of Object.entries(PLUGINS)) {
    try {
      codecs[plugin.type] = plugin.codecOf(await import(plugin.package))
    } catch (error) {
      if (name !== wanted) continue
      throw new EngineError('bad-config', `KAFKA_COMPRESSION=${wanted} needs the package ${plugin.package}`, {
        hint: `npm install ${plugin.package}`,
        cause: error,
      })
    }
  }
  if (wanted === 'none') return CompressionTypes.None
  return wanted === 'gzip' ? CompressionTypes.GZIP : PLUGINS[wanted].type
}

/** A CommonJS package's own `default`, seen through an import, stands one deeper. */
function defaultOf<T>(module: unknown): T {
  const { default: outer } = module as { default: unknown }
  const inner = typeof outer === 'object' && outer !== null && 'default' in outer ? outer.default : outer
  return inner as T
}
