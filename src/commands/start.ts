import { readEnvironment } from '../config.ts'
import type { Context } from './context.ts'
import { supervise } from './supervise.ts'

/** Everything against the configured venues, each part, and each venue, a process of its own. Exit 1 where a part gave up. */
export async function start(context: Context): Promise<number> {
  const { config, log, stop } = context
  const venues = config.venues.map(({ venue }) => venue)
  log.info({ venues, dataDir: config.dataDir }, 'starting')
  const parts = [
    ...venues.map((venue) => ({ name: 'ingest', args: ['--venue', venue] })),
    ...['schedule', 'process'].map((name) => ({ name, args: [] })),
  ]
  const gaveUp = await supervise(parts, { env: readEnvironment(), log, stop, ...terminal(context) })
  return gaveUp.length === 0 ? 0 : 1
}

/** How lines of parts are shown: as our own log is. */
export function terminal(context: Context) {
  const human = process.stderr.isTTY
  return {
    human,
    color: human && context.config.noColor === undefined,
    say: (line: string) => process.stderr.write(`${line}\n`),
  }
}
