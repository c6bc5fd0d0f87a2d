// Publishes to the log in a folder and writes a line after every acknowledgement, so that whoever ends this process knows
// what it had been promised. Runs the compiled broker, as users do.
//   node publish-child.mjs <dir> <run> <records> <records a call> [value bytes]
import { writeSync } from 'node:fs'
import { openSqliteBroker } from '../../dist/src/broker/sqlite-broker.js'

const [dir, run, total, perCall, valueBytes = '1300'] = process.argv.slice(2)
const topic = 'books.coinbase'
const say = (line) => writeSync(1, `${line}\n`)

const broker = await openSqliteBroker({ dir, nowMs: Date.now, random: Math.random })
await broker.ensureTopics([{ topic, partitions: 2, retentionMs: 3_600_000, retentionBytes: 1e12 }])
say('ready')

let refused = 0
for (let n = 1; n <= Number(total) && refused < 3; n += Number(perCall)) {
  const records = Array.from({ length: Number(perCall) }, (_, i) => ({
    topic,
    partition: 0,
    key: 'BTC-USD',
    run,
    n: n + i,
    value: `${run}-${n + i} `.padEnd(Number(valueBytes), 'x'),
  }))
  try {
    await broker.publish(records)
    say(`acknowledged ${n + Number(perCall) - 1}`)
  } catch (error) {
    refused++
    say(`refused ${error.code}`)
  }
}
await broker.close().catch((error) => say(`close ${error.code}`))
