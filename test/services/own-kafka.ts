import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { type KafkaToolName, kafkaTool } from '../../ops/kafka/kafka-tools.ts'
import { type LocalKafka, type LocalKafkaOptions, startKafka } from '../../ops/kafka/local-kafka.ts'
import { describeWith, service } from './services.ts'

/** Kafkas of a test file's own, to be crashed, paused and restarted; importing this starts none. */
const jars = await service('kafka-jars')

export type OwnKafkas = {
  /** Starts one, with data of its own unless `dataDir` says where. It is ended after the block of tests. */
  start(options?: Partial<Omit<LocalKafkaOptions, 'jars'>>): Promise<LocalKafka>
  /** Runs one of Kafka's own command line tools and answers its standard output. */
  tool(name: KafkaToolName, args: readonly string[], input?: string): Promise<string>
  /** A new one, removed after the block of tests: for what a Kafka needs besides its data. */
  folder(): string
}

/** A block of tests that starts Kafkas itself: some seconds each. */
export function withOwnKafka(name: string, tests: (kafkas: OwnKafkas) => void): void {
  describeWith(name, jars, (value) => {
    const started: LocalKafka[] = []
    const folders: string[] = []
    const newFolder = () => {
      const folder = mkdtempSync(join(tmpdir(), 'tidebook-kafka-'))
      folders.push(folder)
      return folder
    }
    afterAll(async () => {
      await Promise.all(started.map((kafka) => kafka.stop()))
      for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    })
    tests({
      async start(options = {}) {
        const kafka = await startKafka({ ...options, dataDir: options.dataDir ?? newFolder(), jars: value })
        started.push(kafka)
        return kafka
      },
      tool: (tool, args, input) => kafkaTool(value, tool, args, input),
      folder: newFolder,
    })
  })
}
