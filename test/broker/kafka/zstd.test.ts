import { describe, expect, test } from 'vitest'
import type { Codec } from '../../../src/broker/kafka/compression.ts'
import { ownZstd, zstdOfPackage } from '../../../src/broker/kafka/zstd.ts'

const BYTES_MAX = 8_000_000
/** Four megabytes of `BTC-USD `, by `zstd -c` from a pipe: a frame that does not say how much it holds, as Java's do not. */
const FRAME =
  'KLUv/QBYhAAAQEJUQy1VU0QgAQD1/8sLF0wAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAkwAAAhCAQD8/zkQAk0AAAhCAQD8CDkQAg=='

const zstdWasm = await import('@bokuweb/zstd-wasm')

describe('zstd of the package', () => suite((bytesMax) => zstdOfPackage(zstdWasm, bytesMax)))

const NEEDS = ownZstd(BYTES_MAX) === undefined ? ': needs Node 22.15' : ''
describe.skipIf(NEEDS !== '')(`zstd of Node itself${NEEDS}`, () => suite((bytesMax) => ownZstd(bytesMax)!))

function suite(open: (bytesMax: number) => Codec): void {
  test('unpacks what it has packed', async () => {
    const codec = open(BYTES_MAX)
    for (const length of [0, 1, 5_000, 1_000_000, 3]) {
      const bytes = Buffer.from('"price":"64930.25",'.repeat(length)).subarray(0, length)
      const packed = await codec.compress({ buffer: bytes })
      expect((await codec.decompress(packed)).equals(bytes)).toBe(true)
    }
  })

  test('unpacks a frame that does not say how much it holds', async () => {
    const codec = open(BYTES_MAX)
    const unpacked = await codec.decompress(Buffer.from(FRAME, 'base64'))
    expect(unpacked.equals(Buffer.from('BTC-USD '.repeat(500_000)))).toBe(true)
  })

  test('refuses what is no frame, and what holds more than it may, and goes on', async () => {
    const codec = open(1_000_000)
    await expect(codec.decompress(Buffer.from(FRAME, 'base64'))).rejects.toThrow()
    await expect(codec.decompress(Buffer.from('BTC-USD'))).rejects.toThrow()
    const fine = Buffer.from('fine')
    expect(await codec.decompress(await codec.compress({ buffer: fine }))).toEqual(fine)
  })
}
