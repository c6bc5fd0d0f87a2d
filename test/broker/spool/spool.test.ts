import { readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openSpool, type Spool, type SpoolOptions } from '../../../src/broker/spool/spool.ts'
import { recordingLog } from '../../alerts/recording-log.ts'
import { records, temporaryDir } from '../logs.ts'

async function open(dir: string, about: Partial<SpoolOptions> = {}): Promise<Spool> {
  const { log } = recordingLog()
  const spool = await openSpool({ dir, nowMs: () => 1_700_000_000_000, random: Math.random, log, ...about })
  onTestFinished(() => spool.close())
  return spool
}

/** Takes everything out, a batch a list. */
async function drain(spool: Spool): Promise<number[][]> {
  const batches: number[][] = []
  while (spool.records > 0) {
    const batch = await spool.oldest()
    batches.push(batch.records.map(({ n }) => n))
    await spool.drained(batch)
  }
  return batches
}

test('records come out as they went in, oldest first', async () => {
  const spool = await open(temporaryDir())
  const all = [
    ...records(1, 3),
    ...records(1, 2, { partition: 1, key: null }),
    ...records(1, 1, { topic: 'rejections', headers: { a: 'ü', b: '' }, run: 'run-2' }),
    { ...records(4, 4)[0]!, assumedPartitions: 3 },
  ]
  await spool.append(all.slice(0, 4))
  await spool.append(all.slice(4))
  expect((await spool.oldest()).records).toEqual(all)
})

test('it says what waits, and nothing when all is drained', async () => {
  const spool = await open(temporaryDir())
  expect([spool.records, spool.bytes]).toEqual([0, 0])
  await spool.append(records(1, 9, { value: 'ü' }))
  expect([spool.records, spool.bytes]).toEqual([9, 18])
  await drain(spool)
  expect([spool.records, spool.bytes]).toEqual([0, 0])
})

test('a batch has at most so many records and so much text, and one record however large', async () => {
  const spool = await open(temporaryDir(), { limits: { batchRecordsMax: 3, batchBytesMax: 1_000 } })
  await spool.append(records(1, 7))
  await spool.append(records(8, 9, { value: 'x'.repeat(5_000) }))
  await spool.append(records(10, 13, { value: 'x'.repeat(400) }))
  expect(await drain(spool)).toEqual([[1, 2, 3], [4, 5, 6], [7], [8], [9], [10, 11], [12, 13]])
})

test('what is not drained is there when it is opened again, and how far it was drained is known', async () => {
  const dir = temporaryDir()
  const first = await open(dir, { limits: { batchRecordsMax: 4 } })
  await first.append(records(1, 10))
  await first.drained(await first.oldest())
  await first.close()
  const again = await open(dir)
  expect(again.records).toBe(6)
  expect(again.bytes).toBeGreaterThan(0)
  await again.append(records(11, 12))
  expect((await drain(again)).flat()).toEqual([5, 6, 7, 8, 9, 10, 11, 12])
})

test('the disk is given back segment by segment, and wholly when all is drained', async () => {
  const dir = temporaryDir()
  const spool = await open(dir, { limits: { segmentBytesMax: 2_000, batchRecordsMax: 10 } })
  const segments = () => readdirSync(join(dir, '0')).filter((name) => /^\d+$/.test(name)).length
  for (let n = 1; n <= 50; n += 5) await spool.append(records(n, n + 4, { value: 'x'.repeat(100) }))
  expect(segments()).toBe(3)
  const seen: number[] = []
  while (spool.records > 0) {
    await spool.drained(await spool.oldest())
    seen.push(segments())
  }
  expect(seen).toEqual([3, 2, 2, 1, 0])
})

test('records that come while the last ones are being drained are not lost with them', async () => {
  const spool = await open(temporaryDir())
  await spool.append(records(1, 5))
  for (let n = 6; n < 60; n++) {
    const batch = await spool.oldest()
    const appended = spool.append(records(n, n))
    await spool.drained(batch)
    await appended
  }
  expect((await drain(spool)).flat()).toEqual([59])
})

test('two that are open at once have nothing in common; what one leaves the next takes over, and drains first', async () => {
  const dir = temporaryDir()
  const [one, other] = [await open(dir), await open(dir)]
  await one.append(records(1, 3))
  await other.append(records(1, 3, { run: 'run-2' }))
  expect([one.records, other.records]).toEqual([3, 3])
  await other.close()
  expect((await open(dir)).records).toBe(3)
  await one.close()

  const third = await open(dir)
  expect(third.records).toBe(3)
  await third.append(records(4, 4))
  expect((await drain(third)).flat()).toEqual([1, 2, 3, 4])
})

test('what a crash left of a segment that was being removed is cleared away', async () => {
  const dir = temporaryDir()
  const first = await open(dir)
  await first.append(records(1, 1))
  await first.close()
  renameSync(join(dir, '0', '00000001'), join(dir, '0', '00000001.drained'))
  expect((await open(dir)).records).toBe(0)
  expect(readdirSync(join(dir, '0')).filter((name) => name.startsWith('00'))).toEqual([])
})

test('a segment that is damaged is said and left where it is', async () => {
  const dir = temporaryDir()
  const first = await open(dir)
  await first.append(records(1, 1))
  await first.close()
  writeFileSync(join(dir, '0', '00000001', 'log.db'), 'not a database')
  await expect(open(dir)).rejects.toMatchObject({ code: 'log-foreign' })
  expect(readdirSync(join(dir, '0', '00000001'))).toContain('log.db')
})
