import kafkajs from 'kafkajs'
import { afterEach, describe, expect, test } from 'vitest'
import { compressionType, type KafkaCompression } from '../../../src/broker/kafka/compression.ts'
import { EngineError } from '../../../src/models/engine-error.ts'

const { CompressionTypes } = kafkajs
const codecs: Record<number, () => unknown> = kafkajs.CompressionCodecs
const notInstalled = async (name: string) => {
  throw new Error(`Cannot find package '${name}'`)
}

/** What kafkajs knows is the whole process's. */
afterEach(() => compressionType('none'))

test('none, gzip and lz4 need no package', async () => {
  const types = ['none', 'gzip', 'lz4'] as const
  expect(await Promise.all(types.map((name) => compressionType(name, notInstalled)))).toEqual([0, 1, 3])
})

/** Node has zstd of its own from 22.15 on. */
const PACKAGED: readonly KafkaCompression[] =
  'zstdCompress' in (await import('node:zlib')) ? ['snappy'] : ['snappy', 'zstd']

describe.each(PACKAGED)('%s without its package', (name) => {
  const type = CompressionTypes[name === 'zstd' ? 'ZSTD' : 'Snappy']

  test('is said where it is asked for, with what to install', async () => {
    await expect(compressionType(name, notInstalled)).rejects.toMatchObject({
      code: 'bad-config',
      message: expect.stringMatching(new RegExp(`^KAFKA_COMPRESSION=${name} needs the package `)),
      hint: expect.stringMatching(/^npm install /),
    })
  })

  test('keeps nobody from using another, and is said when records come that are packed with it', async () => {
    expect(await compressionType('gzip', notInstalled)).toBe(CompressionTypes.GZIP)
    const error = thrownBy(() => codecs[type]!())
    expect(error.cause).toBeInstanceOf(EngineError)
    expect(error.message).toMatch(`Records on Kafka are packed with ${name}, which needs the package `)
  })
})

function thrownBy(act: () => unknown): Error {
  try {
    act()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
