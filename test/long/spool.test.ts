import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { OutgoingRecord } from '../../src/broker/broker.ts'
import { openSqliteBroker, type SqliteBroker } from '../../src/broker/sqlite-broker.ts'
import { EngineError } from '../../src/models/engine-error.ts'
import { DAY_MS } from '../../src/models/time.ts'
import { temporaryDir } from '../broker/logs.ts'
import { BOOKS, openSpooling } from '../broker/spool-rig.ts'
import { bookText } from '../processors/running/played-log.ts'
import { START_MS } from '../processors/running/rig.ts'
import { LONG } from './long.ts'

/** What a thousand books a second make in ten minutes, handed over as fast as they are taken. */
const RECORDS = 600_000
const RECORDS_A_CALL = 500
const LIVE_A_SECOND = 1_000
const READ_RECORDS = 2_000
const GROWTH_BYTES_MAX = 64 * 1024 * 1024

describe.skipIf(!LONG)('the far side is away for ten minutes of a thousand books a second', () => {
  test('all wait on the disk, in bounded memory, and are handed over in order, five times as fast as they came', async () => {
    const far = await openFarLog()
    let isAway = true
    const connect = async () => {
      if (isAway) throw new EngineError('broker-unreachable', 'nobody answers', { retry: 'yes' })
      return { ...far, close: async () => {} }
    }
    const { broker, drained } = await openSpooling({ connect }, temporaryDir(), { partitions: 1 })
    for (let first = 1; first <= 20_000; first += RECORDS_A_CALL) await broker.publish(calls(first))
    const before = aliveBytes()
    for (let first = 20_001; first <= RECORDS; first += RECORDS_A_CALL) await broker.publish(calls(first))
    const grown = aliveBytes() - before
    expect(broker.status().records).toBe(RECORDS)
    isAway = false
    const startedMs = performance.now()
    await drained()
    const aSecond = RECORDS / ((performance.now() - startedMs) / 1_000)
    const grownMb = (grown / 1e6).toFixed(1)
    process.stderr.write(`drained ${Math.round(aSecond)} records/s; ${grownMb} MB more in memory\n`)
    expect(await numbersOn(far)).toEqual(Array.from({ length: RECORDS }, (_, i) => i + 1))
    expect(aSecond).toBeGreaterThan(5 * LIVE_A_SECOND)
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX)
  }, 600_000)
})

/** What is in memory once what nobody needs any more is swept out: at full speed much of that lies about. */
function aliveBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function openFarLog(): Promise<SqliteBroker> {
  const log = await openSqliteBroker({ dir: temporaryDir(), nowMs: Date.now, random: Math.random })
  const settings = { partitions: 1, retentionMs: DAY_MS, retentionBytes: 1e12 }
  await log.ensureTopics([BOOKS, 'rejections'].map((topic) => ({ topic, ...settings })))
  onTestFinished(() => log.close())
  return log
}

function calls(first: number): OutgoingRecord[] {
  // As long as twenty levels a side are.
  const value = bookText({ atMs: START_MS, bid: '71234.56', ask: '71235.57' }).padEnd(1_300)
  return Array.from({ length: RECORDS_A_CALL }, (_, i) => {
    return { topic: BOOKS, partition: 0, key: 'BTC-USD', run: 'away', n: first + i, value }
  })
}

async function numbersOn(log: SqliteBroker): Promise<(number | null)[]> {
  const numbers: (number | null)[] = []
  for (;;) {
    const records = await log.read({ topic: BOOKS, partition: 0 }, numbers.length, READ_RECORDS)
    if (records.length === 0) return numbers
    for (const { n } of records) numbers.push(n)
  }
}
