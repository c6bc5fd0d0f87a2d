import { pino } from 'pino'
import type { Broker } from '../../src/broker/broker.ts'
import { openBroker, openPublishingBroker } from '../../src/broker/open-broker.ts'
import { loadConfig } from '../../src/config.ts'
import { pipeline } from '../../src/pipeline.ts'
import { runProcessors } from '../../src/processors/run-processors.ts'
import { openStore } from '../../src/store/open-store.ts'
import type { Commit, Store } from '../../src/store/store.ts'
import { PARTITIONS } from './books.ts'
import type { Follow, Follower } from './follow.ts'

/** The engine with the settings that anybody has who names a broker and a database, and no more. */

export type OurSettings = {
  readonly brokers: readonly string[]
  /** A folder that nobody else has: the store lies there where there is no database. */
  readonly dir: string
  readonly databaseUrl?: string | undefined
}

const log = pino({ level: 'warn' }, pino.destination(2))
const clocks = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  random: () => Math.random(),
}

export function openOurBroker(settings: OurSettings): Promise<Broker> {
  return openBroker(configOf(settings), { ...clocks, log })
}

/** With a spool before it, as `ingest` publishes. */
export function openOurProducer(settings: OurSettings) {
  return openPublishingBroker(configOf(settings), { ...clocks, log })
}

function configOf({ brokers, dir, databaseUrl }: OurSettings) {
  return loadConfig({
    KAFKA_BROKERS: brokers.join(','),
    FEED_PARTITIONS: String(PARTITIONS),
    DATA_DIR: dir,
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
  })
}

/** All processors over all topics, into a store. What `topic` has reached is told once its rows are committed. */
export async function followOurs({
  topic,
  group,
  onReached,
  ...settings
}: Follow & OurSettings): Promise<Follower> {
  const config = configOf(settings)
  const broker = await openOurBroker(settings)
  const store = await openStore(config, clocks.monotonicMs)
  const runner = await runProcessors({
    broker,
    store: watched(store, topic, onReached),
    processors: pipeline(config),
    group,
    lateMaxMs: config.lateMaxMs,
    monotonicMs: clocks.monotonicMs,
    log,
  })
  return {
    done: runner.done,
    async close() {
      await runner.close()
      await store.close()
      await broker.close()
    },
  }
}

/** The same store, that tells how far every commit has moved the partitions of a topic. */
function watched(store: Store, topic: string, onReached: Follow['onReached']): Store {
  const partitions = new Map<number, number>()
  return {
    ...store,
    async claim(requests) {
      const claims = await store.claim(requests)
      for (const claim of claims) if (claim.topic === topic) partitions.set(claim.id, claim.partition)
      return claims
    },
    async commit(commit) {
      const positions = positionsOf(commit)
      const answer = await store.commit(commit)
      if (answer.fenced.length > 0) return answer
      for (const [id, position] of positions) {
        const partition = partitions.get(id)
        if (partition !== undefined) onReached(partition, position)
      }
      return answer
    },
  }
}

/** Where the slowest reader of each partition stands after the commit. */
function positionsOf({ partitions }: Commit): [number, number][] {
  return partitions.map(({ id, readers }) => [id, Math.min(...readers.map(({ position }) => position))])
}
