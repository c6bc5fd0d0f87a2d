import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { expect } from 'vitest'
import type { Broker } from '../../src/broker/broker.ts'
import { openBroker } from '../../src/broker/open-broker.ts'
import { loadConfig } from '../../src/config.ts'
import { recordingLog } from '../alerts/recording-log.ts'
import { type Ending, run, type StartOptions, start, temporaryDir } from './commands.ts'
import { history } from './kills.ts'
import { goodNow, hopeless, publishRefused } from './refused.ts'
import { askAll, endInOrder, startProcess, type Tables, tablesIn, untilThrough } from './tables.ts'

/** Commands that kill themselves at a named edge of a commit, and what their folders then hold. */

const CRASH_POINT = pathToFileURL(resolve('test/reliability/crash-point.mjs')).href
/** Each edge is passed within a second or two: a process that still lives never came by. */
const LIFE_MS_MAX = 20_000
const LOOK_MS = 10
const READ_RECORDS = 1_000

const toldFile = (dir: string): string => join(dir, 'told.txt')

/** Notes what is told, and kills where an edge is named. */
function crashing(dir: string, edge?: string, passing = 1): StartOptions {
  const env = { NODE_OPTIONS: `--import=${CRASH_POINT}`, CRASH_TOLD: toldFile(dir), LOG_LEVEL: 'silent' }
  if (edge === undefined) return { env: { ...env, LOG_LEVEL: 'info' } }
  return { env: { ...env, CRASH_EDGE: edge, CRASH_PASSING: String(passing) } }
}

/** Runs `tidebook ...args` until it has killed itself at the edge; fails where it ends in any other way. */
export async function killedAtEdge(
  dir: string,
  args: readonly string[],
  edge: string,
  passing = 1,
): Promise<void> {
  const running = start(dir, args, crashing(dir, edge, passing))
  const timer = setTimeout(() => running.signal('SIGTERM'), LIFE_MS_MAX)
  const { signal, stderr } = await running.ended
  clearTimeout(timer)
  expect({ signal, stderr }).toEqual({
    signal: 'SIGKILL',
    stderr: expect.stringContaining(`killed at ${edge}\n`),
  })
}

/** Runs `tidebook ...args` to its end; fails where that is not exit 0. */
export async function inOrder(dir: string, args: readonly string[]): Promise<Ending> {
  const ending = await run(dir, args)
  expect({ code: ending.code, stderr: ending.stderr }).toMatchObject({ code: 0 })
  return ending
}

/** Processes to the end, undisturbed, until everything was told and what was carried to the rejections is counted there. */
export async function processInOrder(dir: string): Promise<void> {
  const processing = startProcess(dir, [], crashing(dir))
  await untilThrough(dir, processing)
  const waiting = 'SELECT 1 FROM outbox WHERE delivered = 0 LIMIT 1'
  while (askAll(dir, waiting).length > 0 && !processing.hasEnded()) await delay(LOOK_MS)
  await endInOrder(dir, processing)
}

/** 400 books, 120 rejections of which the first 25 are good by now, and a record of nobody's behind the books. */
export async function smallLog(): Promise<string> {
  const dir = temporaryDir()
  await inOrder(dir, history(100))
  await publishRefused(dir, [...goodNow(GOOD_NOW), ...hopeless(95)])
  const broker = await openLog(dir)
  const foreign = { topic: 'books.coinbase', partition: 0, key: 'BTC-USD', run: 'somebody', n: 1 }
  await broker.publish([{ ...foreign, value: 'not a record of ours' }])
  await broker.close()
  return dir
}

export const GOOD_NOW = 25

/** Ids of the alerts that a sink has taken, in order, every time it has; those about rejections left over are not kept. */
export function toldIn(dir: string): string[] {
  if (!existsSync(toldFile(dir))) return []
  const ids = readFileSync(toldFile(dir), 'utf8').split('\n')
  return ids.filter((id) => id !== '' && !id.startsWith('remainder-'))
}

/**
 * The tables without what differs from run to run by its nature: when something was sent again or computed, and what was
 * dropped as a duplicate, which moves a position and nothing else.
 */
export async function countedIn(dir: string): Promise<Tables> {
  const { insights, positions, rejections, ...others } = await tablesIn(dir)
  return {
    ...others,
    rejections: rejections!.map((line) => line.replace(/("resent_?at_?ms":)\d+/i, '$1"yes"')),
    positions: positions!.filter((line) => !line.includes('"insights"')).map(withoutDuplicates),
  }
}

function withoutDuplicates(line: string): string {
  const ledger = JSON.parse(line) as { position: number; duplicate: number }
  return JSON.stringify({ ...ledger, position: ledger.position - ledger.duplicate, duplicate: 0 })
}

/** Everything on the log, one line a record: topic by topic, in the order of the offsets. */
export async function recordsIn(dir: string): Promise<string[]> {
  const broker = await openLog(dir)
  const lines: string[] = []
  for (const { topic, partitionInfos } of await broker.topics()) {
    for (const { partition, endOffset } of partitionInfos) {
      for (let offset = 0; offset < endOffset; ) {
        const records = await broker.read({ topic, partition }, offset, READ_RECORDS)
        lines.push(
          ...records.map(({ appendedAtMs: _when, ...record }) => JSON.stringify({ topic, ...record })),
        )
        offset += records.length
      }
    }
  }
  await broker.close()
  return lines
}

function openLog(dir: string): Promise<Broker> {
  const about = {
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    random: Math.random,
    log: recordingLog().log,
  }
  return openBroker(loadConfig({ DATA_DIR: dir }), about)
}
