import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'
import { kafkaJars } from '../../ops/kafka/kafka-jars.ts'
import { startKafka } from '../../ops/kafka/local-kafka.ts'
import { startPostgres } from '../../ops/postgres/local-postgres.ts'
import { EngineError } from '../../src/models/engine-error.ts'
import type { Answer, Services } from './services.ts'

/**
 * Real services for tests: each is started when the first test file asks for it, is shared by all, and ends with the run.
 * Test files run in processes of their own, so they ask over HTTP.
 */
export default async function startServices(project: TestProject): Promise<() => Promise<void>> {
  const ends: (() => Promise<void>)[] = []
  const starters = startersOf((end) => ends.push(end))
  const answers = new Map<string, Promise<Answer<unknown>>>()

  const server = createServer(async (request, response) => {
    const name = request.url!.slice(1) as keyof Services
    if (!answers.has(name)) answers.set(name, answerOf<unknown>(name, starters[name]))
    response.end(JSON.stringify(await answers.get(name)))
  }).listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  project.provide('servicesUrl', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)

  return async () => {
    server.close()
    server.closeAllConnections()
    await Promise.all(answers.values())
    await Promise.all(ends.map((end) => end()))
  }
}

type Starters = { readonly [Name in keyof Services]: () => Promise<Services[Name]> }

function startersOf(onEnd: (end: () => Promise<void>) => void): Starters {
  const jars = () => kafkaJars({ cacheDir: resolve('data/kafka'), say: (line) => say(line) })
  return {
    'kafka-jars': jars,
    kafka: async () => {
      const brokers = process.env['TEST_KAFKA_BROKERS']?.split(',')
      if (brokers !== undefined) return { brokers }
      const dataDir = temporaryFolder('kafka')
      const kafka = await startKafka({ jars: await jars(), dataDir })
      onEnd(() => kafka.stop().then(() => rmSync(dataDir, { recursive: true })))
      return { brokers: kafka.brokers }
    },
    postgres: async () => {
      const url = process.env['TEST_DATABASE_URL']
      if (url !== undefined) return { url }
      const dataDir = temporaryFolder('postgres')
      const postgres = await startPostgres({ dataDir })
      onEnd(() => postgres.stop().then(() => rmSync(dataDir, { recursive: true })))
      return { url: postgres.url }
    },
  }
}

/** What cannot be started is said once; the tests that need it are skipped, or fail where CI is set. */
async function answerOf<Value>(name: string, start: () => Promise<Value>): Promise<Answer<Value>> {
  try {
    return { value: await start() }
  } catch (error) {
    const hint = error instanceof EngineError && error.hint !== undefined ? ` (${error.hint})` : ''
    const missing = `${(error as Error).message}${hint}`
    say(`no ${name} for the tests: ${missing}`)
    return { missing }
  }
}

function temporaryFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `tidebook-${name}-`))
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
