import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findJava } from '../../ops/kafka/kafka-java.ts'
import { EngineError } from '../../src/models/engine-error.ts'
import { ifThere, say, toolFolder } from './services.ts'

/** The same work by others: programs of their own below bench/peers, set up once by their own package managers. */
export type Peer = {
  readonly name: string
  /** What it took them to read, validate, keep and commit; how each counts stands at the head of its program. */
  seconds(task: PeerTask): Promise<number>
}

export type PeerTask = {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly group: string
  readonly records: number
  /** A folder for its state. */
  readonly dir: string
}

/** A registry over a slow line; after that it is a line that does not work. */
const SET_UP_MS_MAX = 10 * 60_000
/** A hundred times what it takes. */
const RUN_MS_MAX = 20 * 60_000

/** Compiled, this file lies in dist/bench/kafka; what is not TypeScript stays beside the sources. */
const PEERS = fileURLToPath(new URL('../../../bench/peers/', import.meta.url))

const run = promisify(execFile)

/** Those whose tools are there. What is missing is said. */
export async function findPeers(): Promise<Peer[]> {
  const found = [await ifThere('aiokafka + pydantic', aiokafka), await ifThere('Kafka Streams', kafkaStreams)]
  return found.filter((peer) => peer !== undefined)
}

async function aiokafka(): Promise<Peer> {
  const home = join(PEERS, 'aiokafka')
  const folder = await setUp('peer-aiokafka', home, async (into) => {
    await tool('python3', ['-m', 'venv', into], 'apt-get install python3-venv')
    const install = ['-m', 'pip', 'install', '--quiet', '-r', join(home, 'requirements.txt')]
    await tool(join(into, 'bin', 'python'), install, 'pip needs pypi.org, or a mirror of it')
  })
  const [python, program] = [join(folder, 'bin', 'python'), join(home, 'best_prices.py')]
  return {
    name: 'aiokafka + pydantic v2 (Python)',
    seconds: ({ brokers, topic, group, records, dir }) =>
      reportedSeconds(python, [
        program,
        brokers.join(','),
        topic,
        group,
        String(records),
        join(dir, 'py.db'),
      ]),
  }
}

async function kafkaStreams(): Promise<Peer> {
  const home = join(PEERS, 'kafka-streams')
  const java = await findJava()
  const folder = await setUp('peer-kafka-streams', home, (into) => {
    const build = ['-B', '-q', '-f', join(home, 'pom.xml'), 'process-classes', `-Dout=${into}`]
    return tool('mvn', build, 'apt-get install maven default-jdk-headless; it needs repo.maven.apache.org')
  })
  const classPath = [join(folder, 'classes'), join(folder, 'jars', '*')].join(delimiter)
  return {
    name: 'Kafka Streams (Java)',
    seconds: ({ brokers, topic, group, records, dir }) =>
      reportedSeconds(java, [
        '-Xmx512m',
        '-cp',
        classPath,
        'BestPrices',
        brokers.join(','),
        topic,
        group,
        String(records),
        join(dir, 'streams'),
      ]),
  }
}

/**
 * The folder that `make` has filled for exactly these sources, now or before. A virtual environment knows its own path, so it
 * is made in place; a file says that it is whole.
 */
async function setUp(name: string, home: string, make: (into: string) => Promise<unknown>): Promise<string> {
  const folder = `${toolFolder(name)}-${hashOf(home)}`
  const whole = join(folder, 'whole')
  if (existsSync(whole)) return folder
  say(`setting up ${name} in ${folder}, once`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(toolFolder('.'), { recursive: true })
  await make(folder)
  writeFileSync(whole, '')
  return folder
}

function hashOf(home: string): string {
  const hash = createHash('sha256')
  for (const path of (readdirSync(home, { recursive: true }) as string[]).sort()) {
    if (statSync(join(home, path)).isFile()) hash.update(path).update(readFileSync(join(home, path)))
  }
  return hash.digest('hex').slice(0, 12)
}

async function tool(command: string, args: readonly string[], hint: string): Promise<void> {
  try {
    await run(command, [...args], { timeout: SET_UP_MS_MAX })
  } catch (cause) {
    const { code, message } = cause as Error & { code?: unknown }
    const isMissing = code === 'ENOENT'
    throw new EngineError(
      isMissing ? 'tool-missing' : 'service-failed',
      isMissing ? `${command} was not found` : `it cannot be set up: ${message.trim().replaceAll('\n', ' ')}`,
      { hint, cause },
    )
  }
}

/** The last line of what a peer prints is its report. */
async function reportedSeconds(command: string, args: readonly string[]): Promise<number> {
  const { stdout } = await run(command, [...args], { timeout: RUN_MS_MAX })
  const { seconds } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { seconds: number }
  return seconds
}
