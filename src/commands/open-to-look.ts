import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Broker } from '../broker/broker.ts'
import { openBroker } from '../broker/open-broker.ts'
import { editDistance } from '../config-text.ts'
import { EngineError } from '../models/engine-error.ts'
import type { Context } from './context.ts'

/** Names listed where none is near; more would hide the message. */
const NAMES_LISTED_MAX = 20

/** The topics, to look at. Throws EngineError `log-missing` where the embedded log has not been begun. */
export async function openToLook(context: Context): Promise<Broker> {
  if (!hasLog(context)) throw logMissing(context.config.dataDir)
  return openBroker(context.config, context)
}

/** Whether there are topics that somebody has begun: on Kafka always, the embedded log once it has a file. */
export function hasLog({ config }: Pick<Context, 'config'>): boolean {
  return config.kafkaBrokers !== undefined || existsSync(join(config.dataDir, 'log.db'))
}

function logMissing(dataDir: string): EngineError {
  const demoDir = join(dataDir, 'demo')
  const hint = existsSync(join(demoDir, 'log.db'))
    ? `the demo has a log of its own: set DATA_DIR=${demoDir}`
    : '`npm start` polls the venues, `npm run generate-mock -- --exit` makes some books; or set DATA_DIR or KAFKA_BROKERS'
  return new EngineError(
    'log-missing',
    `there are no topics yet: ${join(dataDir, 'log.db')} does not exist`,
    {
      hint,
    },
  )
}

/** A mistake of usage: there is no such name. What is near is named, else what there is. */
export function unknownName(what: string, name: string, known: readonly string[]): EngineError {
  const near = known
    .map((candidate) => ({ candidate, edits: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= candidate.length / 3)
    .sort((a, b) => a.edits - b.edits)
    .map(({ candidate }) => candidate)
  const listed = known.slice(0, NAMES_LISTED_MAX).join(', ') || 'none'
  return new EngineError('usage', `there is no ${what} ${JSON.stringify(name)}`, {
    hint: near.length > 0 ? `did you mean ${near.slice(0, 3).join(' or ')}?` : `there is ${listed}`,
  })
}
