// Fills a spool while the far side (an embedded log in <far>) is away, then drains it slowly, saying each step, so that
// whoever ends this process knows what it had been promised. Runs the compiled broker, as users do.
//   node spool-child.mjs <spool> <far> <calls while away> <calls after>
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { openSpoolingBroker } from '../../dist/src/broker/spooling-broker.js'
import { openSqliteBroker } from '../../dist/src/broker/sqlite-broker.js'

const [dir, farDir, before, after] = process.argv.slice(2)
const topic = { topic: 'books.coinbase', partitions: 2, retentionMs: 3_600_000, retentionBytes: 1e12 }
const PER_CALL = 10
const DRAIN_PAUSE_MS = 5
const say = (line) => writeSync(1, `${line}\n`)

const far = await openSqliteBroker({ dir: farDir, nowMs: Date.now, random: Math.random })
await far.ensureTopics([topic])
let isThere = false
const broker = await openSpoolingBroker({
  dir,
  connect: async () => {
    if (!isThere) throw new Error('away')
    const publish = async (records) => {
      await sleep(DRAIN_PAUSE_MS)
      await far.publish(records)
      say(`sent ${records.length}`)
    }
    return { ...far, publish }
  },
  bytesMax: 1e9,
  topics: [topic],
  nowMs: Date.now,
  monotonicMs: () => performance.now(),
  random: Math.random,
  log: pino({ level: 'silent' }),
  limits: { startMs: 10, retryMs: 5, retryMsMax: 10, batchRecordsMax: 20, segmentBytesMax: 100_000 },
})

async function publish(calls, from) {
  for (let call = from; call < from + calls; call++) {
    const records = Array.from({ length: PER_CALL }, (_, i) => {
      const n = call * PER_CALL + i + 1
      return {
        topic: topic.topic,
        partition: 0,
        key: 'BTC-USD',
        run: 'run-1',
        n,
        value: `run-1-${n} `.padEnd(500, 'x'),
      }
    })
    try {
      await broker.publish(records)
      say(`acknowledged ${(call + 1) * PER_CALL}`)
    } catch (error) {
      say(`refused ${error.code}`)
      process.exit(1)
    }
  }
}

await publish(Number(before), 0)
isThere = true
await publish(Number(after), Number(before))
while (broker.status().isSpooling) await sleep(5)
say('drained')
await broker.close()
