import { setTimeout as delay } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { type Kysely, sql } from 'kysely'
import { pino } from 'pino'
import type { LocalKafka } from '../../ops/kafka/local-kafka.ts'
import { type Broker, tpName } from '../../src/broker/broker.ts'
import { openBroker } from '../../src/broker/open-broker.ts'
import { type Config, loadConfig } from '../../src/config.ts'
import { EngineError } from '../../src/models/engine-error.ts'
import { pipeline } from '../../src/pipeline.ts'
import { runProcessors } from '../../src/processors/run-processors.ts'
import { endsOf } from '../../src/processors/running/caught-up.ts'
import { openReadStore } from '../../src/store/open-store.ts'
import { openSqliteStore } from '../../src/store/sqlite-store.ts'
import { dump } from '../../src/store/verify-tables.ts'
import type { Views } from '../../src/store/views.ts'
import { type OwnKafkas, withOwnKafka } from '../services/own-kafka.ts'
import { type FreshDatabase, withPostgres } from '../services/postgres.ts'
import { type Ending, type Running, run, start, temporaryDir } from './commands.ts'
import { type Processing, startProcess, type Tables } from './tables.ts'

/** What scenarios on real Kafka and PostgreSQL are told with: brokers, workers and producers, and what they leave behind. */

export type Cluster = {
  readonly kafka: LocalKafka
  /** What every process of ours is started with. */
  readonly env: Readonly<Record<string, string>>
  /** A `process` in a folder of its own, as on a machine of its own. */
  worker(env?: Readonly<Record<string, string>>): Processing
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Running
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ending>
  /** A hand on the log of our own; whoever opens it closes it. */
  openBroker(): Promise<Broker>
  /** Looks at the log. */
  withBroker<T>(look: (broker: Broker) => Promise<T>): Promise<T>
  /** Looks at the tables; undefined while there are none. */
  withTables<T>(look: (db: Kysely<Views>) => Promise<T>): Promise<T | undefined>
  /** How far each processor is on each partition; nothing while there are no tables. */
  positions(): Promise<Position[]>
  /** Does something to Kafka that none of our own commands does. */
  withAdmin<T>(act: (admin: kafkajs.Admin) => Promise<T>): Promise<T>
  /** Waits until everything on the log is in the tables. Rejects where it takes longer than that. */
  untilThrough(withinMs?: number): Promise<void>
  /** Every table, the ledger, and what was told, as the workers made them. */
  tables(): Promise<Tables>
  /** The same, as one processor makes them of the same log when nobody disturbs it. */
  undisturbed(): Promise<Tables>
}

export type Position = Pick<
  Views['positions'],
  'processor' | 'topic' | 'partition' | 'position' | 'lost' | 'duplicate' | 'foreign_records'
>

export type ClusterOptions = {
  readonly env?: Readonly<Record<string, string>>
  /** Where clients find the brokers, where it is not where they are: a proxy. */
  readonly address?: string
  readonly brokers?: 1 | 3
}

/** Shorter than anybody would run it with, so that tests need not wait: the local Kafka takes one second and more. */
export const SESSION_MS = 4_000
const LOOK_MS = 100
const THROUGH_MS = 90_000
const log = pino({ level: 'silent' })
const monotonicMs = () => performance.now()

/** A block of tests that start clusters: Kafkas of their own, and databases of the PostgreSQL that all share. */
export function withClusters(name: string, tests: (clusters: Clusters) => void): void {
  withOwnKafka(name, (kafkas) => {
    withPostgres('with PostgreSQL', (freshDatabase) => {
      tests({ open: (options = {}) => openCluster(kafkas, freshDatabase, options), tool: kafkas.tool })
    })
  })
}

export type Clusters = {
  open(options?: ClusterOptions): Promise<Cluster>
  readonly tool: OwnKafkas['tool']
}

