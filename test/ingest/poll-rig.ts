import { pino } from 'pino'
import type { Alert } from '../../src/alerts/alert.ts'
import type { Broker, OutgoingRecord } from '../../src/broker/broker.ts'
import type { Publishing } from '../../src/broker/publisher.ts'
import { MEMORY } from '../../src/broker/sqlite/log-file.ts'
import { openSqliteBroker } from '../../src/broker/sqlite-broker.ts'
import { coinbase } from '../../src/ingest/coinbase.ts'
import { type PollOutcome, type PollSettings, runPoll } from '../../src/ingest/poll.ts'
import { FeedRecord } from '../../src/models/feed-records.ts'
import { ProductBook } from '../../src/models/product-book.ts'
import { RejectionRecord } from '../../src/models/rejection.ts'
import { DAY_MS } from '../../src/models/time.ts'
import { allTopics, REJECTIONS_TOPIC } from '../../src/models/topics.ts'
import { type LocalVenue, openLocalVenue, type Reply } from './local-venue.ts'

/** Everything that may lie on the topics of an ingestor, by `type`. */
type Value = ProductBook | FeedRecord | RejectionRecord
type Of<Type extends Value['type']> = Extract<Value, { type: Type }>

export type Rig = {
  readonly venue: LocalVenue
  readonly alerts: readonly Alert[]
  /** What the log has acknowledged so far, in order, each checked against its schema. */
  readonly values: readonly Value[]
  of<Type extends Value['type']>(type: Type): Of<Type>[]
  /** Resolves when what was acknowledged satisfies `holds`. */
  until(holds: () => boolean): Promise<void>
  /** Stops the run in order and answers how it ended. */
  stop(): Promise<PollOutcome>
  /** Resolves when the run has ended by itself. */
  readonly ended: Promise<PollOutcome>
  close(): Promise<void>
}

export type RigSettings = Partial<Omit<PollSettings, 'policy'>> & {
  readonly policy?: Partial<PollSettings['policy']>
  readonly reply: (product: string, call: number) => Reply
  /** Small enough, the log's disk is soon full. */
  readonly pagesMax?: number
  readonly partitions?: number
  /** What the run publishes to, made of the log; otherwise that itself. */
  readonly before?: (log: Broker) => Promise<Publishing>
}

/** The real poll loop between a real server on loopback and a real log, its waits made short. */
export async function startPoll(settings: RigSettings): Promise<Rig> {
  const { reply, policy, pagesMax, partitions = 1, before, ...overrides } = settings
  const venue = await openLocalVenue(reply)
  const log = await openLog(partitions, pagesMax)
  const alerts: Alert[] = []
  const values: Value[] = []
  const waiters = new Set<() => void>()
  const stopping = new AbortController()

  async function publish(records: readonly OutgoingRecord[]): Promise<void> {
    await log.publish(records)
    values.push(...records.map(parse))
    for (const check of waiters) check()
  }

  const observed = { ...log, publish }
  const ended = runPoll({
    broker: before === undefined ? observed : await before(observed),
    run: 'run-1',
    venue: coinbase,
    baseUrl: venue.baseUrl,
    products: ['BTC-USD'],
    levelsMax: 20,
    pollMs: 20,
    rate: { perSecond: 1_000, burst: 1 },
    markMs: 20,
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    stop: stopping.signal,
    log: pino({ level: 'silent' }),
    tell: async (alert) => {
      alerts.push(alert)
    },
    ...overrides,
    policy: { timeoutMs: 2_000, bodyBytesMax: 1_000_000, retries: 5, retryMs: 1, ...policy },
  })

  return {
    venue,
    alerts,
    values,
    ended,
    of: <Type extends Value['type']>(type: Type) =>
      values.filter((value): value is Of<Type> => value.type === type),
    until: (holds) =>
      new Promise((resolve) => {
        const check = () => {
          if (!holds()) return
          waiters.delete(check)
          resolve()
        }
        waiters.add(check)
        check()
      }),
    stop: () => {
      stopping.abort()
      return ended
    },
    close: async () => {
      stopping.abort()
      await ended
      await venue.close()
      await log.close()
    },
  }
}

async function openLog(partitions: number, pagesMax: number | undefined): Promise<Broker> {
  const limit = pagesMax === undefined ? {} : { pagesMax }
  const log = await openSqliteBroker({ dir: MEMORY, nowMs: () => Date.now(), random: () => 0.5, ...limit })
  const retention = { retentionMs: DAY_MS, retentionBytes: 1_000_000_000 }
  const topics = allTopics()
  await log.ensureTopics(
    topics.map((topic) => ({
      topic,
      partitions: topic === REJECTIONS_TOPIC ? 1 : partitions,
      ...retention,
    })),
  )
  return log
}

function parse({ topic, value }: OutgoingRecord): Value {
  const json: unknown = JSON.parse(value)
  if (topic === REJECTIONS_TOPIC) return RejectionRecord.parse(json)
  const isBook = (json as { type: string }).type === 'book'
  return isBook ? ProductBook.parse(json) : FeedRecord.parse(json)
}
