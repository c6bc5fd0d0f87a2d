import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { warmUp } from './kafka/bare.ts'
import { latencyRow } from './kafka/latency.ts'
import { findPeers } from './kafka/peers.ts'
import { fillTopic, publishingRow } from './kafka/publishing.ts'
import { ifThere, startBenchKafka, startDatabases } from './kafka/services.ts'
import { readingRows } from './kafka/throughput.ts'
import type { BenchRow } from './row.ts'

/**
 * The engine on a real Kafka of this machine beside bare kafkajs, and beside the same work by others. Rows whose tools are
 * missing are left out, and standard error says which.
 */
export async function run(): Promise<BenchRow[]> {
  return measure({ records: 200_000, rounds: 5, liveSeconds: 10 })
}

export type Shape = {
  readonly records: number
  readonly rounds: number
  /** How long each run of the latency is. */
  readonly liveSeconds: number
}

export async function measure({ records, rounds, liveSeconds }: Shape): Promise<BenchRow[]> {
  const dir = mkdtempSync(join(tmpdir(), 'tidebook-bench-'))
  // PostgreSQL runs as a user of its own and must get through.
  chmodSync(dir, 0o755)
  const kafka = await ifThere('everything about Kafka', () => startBenchKafka(dir))
  const databases = kafka && (await ifThere('process from Kafka into PostgreSQL', () => startDatabases(dir)))
  try {
    if (kafka === undefined) return []
    const options = { brokers: kafka.brokers, dir, records, rounds }
    await warmUp(kafka.brokers)
    const publishing = await publishingRow(options)
    await fillTopic(options)
    const reading = await readingRows({ ...options, databases, peers: await findPeers() })
    const rows = [...reading, publishing, await latencyRow({ ...options, liveSeconds })]
    return [...rows.filter(({ bound }) => bound !== null), ...rows.filter(({ bound }) => bound === null)]
  } finally {
    await databases?.stop()
    await kafka?.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}
