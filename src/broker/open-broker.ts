import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { EngineError } from '../models/engine-error.ts'
import { allTopics, type Kind, kindOf, topicSpecs } from '../models/topics.ts'
import type { Broker, TopicSettings } from './broker.ts'
import { type KafkaBrokerOptions, openKafkaBroker } from './kafka-broker.ts'
import type { Publishing } from './publisher.ts'
import { openSpoolingBroker } from './spooling-broker.ts'
import { openSqliteBroker } from './sqlite-broker.ts'

/** Rejections and insights are kept by age; this is only where a flood of bad input is stopped from filling the disk. */
const REPORTS_RETENTION_BYTES = 2_000_000_000

/** Why a group and a client of ours can be told apart in Kafka's own tools. */
const CLIENT_ID = 'tidebook'

export type BrokerAbout = {
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly random: () => number
  readonly log: Logger
}

/**
 * The broker that the settings ask for, with every topic of ours in place: Kafka where KAFKA_BROKERS is set, otherwise the
 * embedded log below DATA_DIR. Topics that are there with other settings are said and left alone. Rejects with an EngineError.
 */
export async function openBroker(config: Config, about: BrokerAbout): Promise<Broker> {
  const { log, nowMs, random } = about
  const { kafkaBrokers, dataDir } = config
  if (kafkaBrokers === undefined) {
    log.debug({ dataDir }, 'topics are kept in the embedded log')
    return withTopics(await openSqliteBroker({ dir: dataDir, nowMs, random, log }), config, log)
  }
  log.debug({ brokers: kafkaBrokers }, 'topics are kept on Kafka')
  const broker = await openKafkaBroker({ ...kafkaOptions(config, kafkaBrokers), ...about })
  return withTopics(broker, config, log)
}

async function withTopics(broker: Broker, config: Config, log: Logger): Promise<Broker> {
  try {
    const differences = await broker.ensureTopics(allTopics().map((topic) => topicSettings(topic, config)))
    for (const difference of differences) log.warn(difference)
    return broker
  } catch (error) {
    await broker.close()
    throw error
  }
}

function kafkaOptions(config: Config, brokers: readonly string[]) {
  const { kafkaSasl: mechanism, kafkaUsername: username, kafkaPassword: password } = config
  const isKnown = mechanism !== 'none' && username !== undefined && password !== undefined
  return {
    brokers,
    clientId: CLIENT_ID,
    tls: config.kafkaTlsCaFile === undefined ? config.kafkaTls : { ca: certificate(config.kafkaTlsCaFile) },
    sasl: isKnown ? { mechanism, username, password } : undefined,
    replication: config.kafkaReplication,
    compression: config.kafkaCompression,
    sessionMs: config.kafkaSessionMs,
    lingerMs: config.lingerMs,
  } satisfies Partial<KafkaBrokerOptions>
}

function certificate(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new EngineError('bad-config', `KAFKA_TLS_CA_FILE names ${file}, which cannot be read`, {
      cause: error,
      hint: 'it holds the certificate of the authority that signed those of the brokers, as PEM text',
    })
  }
}

/** Partitions and retention of a topic of ours. */
export function topicSettings(topic: string, config: Config): TopicSettings {
  const kind = kindOf(topic) as Kind
  const partitions = Math.min(config.feedPartitions, topicSpecs[kind].partitionsMax)
  return { topic, partitions, ...retentionOf(kind, config) }
}

function retentionOf(kind: Kind, config: Config): Pick<TopicSettings, 'retentionMs' | 'retentionBytes'> {
  switch (kind) {
    case 'books':
      return { retentionMs: config.booksRetentionMs, retentionBytes: config.booksRetentionBytes }
    case 'trades':
      return { retentionMs: config.tradesRetentionMs, retentionBytes: config.tradesRetentionBytes }
    case 'tickers':
      return { retentionMs: config.tickersRetentionMs, retentionBytes: config.tickersRetentionBytes }
    default:
      return { retentionMs: config.reportsRetentionMs, retentionBytes: REPORTS_RETENTION_BYTES }
  }
}

/**
 * What a producer publishes to. On Kafka there is a spool before it: records are taken while it is away, from the start on.
 * Rejects with an EngineError where the embedded log cannot be opened, the spool is broken, or Kafka turns us away.
 */
export async function openPublishingBroker(
  config: Config,
  about: BrokerAbout,
): Promise<Publishing & { close(): Promise<void> }> {
  if (config.kafkaBrokers === undefined) return openBroker(config, about)
  const { nowMs, monotonicMs, random, log } = about
  return openSpoolingBroker({
    // The spool lingers for both, so that a record waits once.
    connect: () => openBroker({ ...config, lingerMs: 0 }, about),
    lingerMs: config.lingerMs,
    dir: join(config.dataDir, 'spool'),
    bytesMax: config.spoolBytes,
    topics: allTopics().map((topic) => topicSettings(topic, config)),
    nowMs,
    monotonicMs,
    random,
    log,
  })
}
