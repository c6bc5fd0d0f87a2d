import { MEMORY } from '../../src/broker/sqlite/log-file.ts'
import { brokerSuite } from './broker-suite.ts'
import { openEmbedded, temporaryDir } from './logs.ts'

const places: Record<string, () => string> = {
  'sqlite file': temporaryDir,
  'sqlite memory': () => MEMORY,
}

for (const [name, place] of Object.entries(places)) brokerSuite(name, () => openEmbedded(place()))
