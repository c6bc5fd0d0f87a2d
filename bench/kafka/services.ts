import { resolve } from 'node:path'
import { Client } from 'pg'
import { kafkaJars } from '../../ops/kafka/kafka-jars.ts'
import { type LocalKafka, startKafka } from '../../ops/kafka/local-kafka.ts'
import { startPostgres } from '../../ops/postgres/local-postgres.ts'
import { readEnvironment } from '../../src/config.ts'
import { EngineError } from '../../src/models/engine-error.ts'

/** Where tools that are fetched once are kept: below DATA_DIR, with what `npm run kafka` fetches. */
export function toolFolder(name: string): string {
  return resolve(readEnvironment()['DATA_DIR'] ?? 'data', name)
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** A Kafka of one broker with new data below `dir`, its JVM made for long work. Throws an EngineError. */
export async function startBenchKafka(dir: string): Promise<LocalKafka> {
  const jars = await kafkaJars({ cacheDir: toolFolder('kafka'), say })
  return startKafka({ jars, dataDir: resolve(dir, 'kafka'), fast: true })
}

/** What `start` answers; where a tool is missing or cannot be fetched, a line that says what is left out, and nothing. */
export async function ifThere<T>(leftOut: string, start: () => Promise<T>): Promise<T | undefined> {
  try {
    return await start()
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    say(`left out: ${leftOut}: ${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`)
    return undefined
  }
}

/** A PostgreSQL server in which every run gets a database of its own. */
export type Databases = {
  fresh<T>(work: (url: string) => Promise<T>): Promise<T>
  stop(): Promise<void>
}

/** What a server does that is not asked for anything; a local one for tests would not wait for the disk. */
const DURABLE = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' }

/** Throws an EngineError where this machine has no PostgreSQL. */
export async function startDatabases(dir: string): Promise<Databases> {
  const server = await startPostgres({ dataDir: resolve(dir, 'postgres'), settings: DURABLE })
  let made = 0

  async function query(text: string): Promise<void> {
    const client = new Client(server.url)
    await client.connect()
    await client.query(text)
    await client.end()
  }

  return {
    async fresh(work) {
      const name = `bench_${++made}`
      await query(`CREATE DATABASE ${name}`)
      const url = new URL(server.url)
      url.pathname = `/${name}`
      try {
        return await work(url.href)
      } finally {
        await query(`DROP DATABASE ${name} WITH (FORCE)`)
      }
    },
    stop: () => server.stop(),
  }
}