async function openCluster(
  kafkas: OwnKafkas,
  freshDatabase: FreshDatabase,
  options: ClusterOptions,
): Promise<Cluster> {
  const { brokers = 1, address } = options
  const overrides = address === undefined ? {} : { 'advertised.listeners': `PLAINTEXT://${address}` }
  const kafka = await kafkas.start({ brokers, overrides })
  const env = {
    KAFKA_BROKERS: address ?? kafka.brokers.join(','),
    DATABASE_URL: await freshDatabase(),
    KAFKA_SESSION_MS: String(SESSION_MS),
    KAFKA_REPLICATION: String(brokers),
    FEED_PARTITIONS: '6',
    LOG_LEVEL: 'info',
    ...options.env,
  }
  const dir = temporaryDir()
  const config = loadConfig({ ...env, DATA_DIR: dir })

  const openOwn = () => openBroker(config, { nowMs: Date.now, monotonicMs, random: Math.random, log })

  async function withBroker<T>(look: (broker: Broker) => Promise<T>): Promise<T> {
    const broker = await openOwn()
    try {
      return await look(broker)
    } finally {
      await broker.close()
    }
  }

  async function withTables<T>(look: (db: Kysely<Views>) => Promise<T>): Promise<T | undefined> {
    const store = await openReadStore(config).catch((error: unknown) => {
      if (error instanceof EngineError && error.code === 'store-missing') return undefined
      throw error
    })
    try {
      return store && (await look(store.db))
    } finally {
      await store?.close()
    }
  }

  async function withAdmin<T>(act: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
    const admin = bareKafka(env).admin()
    await admin.connect()
    try {
      return await act(admin)
    } finally {
      await admin.disconnect()
    }
  }

  const positions = async () => (await withTables(positionsIn)) ?? []

  return {
    kafka,
    env,
    worker: (more) => startProcess(temporaryDir(), [], { env: { ...env, ...more } }),
    start: (args, more) => start(dir, args, { env: { ...env, ...more } }),
    run: (args, more) => run(dir, args, { env: { ...env, ...more } }),
    openBroker: openOwn,
    withBroker,
    withTables,
    withAdmin,
    positions,
    untilThrough: (withinMs = THROUGH_MS) =>
      withBroker((broker) =>
        until('everything on the log is in the tables', withinMs, async () =>
          isThrough(await positions(), await endsOf(broker)),
        ),
      ),
    tables: async () => (await withTables((db) => tablesOf(db, config))) ?? {},
    undisturbed: () => withBroker((broker) => replay(broker, config)),
  }
}

/** kafkajs without anything of ours. */
export function bareKafka(env: Cluster['env']): kafkajs.Kafka {
  return new kafkajs.Kafka({
    brokers: env['KAFKA_BROKERS']!.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
  })
}

function positionsIn(db: Kysely<Views>): Promise<Position[]> {
  return db
    .selectFrom('positions')
    .select(['processor', 'topic', 'partition', 'position', 'lost', 'duplicate', 'foreign_records'])
    .execute()
}

/** `until` once more and once more, until it says yes. Rejects, with what it was about, where that takes too long. */
export async function until(
  what: string,
  withinMs: number,
  isSo: () => Promise<boolean>,
  lookMs = LOOK_MS,
): Promise<void> {
  const untilMs = monotonicMs() + withinMs
  while (!(await isSo())) {
    if (monotonicMs() > untilMs) throw new Error(`still not so after ${withinMs} ms: ${what}`)
    await delay(lookMs)
  }
}

function isThrough(positions: readonly Position[], ends: ReadonlyMap<string, number>): boolean {
  return [...ends].every(([name, end]) => {
    const reached = positions.filter((position) => tpName(position) === name)
    return end === 0 || (reached.length > 0 && reached.every(({ position }) => position >= end))
  })
}

async function replay(broker: Broker, config: Config): Promise<Tables> {
  const store = openSqliteStore({ file: ':memory:', monotonicMs })
  const quiet = { info() {}, warn() {}, error() {} }
  const runner = await runProcessors({
    broker: { ...broker, commitOffsets: async () => undefined },
    store,
    processors: pipeline(config),
    group: `undisturbed-${Date.now().toString(36)}`,
    lateMaxMs: config.lateMaxMs,
    monotonicMs,
    log: quiet,
  })
  await runner.caughtUp()
  await runner.close()
  const tables = await tablesOf(store.db, config)
  await store.close()
  return tables
}

async function tablesOf(db: Kysely<Views>, config: Config): Promise<Tables> {
  const tables: Record<string, readonly string[]> = {}
  for (const { table } of pipeline(config)) tables[table.name] = await dump(db, table)
  tables['positions'] = await rowsOf(
    db,
    sql`SELECT processor, topic, partition, first, position, applied, duplicate, too_late, foreign_records, lost
        FROM positions ORDER BY processor, topic, partition`,
  )
  // Not what they say: of those that were delivered, only the name is kept.
  tables['outbox'] = (await rowsOf(db, sql`SELECT id, kind FROM outbox`)).sort()
  return tables
}

async function rowsOf(db: Kysely<Views>, query: ReturnType<typeof sql>): Promise<string[]> {
  const { rows } = await query.execute(db)
  return rows.map((row) => JSON.stringify(row))
}
