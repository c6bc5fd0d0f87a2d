import type { Broker } from '../../src/broker/broker.ts'
import { MEMORY } from '../../src/broker/sqlite-log-file.ts'
import { brokerSuite } from './broker-suite.ts'
import { openLog, temporaryDir } from './logs.ts'

const brokers: Record<string, () => Promise<Broker>> = {
  'sqlite file': () => openLog(temporaryDir()),
  'sqlite memory': () => openLog(MEMORY),
}

for (const [name, open] of Object.entries(brokers)) brokerSuite(name, open)
