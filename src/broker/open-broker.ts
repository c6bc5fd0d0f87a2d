import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { allTopics, type Kind, kindOf, topicSpecs } from '../models/topics.ts'
import type { Broker, TopicSettings } from './broker.ts'
import { openSqliteBroker } from './sqlite-broker.ts'

/** Rejections and insights are kept by age; this is only where a flood of bad input is stopped from filling the disk. */
const REPORTS_RETENTION_BYTES = 2_000_000_000

/** The broker that the settings ask for, with every topic of ours in place. Rejects with an EngineError. */
export async function openBroker(
  config: Config,
  about: { nowMs: () => number; random: () => number; log: Logger },
): Promise<Broker> {
  const { nowMs, random, log } = about
  log.debug({ dataDir: config.dataDir }, 'topics are kept in the embedded log')
  const broker = await openSqliteBroker({ dir: config.dataDir, nowMs, random, log })
  await broker.ensureTopics(allTopics().map((topic) => topicSettings(topic, config)))
  return broker
}

/** Partitions and retention of a topic of ours. */
export function topicSettings(topic: string, config: Config): TopicSettings {
  const kind = kindOf(topic) as Kind
  const partitions = Math.min(config.booksPartitions, topicSpecs[kind].partitionsMax)
  return kind === 'books'
    ? {
        topic,
        partitions,
        retentionMs: config.booksRetentionMs,
        retentionBytes: config.booksRetentionBytes,
      }
    : {
        topic,
        partitions,
        retentionMs: config.reportsRetentionMs,
        retentionBytes: REPORTS_RETENTION_BYTES,
      }
}
