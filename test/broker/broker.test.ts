import { MEMORY } from '../../src/broker/sqlite-log-file.ts'
import { brokerSuite, type Opened } from './broker-suite.ts'
import { ONE_PARTITION, openLog, TWO_PARTITIONS, temporaryDir } from './logs.ts'

const brokers: Record<string, () => Promise<Opened>> = {
  'sqlite file': () => sqlite(temporaryDir()),
  'sqlite memory': () => sqlite(MEMORY),
}

for (const [name, open] of Object.entries(brokers)) brokerSuite(name, open)

async function sqlite(dir: string): Promise<Opened> {
  let timeMs = 1_700_000_000_000
  const broker = await openLog(dir, { nowMs: () => timeMs++ })
  return { broker, books: TWO_PARTITIONS, rejections: ONE_PARTITION }
}
